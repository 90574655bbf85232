"""Scores token sequences, computing each distinct prefix token of a window once.

The sequences of a window form a trie. Its nodes are packed into rows; a tree mask lets a node see
its ancestors alone, and its position is its depth, so that it gets what a plain forward gives it.
A row without a branch is an ordinary right-padded sequence and needs no mask: packing `sorted`,
for architectures that cannot take a tree (sliding windows, state, ALiBi), is one row a sequence.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

LENGTH = 256
"""Nodes a row: attention grows with its square, and longer rows were slower on two cores."""
STRETCH = 4
"""A row may grow to so many times what the cut would repeat, so that deep prefixes stay whole."""
HEADER = 16
"""A prefix of all sequences that is at least so long is computed once and kept as key-values."""
LOGITS = 2**24
"""At most so many logits at a time: 64 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Request:
    """A sequence whose tokens from `start` (at least 1) on are scored."""

    tokens: tuple[int, ...]
    start: int


@dataclass(slots=True)
class Row:
    """Trie nodes in preorder that go through the model together."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    """Node before each node; -1 at a root."""
    depths: list[int] = field(default_factory=list)
    targets: list[tuple[int, int, int, int]] = field(default_factory=list)
    """What is predicted: node, next token, request, place among the request's scored tokens."""

    @property
    def branches(self) -> bool:
        """Tells whether the row is more than one plain sequence."""
        return any(parent != node - 1 for node, parent in enumerate(self.parents))

    def mask(self, length: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Returns which node sees which, shape (length, length); padding sees itself."""
        sees = np.eye(length, dtype=np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node] |= sees[parent]
        return sees


def plan(requests: Sequence[Request], header: int = 0, *, tree: bool = True) -> list[Row]:
    """Packs the requests, less the `header` tokens common to all, into rows; longest row first.

    The last token of a request is only predicted, so it is no node.
    """
    rows: list[Row] = []
    path: list[int] = []  # node at each depth of the sequence before
    last: tuple[int, ...] = ()
    for index in sorted(range(len(requests)), key=lambda i: requests[i].tokens):
        request = requests[index]
        fed = request.tokens[header:-1]
        shared = count_shared([last, fed]) if tree else 0
        size = len(rows[-1].tokens) + len(fed) - shared if rows else 0
        if not rows or not tree or size > max(LENGTH, STRETCH * shared):
            rows.append(Row())
            shared = 0
        row, path, last = rows[-1], path[:shared], fed
        for depth in range(shared, len(fed)):
            row.parents.append(path[-1] if path else -1)
            path.append(len(row.tokens))
            row.tokens.append(fed[depth])
            row.depths.append(depth)
        first = request.start - 1 - header
        row.targets += [
            (path[depth], request.tokens[header + depth + 1], index, depth - first)
            for depth in range(first, len(fed))
        ]
    return sorted(rows, key=lambda row: -len(row.tokens))


def count_shared(sequences: Sequence[tuple[int, ...]]) -> int:
    """Counts the leading tokens that all sequences share: those of the least and the greatest."""
    least, greatest = min(sequences), max(sequences)
    pairs = enumerate(zip(least, greatest, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(least), len(greatest)))


def common_header(requests: Sequence[Request]) -> int:
    """Counts the leading tokens that all requests share and none is scored behind."""
    return count_shared([r.tokens[: r.start - 1] for r in requests])


class Scorer:
    """Scores with one model; `packing` says how: `tree`, `sorted` or `plain`."""

    def __init__(self, model: Any, batch: int) -> None:
        self.model, self.batch = model, batch
        self.head: nn.Module = model.get_output_embeddings()
        self.packing = "plain"
        self.packing = self._choose_packing()

    @torch.inference_mode()
    def score(self, requests: Sequence[Request]) -> list[list[float]]:
        """Returns for each request the natural-log probability of each scored token."""
        scores = [[0.0] * (len(r.tokens) - r.start) for r in requests]
        if self.packing == "plain":
            return [self._plain(request) for request in requests]
        tree = self.packing == "tree"
        header = common_header(requests) if tree else 0
        header = header if header >= HEADER else 0
        past = self._forward([list(requests[0].tokens[:header])])[1] if header else None
        for rows in _batches(plan(requests, header, tree=tree), self.batch):
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
        return scores

    def _hidden(self, rows: Sequence[Row], header: int, past: Any) -> Tensor:
        length = len(rows[0].tokens)
        ids = [row.tokens + [0] * (length - len(row.tokens)) for row in rows]
        if not header and not any(row.branches for row in rows):
            return self._forward(ids)[0]
        depths = [row.depths + [0] * (length - len(row.tokens)) for row in rows]
        sees = np.ones((len(rows), 1, length, header + length), dtype=np.bool_)
        for at, row in enumerate(rows):
            sees[at, 0, :, header:] = row.mask(length)
        dtype = self.model.dtype
        mask = torch.zeros(sees.shape, dtype=dtype)
        mask.masked_fill_(torch.from_numpy(~sees), torch.finfo(dtype).min)
        positions = torch.tensor(depths) + header
        extra = {"attention_mask": mask, "position_ids": positions}
        if past is not None:
            past = copy.deepcopy(past)
            past.batch_repeat_interleave(len(rows))
        return self._forward(ids, past, **extra)[0]

    def _forward(
        self, ids: list[list[int]], past: Any = None, **extra: Tensor
    ) -> tuple[Tensor, Any]:
        """Returns the hidden states, shape (nodes, width), and the key-values."""
        device = self.model.device
        out = self.model.base_model(
            torch.tensor(ids, device=device),
            **{name: value.to(device) for name, value in extra.items()},
            **({"past_key_values": past} if past is not None else {}),
        )
        return out.last_hidden_state.flatten(0, 1), getattr(out, "past_key_values", None)

    def _log_probabilities(
        self, hidden: Tensor, targets: Sequence[tuple[int, ...]]
    ) -> Iterator[float]:
        """Yields the log-probability of each target; `targets` are sorted by node.

        Not `log_softmax`: on CPU it is up to 1e-5 nats a token too high in float32.
        """
        nodes, which = torch.unique_consecutive(
            torch.tensor([t[0] for t in targets]), return_inverse=True
        )
        tokens = torch.tensor([t[1] for t in targets])
        step = max(1, LOGITS // self.model.get_input_embeddings().weight.shape[0])
        for first in range(0, len(nodes), step):
            logits = self.head(hidden[nodes[first : first + step].to(hidden.device)]).float()
            here = slice(*torch.searchsorted(which, torch.tensor([first, first + step])).tolist())
            at = (which[here] - first).to(logits.device)
            picked = logits[at, tokens[here].to(logits.device)]
            yield from (picked - logits.logsumexp(-1)[at]).tolist()

    def _plain(self, request: Request) -> list[float]:
        ids = torch.tensor([request.tokens], device=self.model.device)
        logits = self.model(ids).logits[0, request.start - 1 : -1].float()
        wanted = ids[0, request.start :, None]
        picked = logits.gather(1, wanted)[:, 0]
        scored: list[float] = (picked - logits.logsumexp(-1)).tolist()
        return scored

    def _choose_packing(self) -> str:
        """Takes the best packing that agrees with the plain forward on a few sequences."""
        requests = _samples(self.model.get_input_embeddings().weight.shape[0])
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
    token = [7 * i * i % vocabulary for i in range(1, 60)]
    stem = token[:20]
    tails = [token[20:26], token[20:23] + token[30:35], token[40:42], token[20:26] + token[50:54]]
    shared = [Request(tuple(stem + tail), len(stem) + i % 2) for i, tail in enumerate(tails)]
    return [*shared, Request(tuple(stem[:18] + token[26:40]), 18)]


def _batches(rows: Sequence[Row], tokens: int) -> Iterator[list[Row]]:
    """Groups rows, longest first, to at most `tokens` padded tokens a batch (or a single row)."""
    batch: list[Row] = []
    for row in rows:
        if batch and len(batch[0].tokens) * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
