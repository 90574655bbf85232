"""Writes answers: greedy, or drawn from a generator of its own for each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

PAD = 0
"""Any token: what is padded is masked."""


@dataclass(slots=True)
class Draft:
    """An answer in the making."""

    tokens: Sequence[int]
    """The prompt."""
    seed: int
    written: list[int] = field(default_factory=list)
    finish: str = ""
    """`stop`, `length`, or `error` where the logits are no numbers."""


@torch.inference_mode()
def write(
    model: Any, drafts: Sequence[Draft], stops: Iterable[int], temperature: float, limit: int
) -> None:
    """Completes a batch of drafts in place, by at most `limit` tokens each.

    Prompts are padded on the left and positions count real tokens, so that no row depends on
    another; a row that is done leaves the batch. Nothing but its own seed moves what a row draws.
    """
    device, stopping = model.device, set(stops)
    rows = list(drafts)
    generators = [torch.Generator().manual_seed(draft.seed) for draft in rows]
    width = max(len(draft.tokens) for draft in rows)
    ids = torch.tensor([[PAD] * (width - len(d.tokens)) + list(d.tokens) for d in rows])
    mask = torch.tensor([[0] * (width - len(d.tokens)) + [1] * len(d.tokens) for d in rows])
    ids, mask, past = ids.to(device), mask.to(device), None
    while True:
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = model(
            ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=past,
            use_cache=True,
            logits_to_keep=1,
        )
        logits, past = out.logits[:, -1].float().cpu(), out.past_key_values
        sound = torch.isfinite(logits.logsumexp(-1)).tolist()
        chosen = _choose(logits, generators, temperature).tolist()
        for row, token, is_sound in zip(rows, chosen, sound, strict=True):
            _extend(row, token if is_sound else None, stopping, limit)
        keep = [i for i, row in enumerate(rows) if not row.finish]
        if not keep:
            return
        if len(keep) < len(rows):
            rows, generators = [rows[i] for i in keep], [generators[i] for i in keep]
            kept = torch.tensor(keep, dtype=torch.long, device=device)
            mask = mask[kept]
            past.batch_select_indices(kept)
        ids = torch.tensor([row.written[-1:] for row in rows], dtype=torch.long, device=device)
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=-1)


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
