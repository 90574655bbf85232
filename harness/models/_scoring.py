"""Scores token sequences of a causal model, packed as `_packing` plans.

A tree mask lets a node see its ancestors alone, and its position is its depth, so that it gets what
a plain forward gives it. Packing `sorted`, for architectures that cannot take a tree (sliding
windows, state, ALiBi), is one row a sequence and needs no mask.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.models._narrow import LOGITS, batches, log_probabilities, vocabulary
from harness.models._packing import Request, Row, common_header, plan


class Scorer:
    """Scores with one model; `packing` says how: `tree`, `sorted` or `plain`."""

    def __init__(self, model: Any, batch: int) -> None:
        self.model, self.batch = model, batch
        self.head: nn.Module = model.get_output_embeddings()
        self.width = model.get_input_embeddings().weight.shape[1]
        self.packing = "plain"
        self.packing = self._choose_packing()

    @torch.inference_mode()
    def score(self, requests: Sequence[Request]) -> list[list[float]]:
        """Returns for each request the natural-log probability of each scored token."""
        scores = [[0.0] * (len(r.tokens) - r.start) for r in requests]
        if self.packing == "plain":
            return [request.counted(self._plain(request)) for request in requests]
        tree = self.packing == "tree"
        header = common_header(requests) if tree else 0
        past = self._run([list(requests[0].tokens[:header])]).past_key_values if header else None
        for rows in self._batches(requests, header, tree):
            targets = sorted(
                (at * len(rows[0].tokens) + node, *rest)
                for at, row in enumerate(rows)
                for node, *rest in row.targets
            )
            hidden = self._hidden(rows, header, past)
            for (_, _, index, place), value in zip(
                targets, self._log_probabilities(hidden, targets), strict=True
            ):
                scores[index][place] = value
        return [request.counted(own) for request, own in zip(requests, scores, strict=True)]

    def _batches(self, requests: Sequence[Request], header: int, tree: bool) -> Iterator[list[Row]]:
        rows = plan(requests, header, width=self.width, tree=tree)
        return batches(rows, lambda row: len(row.tokens), self.batch)

    def _hidden(self, rows: Sequence[Row], header: int, past: Any) -> Tensor:
        length = len(rows[0].tokens)
        ids = [row.tokens + [0] * (length - len(row.tokens)) for row in rows]
        if not header and not any(row.branches for row in rows):
            return self._states(ids, use_cache=False)
        depths = [row.depths + [0] * (length - len(row.tokens)) for row in rows]
        sees = np.ones((len(rows), 1, length, header + length), dtype=np.bool_)
        for at, row in enumerate(rows):
            sees[at, 0, :, header:] = row.mask(length)
        dtype = self.model.dtype
        mask = torch.zeros(sees.shape, dtype=dtype)
        mask.masked_fill_(torch.from_numpy(~sees), torch.finfo(dtype).min)
        extra = {"attention_mask": mask, "position_ids": torch.tensor(depths) + header}
        if past is None:
            return self._states(ids, use_cache=False, **extra)
        past = copy.deepcopy(past)
        past.batch_repeat_interleave(len(rows))
        return self._states(ids, past_key_values=past, **extra)

    def _states(self, ids: list[list[int]], **given: Any) -> Tensor:
        """Returns the hidden states, shape (nodes, width)."""
        states: Tensor = self._run(ids, **given).last_hidden_state
        return states.flatten(0, 1)

    def _run(self, ids: list[list[int]], **given: Any) -> Any:
        device = self.model.device
        placed = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in given.items()}
        return self.model.base_model(torch.tensor(ids, device=device), **placed)

    def _log_probabilities(
        self, hidden: Tensor, targets: Sequence[tuple[int, ...]]
    ) -> Iterator[float]:
        """Yields the log-probability of each target; `targets` are sorted by node."""
        nodes, which = torch.unique_consecutive(
            torch.tensor([t[0] for t in targets]), return_inverse=True
        )
        tokens = torch.tensor([t[1] for t in targets])
        step = max(1, LOGITS // vocabulary(self.model))
        for first in range(0, len(nodes), step):
            here = slice(*torch.searchsorted(which, torch.tensor([first, first + step])).tolist())
            states = hidden[nodes[first : first + step].to(hidden.device)]
            # no name holds the logits: those of the next step need their place
            yield from log_probabilities(self.head(states), tokens[here], which[here] - first)

    def _plain(self, request: Request) -> list[float]:
        ids = torch.tensor([request.tokens], device=self.model.device)
        logits = self.model(ids).logits[0, request.start - 1 : -1]
        return log_probabilities(logits, ids[0, request.start :])

    def _choose_packing(self) -> str:
        """Takes the best packing that agrees with the plain forward on a few sequences."""
        requests = _samples(vocabulary(self.model))
        want = [sum(scores) for scores in self.score(requests)]
        slack = 1e-4 if self.model.dtype == torch.float32 else 0.3
        for packing in ("tree", "sorted") if _takes_trees(self.model) else ("sorted",):
            self.packing = packing
            try:
                got = [sum(scores) for scores in self.score(requests)]
            except (TypeError, ValueError, RuntimeError, AttributeError):  # no tree, no such input
                continue
            if np.allclose(got, want, rtol=1e-6, atol=slack, equal_nan=True):
                return packing
        return "plain"


def _takes_trees(model: Any) -> bool:
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    windowed = (
        bool(kinds - {"full_attention"}) if kinds else getattr(config, "sliding_window", None)
    )
    return not windowed and not getattr(model, "_is_stateful", False)


def _samples(vocabulary: int) -> list[Request]:
    """Builds sequences with a shared header, branches at several depths, and one that is alone."""
    token = [7 * i * i % vocabulary for i in range(1, 40)]
    stem = token[:18]
    tails = [token[18:21], token[18:20] + token[30:33], token[33:35], token[18:21] + token[35:37]]
    shared = [Request(tuple(stem + tail), len(stem) + i % 2) for i, tail in enumerate(tails)]
    return [*shared, Request(tuple(stem[:17] + token[22:26]), 17)]
