"""Packs token sequences so that each distinct prefix token of a window is computed once.

The sequences form a trie. Its nodes are packed into rows: where the row ends and another begins, the
prefix that both share is computed again, so cuts are chosen for the least work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

HEADER = 16
"""A prefix of all sequences that is at least so long is computed once and kept as key-values."""
KEY = 0.12
"""Work that a key adds to a node, in works of a node, times the width of the model."""
NODES = 1024
"""A row has at most so many nodes, or twice those of a sequence."""


@dataclass(frozen=True, slots=True)
class Request:
    """A sequence whose tokens from `start` (at least 1) on are scored."""

    tokens: tuple[int, ...]
    start: int
    kept: tuple[int, ...] | None = None
    """Which of the scores count, the first being 0; None for all."""

    def counted(self, scores: list[float]) -> list[float]:
        """Returns the scores that count."""
        return scores if self.kept is None else [scores[at] for at in self.kept]


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


def plan(
    requests: Sequence[Request], header: int = 0, *, width: int = 512, tree: bool = True
) -> list[Row]:
    """Packs the requests, less the `header` tokens common to all, into rows.

    The last token of a request is only predicted, so it is no node.
    """
    rows: list[Row] = []
    order = sorted(range(len(requests)), key=lambda i: requests[i].tokens)
    fed = [requests[index].tokens[header:-1] for index in order]
    shared = [0] + [count_shared(pair) for pair in pairwise(fed)]
    cuts = _cuts([len(own) for own in fed], shared, header, width) if tree else range(len(fed))
    for first, end in pairwise([*cuts, len(fed)]):
        row, path = Row(), list[int]()  # node at each depth of the sequence before
        for at in range(first, end):
            path = path[: shared[at]] if at > first else []
            for depth in range(len(path), len(fed[at])):
                row.parents.append(path[-1] if path else -1)
                path.append(len(row.tokens))
                row.tokens.append(fed[at][depth])
                row.depths.append(depth)
            request = requests[order[at]]
            start = request.start - 1 - header
            row.targets += [
                (path[depth], request.tokens[header + depth + 1], order[at], depth - start)
                for depth in range(start, len(fed[at]))
            ]
        rows.append(row)
    return rows


def _cuts(lengths: Sequence[int], shared: Sequence[int], header: int, width: int) -> list[int]:
    """Returns where rows of sorted sequences begin so that the work is least.

    A row of n nodes costs n (1 + KEY (n + header) / width): a cut computes a prefix again, a row
    without one makes each node look at more keys. Least over all cuts, by dynamic programming.
    """
    size = np.array(lengths)
    grown = np.concatenate([[0], np.cumsum(size - shared)])  # nodes where nothing is cut
    least = np.zeros(len(size) + 1)
    begins = np.zeros(len(size) + 1, dtype=int)
    oldest = 0
    for end in range(1, len(size) + 1):
        room = max(NODES, 2 * size[end - 1])
        while oldest < end - 1 and grown[end] - grown[oldest] > room:
            oldest += 1
        before = slice(oldest, end)
        nodes = grown[end] - grown[before] + np.asarray(shared[before])
        work = least[before] + nodes * (1 + KEY * (nodes + header) / width)
        begins[end] = oldest + int(work.argmin())
        least[end] = work.min()
    cuts = [len(size)]
    while cuts[-1]:
        cuts.append(int(begins[cuts[-1]]))
    return cuts[:0:-1]


def count_shared(sequences: Sequence[tuple[int, ...]]) -> int:
    """Counts the leading tokens that all sequences share: those of the least and the greatest."""
    least, greatest = min(sequences), max(sequences)
    pairs = enumerate(zip(least, greatest, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(least), len(greatest)))


def common_header(requests: Sequence[Request]) -> int:
    """Counts the leading tokens that all requests share and none is scored behind; 0 if few."""
    shared = count_shared([r.tokens[: r.start - 1] for r in requests])
    return shared if shared >= HEADER else 0
