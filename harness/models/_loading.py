"""Loads model and tokenizer from a folder, a GGUF file or the hub, or says what is wrong."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BadModel
from harness.models import _weights
from harness.models._settings import Settings

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
NEEDED = 1.15
"""Memory for weights times this, and `ROOM` bytes for what is computed."""
ROOM = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model with its tokenizer, and where they came from."""

    model: Any
    tokenizer: Any
    name: str
    revision: str
    """Commit of a hub model, else empty."""
    weights: str
    """SHA-256 over the weight files."""


def load(settings: Settings) -> Loaded:
    """Loads what `settings.path` names onto its device.

    Raises:
        BadModel: it is missing, gated, too large, no causal model, incomplete or unreadable.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = device_of(settings.device)
    dtype = dtype_of(settings.dtype, device)
    source, revision = find(settings)
    files = weight_files(source)
    name = settings.path or _weights.FILE.split(".")[0]
    if source.is_dir():
        check_folder(source, files, name)
    _check_memory(_parameters(files, name), dtype, device, name)
    try:
        model, tokenizer = _read(source, dtype)
        model = model.to(device).eval()
    except BadModel:
        raise
    except Exception as error:  # every library below has errors of its own
        raise BadModel(
            f"{name} cannot be loaded: {_short(error)}",
            where="model.path",
            expected="a causal model that this version of transformers can read",
            fix="check that the download is complete, or update transformers",
        ) from error
    if not tokenizer.is_fast:
        raise BadModel(
            f"the tokenizer of {name} does not say which characters a token covers",
            where=f"{source}",
            expected="a fast tokenizer (tokenizer.json)",
            fix="convert it with `AutoTokenizer.from_pretrained(...).save_pretrained(...)`",
        )
    weights = _weights.digest(files)
    return Loaded(model=model, tokenizer=tokenizer, name=name, revision=revision, weights=weights)


def weight_files(source: Path) -> list[Path]:
    """Returns the files that hold the weights of a folder, or the GGUF file itself."""
    return [source] if source.is_file() else sorted(source.glob("*.safetensors"))


def is_local(path: str) -> bool:
    """Says whether a path means a place on this machine rather than a hub id."""
    there = Path(path).expanduser().exists()
    return there or path.endswith(".gguf") or not HUB_ID.fullmatch(path)


def available_memory(device: Any) -> int:
    """Returns the free bytes of a device; for the CPU what the kernel can give without swapping."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(li.split()[1]) * 1024 for li in lines if li.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def find(settings: Settings, fetch: bool = True) -> tuple[Path, str]:
    """Returns the folder or GGUF file, and the commit of a hub model.

    Without `fetch` nothing is downloaded or written: a copy that is not there yet is not made.

    Raises:
        BadModel: it is not there, or cannot be had.
    """
    if settings.path is None:
        gguf = _weights.default_gguf()
        if not fetch:
            copy = _weights.copy_of(gguf)
            return copy if copy.is_dir() else gguf, ""
        return _weights.converted(gguf) or gguf, ""
    path = Path(settings.path).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix == ".gguf"):
        return path.resolve(), ""
    if is_local(settings.path):
        raise BadModel(
            f"{settings.path} is {'no model' if path.exists() else 'not there'}",
            where="model.path",
            expected="a folder with config.json, a .gguf file, or a hub id such as org/name",
            fix="correct model.path, or leave it out for the default model",
        )
    folder = _download(settings.path, settings.revision, fetch)
    return folder, folder.name


def _download(name: str, revision: str | None, fetch: bool) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                allow_patterns=HUB_FILES,
                ignore_patterns=["*/*"],
                local_files_only=not fetch,
            )
        )
    except Exception as error:  # a full disk, a broken transfer, a server's fault
        where = "model.path"
        match error:
            case errors.GatedRepoError():
                fault, fix = "is gated", "accept its terms on the hub and run `hf auth login`"
            case errors.RevisionNotFoundError():
                fault, fix = f"has no revision {revision}", "correct model.revision"
                where = "model.revision"
            case errors.RepositoryNotFoundError():
                fault, fix = "is neither a folder here nor on the hub", "correct model.path"
            case errors.LocalEntryNotFoundError() | errors.OfflineModeIsEnabled():
                fault = "is no folder here, and the hub cannot be reached"
                fix = "correct model.path, connect, or fetch the model beforehand"
            case _:
                fault = f"is no folder here, and the hub did not give it: {_short(error)}"
                fix = "try again, or set model.path to a local folder"
        raise BadModel(
            f"{name} {fault}",
            where=where,
            expected="a local folder, or a hub model that you may download",
            fix=fix,
        ) from error


def check_folder(folder: Path, files: list[Path], name: str) -> None:
    """Refuses a folder without configuration or safetensors, or that is no causal model."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    expected = "config.json, *.safetensors and tokenizer.json of a causal model"
    where = str(folder)
    try:
        config = json.loads((folder / "config.json").read_text())
        kind, built = config.get("model_type"), config.get("architectures") or []
    except (OSError, ValueError, AttributeError) as error:
        gguf = next(folder.glob("*.gguf"), None)
        fix = f"set model.path to {gguf}" if gguf else "set model.path to a model's own folder"
        raise BadModel(
            f"{name} has no readable config.json", where=where, expected=expected, fix=fix
        ) from error
    causal = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind, ())
    if not causal or (built and not {causal, *causal} & set(built)):
        raise BadModel(
            f"{name} is no causal language model ({', '.join(built) or kind})",
            where=f"{folder / 'config.json'}",
            expected="an architecture that transformers lists for AutoModelForCausalLM",
            fix="choose a model that generates text",
        )
    if not files:
        raise BadModel(
            f"{name} has no safetensors weights",
            where=where,
            expected=expected,
            fix="convert pickle weights (*.bin) to safetensors; they are not loaded: they run code",
        )


def _parameters(files: list[Path], name: str) -> int:
    """Counts the numbers in the weight files from their headers alone."""
    total = 0
    for file in files:
        try:
            if file.suffix == ".gguf":
                from gguf import GGUFReader

                total += sum(int(tensor.n_elements) for tensor in GGUFReader(file).tensors)
                continue
            with file.open("rb") as stream:
                header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            header.pop("__metadata__", None)
            total += sum(math.prod(tensor["shape"]) for tensor in header.values())
        except Exception as error:  # a damaged file fails in many ways
            raise BadModel(
                f"the weights of {name} are damaged: {_short(error)}",
                where=str(file),
                expected="whole safetensors or GGUF files",
                fix="fetch the file again",
            ) from error
    return total


def _check_memory(parameters: int, dtype: Any, device: Any, name: str) -> None:
    need, free = int(parameters * dtype.itemsize * NEEDED) + ROOM, available_memory(device)
    if need > free:
        raise BadModel(
            f"{name} needs about {need / 2**30:.1f} GiB ({parameters / 1e9:.2f} billion parameters"
            f" in {str(dtype).removeprefix('torch.')}); {free / 2**30:.1f} GiB are free",
            where=f"model.device ({device})",
            expected="weights that fit into the memory of the device",
            fix="set model.dtype=bfloat16, take a smaller model, or free memory",
        )


def _read(source: Path, dtype: Any) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if source.is_file():
        return _weights.read_gguf(source, dtype)
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    read: Any = AutoModelForCausalLM.from_pretrained(
        source, dtype=dtype, use_safetensors=True, output_loading_info=True, **safe
    )
    model, report = read
    if missing := sorted(report["missing_keys"]):
        raise BadModel(
            f"{len(missing)} weights are missing, such as {missing[0]}",
            where=str(source),
            expected="weights for every part of the model (the others would be random)",
            fix="fetch all weight files of the model",
        )
    return model, AutoTokenizer.from_pretrained(source, **safe)


def device_of(wanted: str) -> Any:
    """Returns the torch device that a setting means; `auto` is a GPU where torch sees one.

    Raises:
        BadModel: it cannot be used.
    """
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadModel(
            f"device {wanted!r} cannot be used: {_short(error)}",
            where="model.device",
            expected="auto, cpu, or cuda with a GPU that torch sees",
            fix="set model.device=cpu",
        ) from error
    return device


def dtype_of(wanted: str, device: Any) -> Any:
    """Returns the torch dtype that a setting means on a device."""
    import torch

    if wanted == "auto":
        wanted = "bfloat16" if device.type == "cuda" else "float32"
    return getattr(torch, wanted)


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
