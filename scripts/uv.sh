#!/bin/sh
# Runs uv with the arguments given: the one on PATH, else one that pip puts into .uv/ first.
set -eu
cd "$(dirname "$0")/.."

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    found=$(python3 --version 2>/dev/null || echo "no python3")
    fail "Starting failed, this machine: found $found, expected Python 3.11, 3.12 or 3.13." \
        "Install one (Debian 12 or newer: apt-get install python3 python3-pip) and run make again."
fi
# An environment that is there keeps its Python.
if [ ! -x .venv/bin/python ]; then
    UV_PYTHON=$python
    export UV_PYTHON
fi
UV_PYTHON_DOWNLOADS=never
export UV_PYTHON_DOWNLOADS

if command -v uv >/dev/null 2>&1; then
    exec uv "$@"
fi
if [ ! -x .uv/bin/uv ]; then
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        fail "Getting uv failed, $python: found no pip, expected pip or uv." \
            "Install one (Debian: apt-get install python3-pip) and run make again."
    fi
    echo "Getting uv into .uv/ with pip" >&2
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .uv uv >&2 || {
        rm -rf .uv
        fail "Getting uv failed, $python -m pip: see its message above." \
            "Check the network, or install uv by hand, and run make again."
    }
fi
exec .uv/bin/uv "$@"
