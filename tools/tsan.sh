#!/usr/bin/env bash
# The native tests (the I/O thread under load, without Python) under ThreadSanitizer.
#
# The first build has a data race planted in the mailbox between the threads; the job stops when
# that is not reported. Suppressions, if any: tests/asgi/tsan.supp, each with its reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/environment.sh

[ "$(uname)" = Linux ] || die "./dev tsan runs on Linux."

reports=$PWD/build/tsan-reports
options="log_path=$reports/report:exitcode=66:second_deadlock_stack=1:history_size=4"
[ ! -e tests/asgi/tsan.supp ] || options+=":suppressions=$PWD/tests/asgi/tsan.supp"

# Builds the native tests in $1 with the further definitions.
tests_build() {
    local build=$1 log=build/tsan.log
    shift
    say "building in $build"
    cmake_run -S . -B "$build" -DHMR_TSAN=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        "-DPython_EXECUTABLE=$PWD/$venv/bin/python" "$@" >"$log" 2>&1 &&
        cmake_run --build "$build" --target native_tests --parallel 2 >>"$log" 2>&1 && return
    tail -n 30 "$log" >&2
    die "the build for ThreadSanitizer failed."
}

# Runs ctest in $1. Without address randomisation: gcc's runtime cannot place its shadow under
# the strongest setting of newer kernels.
tests_run() {
    local fixed=()
    ! setarch -R true 2>/dev/null || fixed=(setarch -R)
    rm -rf "$reports"
    mkdir -p "$reports"
    TSAN_OPTIONS=$options ${fixed[@]+"${fixed[@]}"} "$venv/bin/ctest" --test-dir "$1" \
        --output-on-failure --no-tests=error --timeout 1200
}

environment_ready
all=$options
options+=":halt_on_error=1"
tests_build build/tsan-planted -DHMR_PLANT_RACE=ON
if tests_run build/tsan-planted >build/tsan-planted.log 2>&1 ||
    ! grep -rqs "WARNING: ThreadSanitizer: data race" "$reports"; then
    tail -n 20 build/tsan-planted.log >&2
    die "the planted race was not reported: this job could not fail."
fi
say "planted race: reported"
options=$all

tests_build build/tsan
verdict=0
tests_run build/tsan || verdict=$?
if [ -n "$(ls "$reports")" ]; then
    head -n 80 "$reports"/* >&2
    die "ThreadSanitizer wrote a report ($reports)."
fi
exit "$verdict"
