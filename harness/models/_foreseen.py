"""What is known of a local model without loading its weights: its tokenizer, and earlier runs of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import BadModel
from harness.models import _loading, _weights
from harness.models._base import Foreseen
from harness.models._devices import device_of, dtype_of
from harness.models._encoders import encoder_of, limit_of
from harness.models._encoding import Encoder, UnfitError
from harness.models._kinds import ABILITIES, CANNOT, Kind, kind_of
from harness.models._pairs import PairEncoder
from harness.models._seq2seq import SplitEncoder
from harness.models._settings import Settings
from harness.records import Ask, Decoding, Prompt


def foresee(settings: Mapping[str, Any], decoding: Decoding) -> Foreseen:
    """Says what is known of a local model; downloads nothing and loads no weights.

    Raises:
        BadConfig: a setting is unknown or out of range.
        BadModel: a local path that is not there, or holds no language model.
    """
    chosen = Settings.read(settings)
    name = chosen.path or _weights.FILE.split(".")[0]
    source = _on_disk(chosen)
    if source is None:
        return Foreseen(name=name)
    kind = Kind.CAUSAL
    if source.is_dir():
        kind = kind_of(source, _loading.weight_files(source), name)
    try:
        tokenizer, config = _tokenizer(source), _config(source)
    except Exception:  # noqa: BLE001 - a tokenizer fails in many ways; `open` tells which
        return Foreseen(name=name, abilities=ABILITIES[kind], cannot=CANNOT[kind])
    encoder = encoder_of(kind, tokenizer, chosen.system, config and limit_of(config))

    def count(prompt: Prompt) -> int | None:
        try:
            if not prompt.messages:
                return encoder.choices(prompt)[1]
            room = decoding.max_tokens if prompt.ask is Ask.GENERATE else 0
            return len(encoder.prompt(prompt, room))
        except UnfitError:
            return None

    def was(told: Mapping[str, Any]) -> bool:
        known = _identity(chosen, encoder)
        same = known is not None and all(told.get(key) == value for key, value in known.items())
        return same and told["weights"] == _weights.digest(_loading.weight_files(source))

    return Foreseen(
        name=name, abilities=_abilities(kind, config), cannot=CANNOT[kind], was=was, count=count
    )


def _identity(
    settings: Settings, encoder: Encoder | PairEncoder | SplitEncoder
) -> Mapping[str, Any] | None:
    """Returns what of `Local.describe` is known without weights; None where the device is not here."""
    try:
        device = device_of(settings.device)
    except BadModel:
        return None
    return {
        "system": settings.system,
        "tokenizer": _digest(encoder.tokenizer.backend_tokenizer.to_str()),
        "chat_template": None if encoder.template is None else _digest(encoder.template),
        "device": device.type,
        "dtype": str(dtype_of(settings.dtype, device)).removeprefix("torch."),
    }


def _on_disk(settings: Settings) -> Path | None:
    """Returns where the model lies; None for a hub model that was not downloaded yet."""
    try:
        return _loading.find(settings, fetch=False)[0]
    except BadModel:
        if settings.path and not _loading.is_local(settings.path):
            return None
        raise


def _tokenizer(source: Path) -> Any:
    from transformers import AutoTokenizer

    if source.is_dir():
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False, local_files_only=True)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar cannot be turned off
        return AutoTokenizer.from_pretrained(
            source.parent, gguf_file=source.name, local_files_only=True
        )


def _config(source: Path) -> Any:
    """Returns the model's configuration; None for a GGUF file, which is slow to read."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(source, local_files_only=True) if source.is_dir() else None


def _abilities(kind: Kind, config: Any) -> frozenset[Ask]:
    """Returns what a model of this kind can do: one that keeps a state does not write here."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    built = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None) if kind is Kind.CAUSAL else None
    return ABILITIES[kind] - ({Ask.GENERATE} if getattr(built, "_is_stateful", False) else set())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
