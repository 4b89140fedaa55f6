#!/usr/bin/env bash
# Fuzzing, for SECONDS (default 60) each: what parses bytes from the network, without Python, with
# libFuzzer, AddressSanitizer and UBSan; then random messages to the ASGI bridge. The corpus is
# tests/fuzz/corpus; new inputs that reach new code are added to it. A crash leaves its input in build/fuzz.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/environment.sh

seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || die "give a number of seconds: ./dev fuzz 60"
build=$PWD/build/fuzz
fuzz=$PWD/tests/fuzz
targets=(http websocket) # tests/fuzz/fuzz_*.c

# The newest clang whose libFuzzer is installed.
clang_find() {
    local clang
    for clang in clang $(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -t- -k2 -rn | uniq); do
        command -v "$clang" >/dev/null || continue
        printf 'int LLVMFuzzerTestOneInput(void) { return 0; }\n' |
            "$clang" -x c -fsanitize=fuzzer,address -o /dev/null - 2>/dev/null || continue
        printf '%s\n' "$clang"
        return
    done
    return 1
}

environment_ready
if ! clang=$(clang_find) && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt_update
    apt_install clang
    apt_install "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    clang=$(clang_find) || true
fi
[ -n "${clang:-}" ] || die "clang with libFuzzer is missing (Debian: apt-get install clang)."

mkdir -p "$build"
CC=$clang cmake_run -S . -B "$build" -DHMR_FUZZ=ON -DHMR_ASAN=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    "-DPython_EXECUTABLE=$PWD/$venv/bin/python" >"$build.log" 2>&1 &&
    cmake_run --build "$build" --target "${targets[@]/#/fuzz_}" --parallel 2 >>"$build.log" 2>&1 ||
    { tail -n 30 "$build.log" >&2 && die "the build of the fuzz targets failed."; }

# Runs the target $1; what it found goes into the corpus.
target_run() {
    local program=tests/fuzz/fuzz_$1 corpus=$fuzz/corpus/$1 found=$build/found/$1 words=()
    mkdir -p "$corpus" "$found"
    [ ! -e "$fuzz/$1.dict" ] || words=("-dict=$fuzz/$1.dict")
    say "fuzz_$1 for $seconds s with $clang"
    (cd "$build" && "$program" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 \
        ${words[@]+"${words[@]}"} -verbosity=0 "$found" "$corpus" 2>&1 | grep -v '^$' | tail -n 8)
    if [ -n "$(ls "$found")" ]; then
        (cd "$build" && "$program" -merge=1 -verbosity=0 "$corpus" "$found" >/dev/null 2>&1)
        rm -f "$found"/*
    fi
    say "its corpus has $(find "$corpus" -type f | wc -l) inputs"
}

[ "$(find "$fuzz" -name 'fuzz_*.c' | wc -l)" = ${#targets[@]} ] || die "tests/fuzz has another number of targets."
for target in "${targets[@]}"; do
    target_run "$target"
done

say "random messages to the bridge for $seconds s"
HMR_FUZZ_SECONDS=$seconds exec "$venv/bin/python" -m pytest -q --timeout $((seconds + 120)) tests/asgi/test_random_messages.py
