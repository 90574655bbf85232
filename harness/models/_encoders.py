"""Which encoder and which scorer serve a kind of model."""

from __future__ import annotations

from typing import Any

from torch import nn

from harness.errors import BadModel
from harness.models._encoding import Encoder
from harness.models._given import bad
from harness.models._kinds import Kind
from harness.models._masked import MaskedScorer
from harness.models._pairs import PairEncoder
from harness.models._scoring import Scorer
from harness.models._seq2seq import Seq2SeqScorer, SplitEncoder


def encoder_of(
    kind: Kind, tokenizer: Any, system: str | None, limit: int | None
) -> Encoder | PairEncoder | SplitEncoder:
    """Returns what turns prompts into tokens.

    Raises:
        BadConfig: a masked model is given a system prompt.
    """
    if kind is Kind.MASKED:
        if system is not None:
            raise bad("system", system, "nothing for a masked model, which holds no conversation")
        return PairEncoder(tokenizer, limit)
    return (SplitEncoder if kind is Kind.SEQ2SEQ else Encoder)(tokenizer, system, limit)


def scorer_of(
    kind: Kind, model: Any, tokenizer: Any, batch: int
) -> Scorer | MaskedScorer | Seq2SeqScorer:
    """Returns what scores what the encoder of the same kind makes.

    Raises:
        BadModel: the tokenizer of a masked model has no mask, or a decoder no token to start from.
    """
    if kind is Kind.SEQ2SEQ:
        return Seq2SeqScorer(model, batch)
    if kind is Kind.CAUSAL:
        return Scorer(model, batch)
    if tokenizer.mask_token_id is None:
        raise BadModel(
            "the tokenizer has no mask token",
            where="model.path",
            expected="mask_token in tokenizer_config.json, as masked models are trained with one",
            fix="take the tokenizer that the model was trained with",
        )
    return MaskedScorer(model, tokenizer.mask_token_id, batch)


def limit_of(config: Any, model: nn.Module | None = None) -> int | None:
    """Returns how many tokens a model takes at once; None where nothing limits them.

    Models that count positions from behind the padding token's, as RoBERTa does, take fewer than
    they have positions; that is seen on an open model alone.
    """
    most: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    for part in model.modules() if model is not None and most else ():
        if isinstance(part, nn.Embedding) and part.num_embeddings == most:
            return int(most) - (0 if part.padding_idx is None else part.padding_idx + 1)
    return most
