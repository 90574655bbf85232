"""Writes answers: greedy, or drawn from a generator of its own for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from harness.models._packing import count_shared
from harness.models._seq2seq import encoded, taken

PAD = 0
"""Any token: what is padded is masked."""
HEADER = 16
"""What all prompts begin with is read by itself if it is at least so many tokens."""


@dataclass(slots=True)
class Draft:
    """An answer in the making."""

    tokens: Sequence[int]
    """The prompt."""
    seed: int
    written: list[int] = field(default_factory=list)
    finish: str = ""
    """`stop`, `length`, or `error` where the logits are no numbers."""


class Steps(Protocol):
    """A batch of rows that grow by one token at a time."""

    def logits(self) -> Tensor:
        """Returns what may come next, shape (rows, vocabulary)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Leaves the other rows out from now on."""

    def feed(self, tokens: Sequence[int]) -> None:
        """Adds a token to each row."""


@torch.inference_mode()
def write(
    begin: Callable[[Sequence[Sequence[int]]], Steps],
    drafts: Sequence[Draft],
    stops: Iterable[int],
    temperature: float,
    limit: int,
) -> None:
    """Completes a batch of drafts in place, by at most `limit` tokens each.

    `begin` reads their prompts. A row that is done leaves the batch, and nothing but its own seed
    moves what a row draws.
    """
    stopping, rows = set(stops), list(drafts)
    generators = [torch.Generator().manual_seed(draft.seed) for draft in rows]
    steps = begin([draft.tokens for draft in rows])
    while True:
        logits = steps.logits().float().cpu()
        sound = torch.isfinite(logits.logsumexp(-1)).tolist()
        chosen = _choose(logits, generators, temperature).tolist()
        for row, token, is_sound in zip(rows, chosen, sound, strict=True):
            _extend(row, token if is_sound else None, stopping, limit)
        keep = [i for i, row in enumerate(rows) if not row.finish]
        if not keep:
            return
        if len(keep) < len(rows):
            rows, generators = [rows[i] for i in keep], [generators[i] for i in keep]
            steps.keep(keep)
        steps.feed([row.written[-1] for row in rows])


class Continued:
    """Continues prompts with a causal model.

    Prompts are padded on the left and positions count real tokens, so that no row depends on
    another. Equal prompts are read once, and with `share` what all begin with is, before the rest.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], share: bool) -> None:
        self.model, device = model, model.device
        distinct = list(dict.fromkeys(map(tuple, prompts)))
        header = count_shared([p[:-1] for p in distinct]) if share and len(distinct) > 1 else 0
        header = header if header >= HEADER else 0
        self.past: Any = None
        if header:
            ids = torch.tensor([distinct[0][:header]], device=device)
            self.past = model(ids, use_cache=True, logits_to_keep=1).past_key_values
            self.past.batch_repeat_interleave(len(distinct))
        rest = [p[header:] for p in distinct]
        gaps = [max(map(len, rest)) - len(p) for p in rest]
        ids = torch.tensor([[PAD] * gap + [*p] for gap, p in zip(gaps, rest, strict=True)])
        self.mask = torch.tensor(
            [[1] * header + [0] * gap + [1] * len(p) for gap, p in zip(gaps, rest, strict=True)]
        ).to(device)
        self.next = self._read(ids)
        if len(distinct) < len(prompts):
            places = {p: i for i, p in enumerate(distinct)}
            self.keep([places[tuple(p)] for p in prompts])

    def logits(self) -> Tensor:
        """Returns what may come next, shape (rows, vocabulary)."""
        return self.next

    def keep(self, rows: Sequence[int]) -> None:
        """Takes these rows alone, in this order; one may be taken several times."""
        kept = torch.tensor(rows)  # on the CPU, since layers may lie on several devices
        self.next, self.mask = self.next[kept], self.mask[kept]
        self.past.batch_select_indices(kept)

    def feed(self, tokens: Sequence[int]) -> None:
        """Adds a token to each row."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=-1)
        self.next = self._read(torch.tensor(tokens)[:, None])

    def _read(self, ids: Tensor) -> Tensor:
        positions = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = self.model(
            ids.to(self.mask.device),
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.past,
            use_cache=True,
            logits_to_keep=1,
        )
        self.past = out.past_key_values
        last: Tensor = out.logits[:, -1]
        return last


class Translated:
    """Answers prompts with an encoder-decoder model, whose encoder reads equal prompts once."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], prefix: Sequence[int]) -> None:
        self.model = model
        self.past: Any = None
        distinct = list(dict.fromkeys(map(tuple, prompts)))
        places = {p: i for i, p in enumerate(distinct)}
        self.given = taken(*encoded(model, distinct), [places[tuple(p)] for p in prompts])
        self.next = self._read(torch.tensor([list(prefix)] * len(prompts)))

    def logits(self) -> Tensor:
        """Returns what may come next, shape (rows, vocabulary)."""
        return self.next

    def keep(self, rows: Sequence[int]) -> None:
        """Leaves the other rows out from now on."""
        self.given = taken(self.given["encoder_outputs"], self.given["attention_mask"], rows)
        self.past.batch_select_indices(torch.tensor(rows))

    def feed(self, tokens: Sequence[int]) -> None:
        """Adds a token to each row."""
        self.next = self._read(torch.tensor(tokens)[:, None])

    def _read(self, ids: Tensor) -> Tensor:
        ids = ids.to(self.model.device)
        out = self.model(
            **self.given, decoder_input_ids=ids, past_key_values=self.past, use_cache=True
        )
        self.past = out.past_key_values
        last: Tensor = out.logits[:, -1]
        return last


def _extend(row: Draft, token: int | None, stops: set[int], limit: int) -> None:
    if token is None:
        row.finish = "error"
        return
    row.written.append(token)
    if token in stops:
        row.finish = "stop"
    elif len(row.written) >= limit:
        row.finish = "length"


def _choose(logits: Tensor, generators: list[torch.Generator], temperature: float) -> Tensor:
    """Takes the likeliest token, or inverts each row's distribution at its own random number."""
    if temperature == 0:
        return logits.argmax(-1)
    total = (logits.double() / temperature).softmax(-1).cumsum(-1)
    at = torch.stack([torch.rand((), generator=g, dtype=torch.float64) for g in generators])
    return (total <= at[:, None]).sum(-1).clamp(max=logits.shape[-1] - 1)
