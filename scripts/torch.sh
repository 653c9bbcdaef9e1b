#!/bin/sh
# Installs PyTorch as uv.lock pins it, in the build without CUDA where one can be had (0.2 GB instead of 3).
# uv.lock names PyPI alone, whose Linux build is CUDA's; pip also takes what its configuration names.
set -eu
cd "$(dirname "$0")/.."

if .venv/bin/python -c 'import torch' 2>/dev/null; then
    exit 0
fi
mkdir -p .uv
sh scripts/uv.sh export --quiet --frozen --no-dev --extra deep --no-hashes --no-emit-project \
    --output-file .uv/torch-constraints.txt >/dev/null
sh scripts/uv.sh pip install --quiet --python .venv/bin/python pip
exec .venv/bin/python -m pip install --quiet --retries 1 --root-user-action ignore \
    --extra-index-url https://download.pytorch.org/whl/cpu \
    --constraint .uv/torch-constraints.txt torch
