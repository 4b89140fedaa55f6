# Builds that look for bugs. `./dev asan` and `./dev tsan` set these; nothing else should.
#
# The planted bugs prove that a sanitizer job can fail: each job builds with its bug first and
# stops when the bug is not reported.
option(HMR_ASAN "AddressSanitizer and UndefinedBehaviorSanitizer, assertions on" OFF)
option(HMR_TSAN "ThreadSanitizer, assertions on; builds the native tests" OFF)
option(HMR_NATIVE_TESTS "Build the tests that need no Python (ctest runs them)" ${HMR_TSAN})
option(HMR_PLANT_ASAN "Plant what AddressSanitizer, UBSan and the leak check must report" OFF)
option(HMR_PLANT_RACE "Plant a data race that ThreadSanitizer must report" OFF)

if(HMR_ASAN AND HMR_TSAN)
  message(FATAL_ERROR "HMR_ASAN and HMR_TSAN exclude each other")
elseif(HMR_ASAN)
  # What UBSan finds traps, and AddressSanitizer reports the trap with its stack: libubsan does
  # not write to a log file beside libasan. object-size: AddressSanitizer says more.
  set(hmr_sanitize -fsanitize=address,undefined -fno-sanitize=object-size
    -fsanitize-undefined-trap-on-error)
elseif(HMR_TSAN)
  set(hmr_sanitize -fsanitize=thread)
endif()
if(hmr_sanitize)
  target_compile_options(hmr_flags INTERFACE ${hmr_sanitize} -fno-omit-frame-pointer -g -UNDEBUG)
  target_link_options(hmr_flags INTERFACE ${hmr_sanitize})
endif()

if(HMR_PLANT_RACE)
  target_compile_definitions(hmr_flags INTERFACE HMR_PLANT_RACE)
endif()
if(HMR_PLANT_ASAN)
  target_sources(hmr_flags INTERFACE ${PROJECT_SOURCE_DIR}/tests/planted/memory.c)
endif()
