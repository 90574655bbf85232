"""Loads model and tokenizer from a folder, a GGUF file or the hub, or says what is wrong."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BadModel
from harness.models import _weights
from harness.models._devices import check_memory, device_of, dtype_of, first_line, spread_over
from harness.models._kinds import Kind, kind_of
from harness.models._settings import Settings

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model with its tokenizer, and where they came from."""

    model: Any
    tokenizer: Any
    name: str
    revision: str
    """Commit of a hub model, else empty."""
    weights: str
    """SHA-256 over the weight files, as they are cut: other shards of equal weights differ."""
    kind: Kind


def load(settings: Settings) -> Loaded:
    """Loads what `settings.path` names onto its device.

    Raises:
        BadModel: it is missing, gated, too large, no language model, incomplete or unreadable.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = device_of(settings.device)
    dtype = dtype_of(settings.dtype, device)
    source, revision = find(settings)
    files = weight_files(source)
    name = settings.path or _weights.FILE.split(".")[0]
    kind = kind_of(source, files, name) if source.is_dir() else Kind.CAUSAL
    places = spread_over(device) if settings.device_map else [device]
    check_memory(_parameters(files, name), dtype, places, name)
    try:
        model, tokenizer = _read(source, kind, dtype, settings.device_map)
        model = (model if settings.device_map else model.to(device)).eval()
    except BadModel:
        raise
    except Exception as error:  # every library below has errors of its own
        raise BadModel(
            f"{name} cannot be loaded: {first_line(error)}",
            where="model.path",
            expected="a language model that this version of transformers can read",
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
    return Loaded(
        model=model, tokenizer=tokenizer, name=name, revision=revision, weights=weights, kind=kind
    )


def weight_files(source: Path) -> list[Path]:
    """Returns the files that hold the weights of a folder, or the GGUF file itself."""
    return [source] if source.is_file() else sorted(source.glob("*.safetensors"))


def is_local(path: str) -> bool:
    """Says whether a path means a place on this machine rather than a hub id."""
    there = Path(path).expanduser().exists()
    return there or path.endswith(".gguf") or not HUB_ID.fullmatch(path)


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
                fault = f"is no folder here, and the hub did not give it: {first_line(error)}"
                fix = "try again, or set model.path to a local folder"
        raise BadModel(
            f"{name} {fault}",
            where=where,
            expected="a local folder, or a hub model that you may download",
            fix=fix,
        ) from error


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
                f"the weights of {name} are damaged: {first_line(error)}",
                where=str(file),
                expected="whole safetensors or GGUF files",
                fix="fetch the file again",
            ) from error
    return total


def _read(source: Path, kind: Kind, dtype: Any, device_map: str | None) -> tuple[Any, Any]:
    import transformers

    if source.is_file():
        return _weights.read_gguf(source, dtype, device_map)
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    classes: dict[Kind, Any] = {
        Kind.CAUSAL: transformers.AutoModelForCausalLM,
        Kind.MASKED: transformers.AutoModelForMaskedLM,
        Kind.SEQ2SEQ: transformers.AutoModelForSeq2SeqLM,
    }
    model, report = classes[kind].from_pretrained(
        source,
        dtype=dtype,
        device_map=device_map,
        use_safetensors=True,
        output_loading_info=True,
        **safe,
    )
    if missing := sorted(report["missing_keys"]):
        raise BadModel(
            f"{len(missing)} weights are missing, such as {missing[0]}",
            where=str(source),
            expected="weights for every part of the model (the others would be random)",
            fix="fetch all weight files of the model",
        )
    return model, transformers.AutoTokenizer.from_pretrained(source, **safe)
