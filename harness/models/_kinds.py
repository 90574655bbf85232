"""What kind of model a folder holds; the kind decides how it is asked."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.errors import BadModel
from harness.records import FORMATS, Ask

EXPECTED = "config.json, *.safetensors and tokenizer.json of a language model"


class Kind(StrEnum):
    """What a model predicts a token from."""

    CAUSAL = "causal"
    """All tokens before it."""
    MASKED = "masked"
    """All other tokens of a text."""
    SEQ2SEQ = "seq2seq"
    """A text that an encoder read, and the tokens before it."""


ABILITIES: Mapping[Kind, frozenset[Ask]] = {
    Kind.CAUSAL: frozenset(Ask),
    Kind.MASKED: frozenset({Ask.CHOOSE}),
    Kind.SEQ2SEQ: frozenset(Ask),
}
_PAIRS_ALONE = (
    "ask sentence pairs alone, such as 'suite.probes=[\"*_pair\"]': a masked model rates the words of a"
    " given text, and continues none"
)
_NO_PAIRS = (
    'leave the pairs out, such as \'suite.probes=["*_decision","*_ambiguous"]\': a model with an'
    " encoder rates an answer to a text, and no text by itself"
)
CANNOT: Mapping[Kind, Mapping[str, str]] = {
    Kind.CAUSAL: {},
    Kind.MASKED: {format: _PAIRS_ALONE for format in FORMATS if format != "pair"},
    Kind.SEQ2SEQ: {"pair": _NO_PAIRS},
}
"""kind -> format that it cannot be asked -> what to do instead."""
NOTES: Mapping[Kind, Sequence[str]] = {
    Kind.CAUSAL: (),
    Kind.MASKED: (
        "A masked model: sentence pairs are compared by the pseudo-log-likelihood of the tokens that"
        " both sentences share, before and behind the change.",
        "掩码语言模型：句对按两句共有词元（改动之前和之后）的伪对数似然比较。",
    ),
    Kind.SEQ2SEQ: (),
}
"""kind -> what every report says of it, English and Chinese in turn."""


def kind_of(folder: Path, files: Sequence[Path], name: str) -> Kind:
    """Returns the kind of the model in a folder, from its config.json.

    Raises:
        BadModel: the folder has no configuration or no safetensors, or is of another kind.
    """
    try:
        config = json.loads((folder / "config.json").read_text())
        kind = _kind(config)
    except (OSError, ValueError, AttributeError) as error:
        gguf = next(folder.glob("*.gguf"), None)
        raise BadModel(
            f"{name} has no readable config.json",
            where=str(folder),
            expected=EXPECTED,
            fix=f"set model.path to {gguf}" if gguf else "set model.path to a model's own folder",
        ) from error
    if kind is None:
        built = ", ".join(config.get("architectures") or []) or config.get("model_type")
        raise BadModel(
            f"{name} is no causal, masked or encoder-decoder language model ({built})",
            where=f"{folder / 'config.json'}",
            expected="an architecture that transformers lists for AutoModelForCausalLM,"
            " AutoModelForMaskedLM or AutoModelForSeq2SeqLM",
            fix="choose a model that predicts text",
        )
    if not files:
        raise BadModel(
            f"{name} has no safetensors weights",
            where=str(folder),
            expected=EXPECTED,
            fix="convert pickle weights (*.bin) to safetensors; they are not loaded: they run code",
        )
    return kind


def _kind(config: Mapping[str, Any]) -> Kind | None:
    """Goes by the architecture that was saved; without one, by what the type is mostly used for."""
    from transformers.models.auto import modeling_auto as auto

    listed: Mapping[Kind, Mapping[str, str | Collection[str]]] = {
        Kind.CAUSAL: auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        Kind.SEQ2SEQ: auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        Kind.MASKED: auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    }
    model, built = str(config.get("model_type")), set(config.get("architectures") or [])
    own = {kind: names[model] for kind, names in listed.items() if model in names}
    if built:
        fits = (
            kind
            for kind, names in own.items()
            if built & ({names} if isinstance(names, str) else {*names})
        )
        return next(fits, None)
    if config.get("is_encoder_decoder") or Kind.CAUSAL not in own:
        return next((kind for kind in (Kind.SEQ2SEQ, Kind.MASKED) if kind in own), None)
    return Kind.MASKED if Kind.MASKED in own and not config.get("is_decoder") else Kind.CAUSAL
