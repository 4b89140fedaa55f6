#!/usr/bin/env bash
# The Autobahn test suite for WebSockets against hmr-serve: 517 cases, about 10 minutes.
#
# Autobahn runs on Python 2.7 only. It is installed once into build/autobahn, for the Python 2.7
# that PYTHON2 names, or the one on PATH, or pyenv's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/environment.sh

python2_find() {
    local candidate
    for candidate in "${PYTHON2:-}" $(type -aP python2.7 || true) \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7; do
        if [ -n "$candidate" ] && "$candidate" -c 'import pip' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "the Autobahn suite needs Python 2.7 with pip: run \"pyenv install 2.7.18\", or name one: PYTHON2=..."
}

environment_ready
python2=$(python2_find)
suite=$PWD/build/autobahn
if [ ! -e "$suite/.installed" ]; then
    say "installing autobahntestsuite for $python2"
    rm -rf "$suite"
    "$python2" -m pip install -qq --disable-pip-version-check --target "$suite" "autobahntestsuite==25.10.1" ||
        die "pip could not install autobahntestsuite."
    touch "$suite/.installed"
fi
# site reads the .pth files of namespace packages, which PYTHONPATH alone would not.
cat >"$suite/wstest.py" <<PY
import site
site.addsitedir("$suite")
from autobahntestsuite import wstest
wstest.run()
PY
PYTHONPATH=tests exec "$venv/bin/python" -m conformance.autobahn "$python2 $suite/wstest.py" "$@"
