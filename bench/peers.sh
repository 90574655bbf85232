#!/usr/bin/env bash
# Makes .venv-peers: the tools that the benchmarks measure against, beside the packages of .venv, so
# that both sides run the same torch. Called by hand; nothing else needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || { echo "error: run make setup first" >&2; exit 2; }
.venv/bin/python -m venv .venv-peers
ours=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
theirs=$(.venv-peers/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$ours" >"$theirs/beside.pth"
.venv-peers/bin/python -m pip --disable-pip-version-check --quiet install "$@" \
    lm-eval==0.4.13 openai==2.8.1 inspect-ai==0.3.150
.venv-peers/bin/python -c 'import torch; print("peers beside torch", torch.__version__)'
