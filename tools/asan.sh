#!/usr/bin/env bash
# The suite under AddressSanitizer and UBSan, then a leak check: tools/asan.sh [PYTEST ARGS]
#
# Reports are files, build/asan/*.PID, one per process that wrote one, so that a server started
# by a test counts too; any report fails the job, whatever the tests say. First, bugs planted by
# tests/planted/memory.c must be reported, or the job could not fail at all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/environment.sh

[ "$(uname)" = Linux ] || die "./dev asan runs on Linux."

reports=$PWD/build/asan
options="log_path=$reports/report:handle_segv=2:handle_abort=1:handle_sigill=1"

# Runs "$@" with the sanitizer loaded. `leaks` as first argument looks for leaks at exit too:
# that needs whole stacks through Python's frames, which are slow to take.
sanitized() {
    local asan="$options:detect_leaks=0"
    if [ "$1" = leaks ]; then
        asan="$options:detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=20:exitcode=0"
        shift
    fi
    env HMR_SANITIZER=address PYTHONMALLOC=malloc LD_PRELOAD="$("${CC:-gcc}" -print-file-name=libasan.so)" \
        ASAN_OPTIONS="$asan" "$@"
}

# Whether there is a report that contains $1.
reported() {
    grep -rqs -- "$1" "$reports"
}

reports_clear() {
    rm -rf "$reports"
    mkdir -p "$reports"
}

# Runs the planted bug $1 in a process that a Python process started; a report that contains $2
# must come of it.
planted() {
    local bug=$1 expected=$2 how=${3:-}
    reports_clear
    HMR_PLANTED=$bug sanitized $how "$venv/bin/python" -c "
import subprocess, sys
subprocess.run([sys.executable, '-c', 'import hmr_serve._core, hmr_serve._asgi'])" 2>/dev/null || true
    [ "$bug" != leak ] || "$venv/bin/python" tools/leaks.py "$reports" >"$reports/filtered" || true
    reported "$expected" || die "the planted $bug was not reported: this job could not fail."
    say "planted $bug: reported"
}

# The reports there are, printed; fails when there are any.
reports_none() {
    [ -z "$(ls "$reports")" ] && return
    head -n 60 "$reports"/* >&2
    die "the sanitizers wrote $(ls "$reports" | wc -l) reports ($reports)."
}

HMR_VENV=.venv-asan
HMR_CMAKE="-DHMR_ASAN=ON -DHMR_PLANT_ASAN=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo"
export HMR_VENV HMR_CMAKE
environment_ready

planted overflow "heap-buffer-overflow"
planted undefined "AddressSanitizer: ILL"
planted leak "planted_leak" leaks

# Leaks: the same work, done more than 100 times, must not hold more memory, and what is left of it
# at exit must not come from us.
for script in tests/leaks/leak_*.py; do
    [ -e "$script" ] || continue
    reports_clear
    say "$script"
    sanitized leaks "$venv/bin/python" "$script" || die "$script failed."
    "$venv/bin/python" tools/leaks.py "$reports" 20 || die "$script leaks memory allocated by core/ or asgi/."
done

# The native tests have no Python in them: every leak there is ours.
say "native tests"
native=build/asan-native
cmake_run -S . -B $native -DHMR_ASAN=ON -DHMR_NATIVE_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    "-DPython_EXECUTABLE=$PWD/$venv/bin/python" >build/asan-native.log 2>&1 &&
    cmake_run --build $native --target native_tests --parallel 2 >>build/asan-native.log 2>&1 ||
    { tail -n 30 build/asan-native.log >&2 && die "the native tests' build failed."; }
ASAN_OPTIONS=handle_sigill=1:handle_abort=1 "$venv/bin/ctest" --test-dir $native --output-on-failure \
    --no-tests=error --timeout 300 >build/asan-native.log 2>&1 ||
    { cat build/asan-native.log >&2 && die "the native tests failed."; }

# The suite, without what tests the tools and the build.
reports_clear
verdict=0
sanitized "$venv/bin/python" -m pytest -m "not packaging" --ignore-glob='tests/test_build_*' \
    --ignore=tests/test_native.py "$@" || verdict=$?
reports_none
exit "$verdict"
