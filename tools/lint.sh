#!/usr/bin/env bash
# Formatting, ruff, warnings as errors, our own checks. `--fix` formats and fixes what it can.
# Every check runs, also after one that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/environment.sh

c_files=()
while read -r file; do
    c_files+=("$file")
done < <(find core asgi include tests -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
failed=()

# Runs a check named $1, and remembers it when it fails.
check() {
    local name=$1
    shift
    "$@" || failed+=("$name")
}

# The folders that the compiler needs to find Python.h, uv.h and llhttp.h.
include_folders() {
    "$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))'
    printf '%s\n' include /usr/share/include/llhttp
    ! command -v brew >/dev/null || printf '%s/include\n' "$(brew --prefix)"
}

# A build of its own with -Werror, and of the native tests too.
warnings() {
    local log=build/lint.log
    cmake_run -S . -B build/lint -DHMR_WERROR=ON -DHMR_NATIVE_TESTS=ON -DCMAKE_BUILD_TYPE=Release \
        "-DPython_EXECUTABLE=$PWD/$venv/bin/python" >"$log" 2>&1 &&
        cmake_run --build build/lint --parallel 2 >>"$log" 2>&1 && return
    grep -E -A 6 '(error|warning):|CMake Error' "$log" || tail -n 20 "$log"
    return 1
}

# Names the files that clang-format would change.
c_format() {
    local file verdict=0
    for file in "${c_files[@]}"; do
        "$venv/bin/clang-format" "$file" | cmp -s - "$file" && continue
        printf '%s: not formatted; run ./dev lint --fix\n' "$file"
        verdict=1
    done
    return $verdict
}

c_lint() {
    local includes=() folder
    while read -r folder; do includes+=("--include=$folder"); done < <(include_folders)
    "$venv/bin/python" tools/lint_c.py --cc "${CC:-cc}" "${includes[@]}" "${c_files[@]}"
}

environment_ready
python_packages_install tools/requirements-lint.txt
if [ "${1:-}" = --fix ]; then
    "$venv/bin/ruff" format -q .
    "$venv/bin/ruff" check -q --fix . || true # what is left is reported below
    "$venv/bin/clang-format" -i "${c_files[@]}"
fi
check "ruff check" "$venv/bin/ruff" check -q --output-format=concise .
check "ruff format" "$venv/bin/ruff" format -q --diff .
check clang-format c_format
check warnings warnings
check "C lint" c_lint
check "Python lint" "$venv/bin/python" tools/lint_python.py hmr_serve
if command -v shellcheck >/dev/null || [ -n "${CI:-}" ]; then
    tool_ready shellcheck shellcheck
    check shellcheck shellcheck -x -S warning dev .ci/run tools/*.sh
fi
[ ${#failed[@]} = 0 ] || die "lint found something: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')."
say "lint found nothing."
