# shellcheck shell=bash
# Sourced by `dev` and its scripts from the top folder: finds a Python, makes its virtual
# environment, installs libraries and packages, builds the extensions. Each step leaves a stamp
# in the environment and is skipped while what the stamp was made of is unchanged.
#
#   PYTHON        the Python to use; its environment is then .venv-X.Y, else .venv
#   HMR_VENV      another environment's folder (the sanitizer builds)
#   HMR_CMAKE     further CMake definitions, separated by spaces: -DHMR_ASAN=ON ...
#   CI            set: warnings are errors
#
# environment_ready sets `venv`, the environment's folder.

say() { printf '%s\n' "dev: $*" >&2; }
die() { say "$*"; exit 1; }

# The oldest and the newest version we support, as minor numbers of Python 3.
python_oldest=12
python_newest=15

# Whether $1 runs (pyenv's shims exist for versions that are not active), is a release of
# CPython that we support, and can make environments and compile extensions.
python_works() {
    "$1" - "$python_oldest" "$python_newest" <<'PY' >/dev/null 2>&1
import ensurepip, os, sys, sysconfig, venv
assert sys.implementation.name == "cpython"
assert int(sys.argv[1]) <= sys.version_info[1] <= int(sys.argv[2])
assert not sysconfig.get_config_var("Py_GIL_DISABLED")
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
PY
}

# As above; the one found without being named must not be a pre-release either.
python_is_final() {
    "$1" -c 'import sys; sys.exit(sys.version_info.releaselevel != "final")'
}

# Prints the Python of version $1 ("3.13"), else nothing: on PATH, from pyenv, from uv.
python_of_version() {
    local candidate
    for candidate in $(type -aP "python$1" python3 || true) \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python3 \
        "${XDG_DATA_HOME:-$HOME/.local/share}"/uv/python/cpython-"$1".*/bin/python3; do
        [ -x "$candidate" ] || continue
        python_works "$candidate" || continue
        [ "$(python_version "$candidate")" = "$1" ] || continue
        printf '%s\n' "$candidate"
        return
    done
}

python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# Prints the newest Python found; installs Debian's own where that is new enough.
python_find() {
    local minor found
    for ((minor = python_newest; minor >= python_oldest; minor--)); do
        found=$(python_of_version "3.$minor")
        if [ -n "$found" ] && python_is_final "$found"; then
            printf '%s\n' "$found"
            return
        fi
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt_update
        minor=$(apt-cache depends python3 | sed -n 's/.*Depends: python3\.\([0-9]*\)$/\1/p' | head -1)
        if [ "${minor:-0}" -ge $python_oldest ]; then
            apt_install python3 python3-dev python3-venv
            command -v python3
            return
        fi
    fi
    die "no CPython 3.$python_oldest to 3.$python_newest with headers and venv was found: install one" \
        "(\"uv python install 3.13\", \"pyenv install 3.13\", or python3-dev and python3-venv of a" \
        "newer Debian or Ubuntu) or name it: PYTHON=/path/to/python3.13 ./dev ..."
}

# Sets `venv` and makes it when it is missing or its Python is gone.
venv_ready() {
    local python=${PYTHON:-}
    if [ -n "$python" ]; then
        python_works "$python" ||
            die "PYTHON=$python is no CPython 3.$python_oldest to 3.$python_newest with headers and venv."
        venv=${HMR_VENV:-.venv-$(python_version "$python")}
    else
        venv=${HMR_VENV:-.venv}
    fi
    "$venv/bin/python" -c pass 2>/dev/null && return
    [ -n "$python" ] || python=$(python_find)
    say "making $venv with $("$python" -V)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

# apt-get update, once for all runs of a day: package lists may be missing or out of date.
apt_update() {
    local lists=/var/lib/apt/lists
    [ -n "$(find $lists -maxdepth 1 -name '*_Packages*' -print -quit 2>/dev/null)" ] &&
        [ -n "$(find $lists -maxdepth 0 -mtime -1 2>/dev/null)" ] && return
    say "apt-get update"
    apt-get update -qq || say "apt-get update failed; going on with the lists there are."
}

apt_install() {
    say "apt-get install $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        die "apt-get install $* failed."
}

# Makes the command $1 of the Debian package $2 available.
tool_ready() {
    command -v "$1" >/dev/null && return
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt_update
        apt_install "$2"
    elif command -v brew >/dev/null; then
        die "$1 is missing: run \"brew install $2\"."
    else
        die "$1 is missing: run \"sudo apt-get install $2\", or your system's equivalent."
    fi
}

# Whether a C compiler, pkg-config, the headers of libuv, zlib and OpenSSL 3, and llhttp (a library, or
# Debian 12's sources) are there.
libraries_found() {
    local cc=${CC:-cc} prefix=
    command -v "$cc" >/dev/null && command -v pkg-config >/dev/null || return 1
    command -v brew >/dev/null && prefix=-I$(brew --prefix)/include
    printf '#include <uv.h>\n#include <zlib.h>\n#include <openssl/ssl.h>\n' |
        "$cc" $prefix -E - >/dev/null 2>&1 || return 1
    [ -e /usr/share/llhttp/llhttp.c ] ||
        printf '#include <llhttp.h>\n' | "$cc" $prefix -E - >/dev/null 2>&1
}

# Installs the C libraries with apt-get as root; elsewhere prints the command that does it.
libraries_ready() {
    libraries_found && return
    if command -v brew >/dev/null; then
        die "C libraries are missing: run \"brew install libuv llhttp openssl@3 pkgconf\" (and xcode-select --install)."
    elif ! command -v apt-get >/dev/null; then
        die "install a C compiler and the headers of libuv, llhttp, zlib and OpenSSL 3 first (Fedora: dnf install" \
            "gcc pkgconf libuv-devel llhttp-devel zlib-devel openssl-devel; Alpine: apk add build-base pkgconf" \
            "libuv-dev llhttp-dev zlib-dev openssl-dev)."
    fi
    local llhttp=node-llhttp packages
    [ "$(id -u)" = 0 ] && apt_update
    apt-cache show libllhttp-dev >/dev/null 2>&1 && llhttp=libllhttp-dev
    packages="gcc libc6-dev pkg-config libuv1-dev zlib1g-dev libssl-dev $llhttp"
    [ "$(id -u)" = 0 ] ||
        die "C libraries are missing: run \"sudo apt-get update && sudo apt-get install $packages\"."
    apt_install $packages
    libraries_found || die "$packages are installed, but a header cannot be included by ${CC:-cc}."
}

# Installs the requirements file $1 into the environment, else what pyproject.toml asks for to
# build, run and test.
# shellcheck disable=SC2120 # dev and lint.sh pass one
python_packages_install() {
    local source=${1:-pyproject.toml} list=${1:-} stamp sum
    stamp="$venv/.hmr-packages-$(basename "$source")"
    sum=$(cksum <"$source")
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    if [ -z "$list" ]; then
        list=$venv/.hmr-requirements
        "$venv/bin/python" tools/requirements.py >"$list"
    fi
    say "installing what $source asks for into $venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check -r "$list" ||
        die "pip could not install what $source asks for."
    printf '%s\n' "$sum" >"$stamp"
}

# The names and contents of all that the build reads.
sources_sum() {
    local path
    {
        printf '%s\n' "$PWD" "$@"
        for path in CMakeLists.txt pyproject.toml cmake core asgi include tests/planted; do
            [ ! -e $path ] || find $path -type f -print0
        done | LC_ALL=C sort -z | xargs -0 cksum
    } | cksum
}

# Builds the extensions into the environment, editable: Python files are used where they are.
extensions_build() {
    local stamp="$venv/.hmr-build" defines=-DHMR_WERROR=OFF sum config=() define
    [ -z "${CI:-}" ] || defines=-DHMR_WERROR=ON
    defines="$defines ${HMR_CMAKE:-}"
    sum=$(sources_sum "$defines")
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    libraries_ready
    for define in $defines; do
        config+=("--config-settings=cmake.define.${define#-D}")
    done
    rm -f "$stamp"
    say "building into $venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps \
        --config-settings=build-dir="build/${venv#.}" --config-settings=install.strip=false \
        "${config[@]}" --editable . || die "the build failed; the compiler's messages are above."
    printf '%s\n' "$sum" >"$stamp"
}

# The environment's own cmake and ninja: the system's may be missing or old.
cmake_run() {
    PATH="$PWD/$venv/bin:$PATH" CMAKE_GENERATOR=Ninja "$venv/bin/cmake" "$@"
}

environment_ready() {
    venv_ready
    python_packages_install
    extensions_build
}
