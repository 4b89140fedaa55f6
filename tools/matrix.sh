#!/usr/bin/env bash
# The whole suite on every supported Python, or on those named: tools/matrix.sh 3.12 3.15
#
# A version comes from this machine (PATH, pyenv, uv) or, for 3.14 and 3.15 on Debian, from
# tools/newer-pythons.sh. One line a version; the pytest output is in build/matrix/VERSION.log.
# How many tests a version may skip stands in tests/expected_skips.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/environment.sh

# Packaging does not depend on the version, takes a minute, and is part of `./dev test`.
pytest_args=(-q -m "not packaging" -n "$(($(getconf _NPROCESSORS_ONLN) + 1))" --dist worksteal)

# Runs the suite on version $1, output to the log.
suite_run() {
    local version=$1 python args=("${pytest_args[@]}" "--junitxml=build/matrix/$1.xml")
    if [ "$(python_version "$venv/bin/python")" = "$version" ]; then
        ./dev test "${args[@]}"
        return
    fi
    python=$(python_of_version "$version")
    if [ -n "$python" ]; then
        PYTHON=$python ./dev test "${args[@]}"
    elif [ "$version" = 3.14 ] || [ "$version" = 3.15 ]; then
        tools/newer-pythons.sh run env "PYTHON=python$version" ./dev test "${args[@]}"
    else
        die "Python $version was not found: pyenv install $version, or uv python install $version."
    fi
}

unset PYTHON # each version has its own
environment_ready
versions=("$@")
[ $# -gt 0 ] || versions=(3.12 3.13 3.14 3.15)
mkdir -p build/matrix
failed=()
for version in "${versions[@]}"; do
    log=build/matrix/$version.log
    rm -f "build/matrix/$version.xml"
    SECONDS=0
    # In a subshell, so that `die` ends this version and not the run.
    if (suite_run "$version") >"$log" 2>&1 && "$venv/bin/python" tools/skips.py "$version" "build/matrix/$version.xml" >>"$log"; then
        verdict=ok
    else
        verdict=FAILED
        failed+=("$version")
        tail -n 60 "$log"
    fi
    printf '%-5s %-6s %4d s  %s\n' "$version" "$verdict" "$SECONDS" "$(sed -n '/ in [0-9.]*s/{s/=//g;p;}' "$log" | tail -n 1)"
done
[ ${#failed[@]} = 0 ] || die "the suite failed on ${failed[*]} (build/matrix/*.log)."
