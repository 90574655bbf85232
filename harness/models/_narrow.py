"""Puts a model's head where a token is scored alone, and reads log-probabilities from its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

_T = TypeVar("_T")

LOGITS = 2**23
"""At most so many logits at a time: 32 MiB in float32."""


@contextmanager
def narrowed(inner: nn.Module, pick: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Lets what follows `inner` see `pick` of its hidden states, shape (rows, length, width), alone."""

    def hook(_module: nn.Module, _given: Any, out: Any) -> Any:
        if isinstance(out, tuple):
            return (pick(out[0]), *out[1:])
        out.last_hidden_state = pick(out.last_hidden_state)
        return out

    handle = inner.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def log_probabilities(logits: Tensor, tokens: Tensor, rows: Tensor | None = None) -> list[float]:
    """Returns the natural-log probability of each token; logits have shape (rows, vocabulary).

    The k-th token belongs to the row rows[k], else to the k-th row. The logits are overwritten. Not
    `log_softmax`: on CPU it is up to 1e-5 nats a token too high in float32.
    """
    logits = logits.float()
    at = (torch.arange(len(tokens)) if rows is None else rows).to(logits.device)
    picked, top = logits[at, tokens.to(logits.device)], logits.amax(-1, keepdim=True)
    total = logits.sub_(top).exp_().sum(-1).log_().add_(top[:, 0])
    found: list[float] = (picked - total[at]).tolist()
    return found


def vocabulary(model: Any) -> int:
    """Returns the number of tokens that a model has an embedding for."""
    return int(model.get_input_embeddings().weight.shape[0])


def padded(sequences: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Returns tokens padded on the right and which of them are real, shape (rows, length)."""
    length = max(map(len, sequences))
    ids = torch.tensor([[*row, *[pad] * (length - len(row))] for row in sequences])
    real = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in sequences])
    return ids, real


def batches(items: Iterable[_T], size: Callable[[_T], int], most: int) -> Iterator[list[_T]]:
    """Groups items, largest first, to at most `most` in padded size a batch (or a single item)."""
    batch: list[_T] = []
    for item in sorted(items, key=lambda item: -size(item)):
        if batch and size(batch[0]) * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
