#!/usr/bin/env bash
# Makes .venv-peers: the tools that the benchmarks measure against, beside the packages of .venv, so
# that both sides run the same torch and transformers. Called by hand; nothing else needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || { echo "error: run make setup first" >&2; exit 2; }
.venv/bin/python -m venv .venv-peers
pip=(.venv-peers/bin/python -m pip --disable-pip-version-check --quiet)
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
site .venv/bin/python >"$(site .venv-peers/bin/python)/beside.pth"
"${pip[@]}" install lm-eval==0.4.13 openai==2.8.1 inspect-ai==0.3.150
# what the lock pins comes from .venv, not in the older version that a peer asks for
names() { grep -oE '^[A-Za-z0-9_.-]+' | tr '_.' '-' | tr A-Z a-z; }
.venv-peers/bin/python -m pip freeze --local | names | grep -xFf <(names <requirements.lock) |
    xargs -r "${pip[@]}" uninstall --yes
.venv-peers/bin/python -c 'import lm_eval, torch; print("peers beside torch", torch.__version__)'
