#!/usr/bin/env bash
# CPython 3.14 and 3.15 on a Debian or Ubuntu machine that has neither: a Debian unstable root
# with both, their headers, a C compiler, libuv, llhttp and zlib. Needs root and the network; about
# 2 minutes and 1 GB once a machine, kept in /var/tmp/hmr-newer-pythons.
#
#   tools/newer-pythons.sh make         make the root, or bring it up to date with the list below
#   tools/newer-pythons.sh run CMD...   run a command inside, in the current folder (bound at /src)
#
# To work on one of them (each has its own environment, .venv-3.14 and .venv-3.15):
#
#   tools/newer-pythons.sh run env PYTHON=python3.14 ./dev test tests/core -k rerun
#   tools/newer-pythons.sh run .venv-3.15/bin/python -c 'import hmr_serve._core'
#   tools/newer-pythons.sh run bash
set -euo pipefail

root=${HMR_NEWER_PYTHONS:-/var/tmp/hmr-newer-pythons}
packages="python3.14-dev python3.14-venv python3.15-dev python3.15-venv gcc libc6-dev make pkgconf
    libuv1-dev libllhttp-dev zlib1g-dev libssl-dev ca-certificates procps"

die() { printf 'newer-pythons: %s\n' "$*" >&2; exit 1; }

# The log of a failed step ends with what went wrong.
die_with_log() {
    tail -n 5 "$root.log" >&2
    die "$1; all of it is in $root.log"
}

root_make() {
    [ "$(cat "$root/.packages" 2>/dev/null)" = "$packages" ] && return
    [ "$(id -u)" = 0 ] || die "making a Debian root needs root; or install Python 3.14 and 3.15 yourself."
    if ! command -v debootstrap >/dev/null; then
        command -v apt-get >/dev/null || die "debootstrap is missing, and there is no apt-get to install it."
        apt-get update -qq && apt-get install -y -qq debootstrap >/dev/null || die "apt-get could not install debootstrap."
    fi
    # Two jobs of one machine may come here at once.
    exec 9>"$root.lock"
    flock 9
    [ "$(cat "$root/.packages" 2>/dev/null)" = "$packages" ] && return
    if [ ! -e "$root/etc/debian_version" ]; then
        rm -rf "$root.new"
        debootstrap --variant=minbase sid "$root.new" >"$root.log" 2>&1 || die_with_log "debootstrap failed"
        mv "$root.new" "$root"
    fi
    root_settings
    # shellcheck disable=SC2086 # a list
    apt_install $packages || { apt_update && apt_install $packages; } ||
        die_with_log "apt-get failed inside $root"
    printf '%s' "$packages" >"$root/.packages"
    exec 9>&-
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq --no-install-recommends "$@" \
        >>"$root.log" 2>&1
}

# A mirror that stands still (a snapshot) is as good as any.
apt_update() {
    chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update -qq >>"$root.log" 2>&1
}

# What the host knows of names, certificates and package indexes holds inside too.
root_settings() {
    local file
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
        [ ! -e "$file" ] || cp -L "$file" "$root$file"
    done
    file=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
    mkdir -p "$root/etc/ssl"
    [ ! -e "$file" ] || cp -L "$file" "$root/etc/ssl/host-certificates.pem"
}

# Runs "$@" in the root. The mounts live in a namespace of their own and go with it.
root_run() {
    mkdir -p "$root/src"
    # shellcheck disable=SC2016 # expanded by the inner shells
    exec unshare --mount bash -c '
        root=$1
        shift
        mount --bind "$PWD" "$root/src"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"
        cert=/etc/ssl/host-certificates.pem
        exec env -u SSL_CERT_DIR -u PIP_FIND_LINKS -u PYENV_ROOT -u PYENV_VERSION -u VIRTUAL_ENV \
            SSL_CERT_FILE=$cert PIP_CERT=$cert REQUESTS_CA_BUNDLE=$cert \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            chroot "$root" sh -c "cd /src && exec \"\$@\"" sh "$@"' bash "$root" "$@"
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
    make)
        root_make
        ;;
    run)
        [ $# -gt 0 ] || die "run what?"
        root_make
        root_settings
        root_run "$@"
        ;;
    *)
        sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
