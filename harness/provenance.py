"""What produced a run: code, packages, machine and commit."""

import hashlib
import platform
import subprocess
from collections.abc import Collection, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from harness import __version__

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "torch", "transformers", "tokenizers", "jinja2")
_HERE = Path(__file__).parent


@cache
def code() -> Mapping[str, Any]:
    """Returns version, digest and commit of the harness, and the packages that move numbers."""
    return {
        "art4": __version__,
        "code": digest(),
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def digest(without: Collection[str] = ()) -> str:
    """Returns a SHA-256 over the harness's own Python files, names included.

    Args:
        without: files and folders, by the first part of their path, that are left out.
    """
    total = hashlib.sha256()
    for path in sorted(_HERE.rglob("*.py")):
        name = path.relative_to(_HERE)
        if name.parts[0] not in without:
            total.update(name.as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _commit() -> str:
    """Returns the commit of the checkout, marked when it was changed; empty outside a checkout."""
    if not (_HERE.parent / ".git").exists():
        return ""

    def git(*words: str) -> str:
        command = ["git", "-C", str(_HERE.parent), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip()

    try:
        changed = (
            " (changed)" if git("status", "--porcelain", "--", "harness", "probes", "conf") else ""
        )
        return git("rev-parse", "HEAD") + changed
    except OSError:
        return ""
