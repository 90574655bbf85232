"""Scores tokens of a text, each with that token alone masked: its pseudo-log-likelihood.

The copies of all texts of a window, one for each scored token, are batched; equal ones are computed
once. Salazar et al. 2020, as CrowS-Pairs uses it (Nangia et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from harness.models._narrow import LOGITS, batches, log_probabilities, narrowed, padded, vocabulary


@dataclass(frozen=True, slots=True)
class Cloze:
    """A text of which the tokens at `places` are scored."""

    tokens: tuple[int, ...]
    places: tuple[int, ...]


class MaskedScorer:
    """Scores with one model; `packing` says how: `masked`, or `plain` with the head everywhere."""

    def __init__(self, model: Any, mask: int, batch: int) -> None:
        self.model, self.mask, self.batch = model, mask, batch
        pad = model.config.pad_token_id
        self.pad = 0 if pad is None else pad
        self.packing = "plain"
        self.packing = self._choose_packing()

    @torch.inference_mode()
    def score(self, requests: Sequence[Cloze]) -> list[list[float]]:
        """Returns for each request the natural-log probability of each scored token."""
        size = vocabulary(self.model)
        copies = sorted({(r.tokens, at) for r in requests for at in r.places})
        rows = LOGITS // size if self.packing == "masked" else 1
        found: dict[tuple[tuple[int, ...], int], float] = {}
        for group in batches(copies, lambda copy: len(copy[0]), self.batch):
            for first in range(0, len(group), max(1, rows)):
                own = group[first : first + max(1, rows)]
                found |= zip(own, self._masked(own), strict=True)
        return [[found[r.tokens, at] for at in r.places] for r in requests]

    def _masked(self, copies: Sequence[tuple[tuple[int, ...], int]]) -> list[float]:
        ids, real = padded([tokens for tokens, _ in copies], self.pad)
        rows, places = torch.arange(len(copies)), torch.tensor([at for _, at in copies])
        wanted = ids[rows, places]
        ids[rows, places] = self.mask
        given = {
            "input_ids": ids.to(self.model.device),
            "attention_mask": real.to(self.model.device),
        }
        if self.packing == "plain":
            return log_probabilities(self.model(**given).logits[rows, places], wanted)
        inner: nn.Module = self.model.base_model
        with narrowed(inner, lambda hidden: hidden[rows, places][:, None]):
            return log_probabilities(self.model(**given).logits[:, 0], wanted)

    def _choose_packing(self) -> str:
        """Puts the head on masked tokens alone if that agrees with the head everywhere."""
        size = vocabulary(self.model)
        special = {self.pad, self.mask}
        token = [t for i in range(1, 60) if (t := 7 * i * i % size) not in special]
        requests = [Cloze(tuple(token[n : 2 * n + 4]), (0, n, n + 3)) for n in range(1, 9)]
        want = self.score(requests)
        self.packing = "masked"
        try:
            got = self.score(requests)
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
            return "plain"  # the head is no function of the hidden state at its own place
        slack = 1e-4 if self.model.dtype == torch.float32 else 0.3
        close = (
            np.allclose(a, b, rtol=1e-6, atol=slack, equal_nan=True)
            for a, b in zip(got, want, strict=True)
        )
        return "masked" if all(close) else "plain"
