"""Counts answers by part and cluster, and makes published numbers of the totals."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.outcomes._read import likeliest, unanswered
from harness.records import Missing, Prompt, Published, Response, Seen
from harness.stats.jackknife import jackknife

Answered = Iterable[tuple[Prompt, Sequence[Response]]]
"""A prompt with its responses, one a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number as the set defines it."""

    name: str
    formula: Callable[[NDArray[np.float64]], float]
    """Totals of the terms -> the number; NaN where nothing was measured."""
    limits: tuple[float, float]
    hides: str
    hides_zh: str


@dataclass(slots=True)
class Count:
    """What was counted of one part: terms by cluster, and answers that gave none."""

    terms: dict[Hashable, NDArray[np.float64]] = field(default_factory=dict)
    answers: int = 0
    missing: Counter[Seen] = field(default_factory=Counter)
    cells: set[str] = field(default_factory=set)

    def add(self, cluster: Hashable, terms: Sequence[float]) -> None:
        """Adds the terms of one answer."""
        self.answers += 1
        self.terms[cluster] = self.terms.get(cluster, 0.0) + np.asarray(terms, dtype=float)


class Counts(defaultdict[str, Count]):
    """Parts, in the order in which they are met, and what was counted of each."""

    def __init__(self) -> None:
        super().__init__(Count)

    def in_order(self) -> list[str]:
        """Lists the parts: the overall one first, then those of fewer levels."""
        return sorted(self, key=lambda part: (part != "overall", part.count("/"), part))

    def publish(self, set_: str, part: str, metric: Metric) -> Published:
        """Makes one published number, with a 95 % interval over clusters."""
        count = self[part]
        missing = Missing(
            refused=count.missing[Seen.REFUSED],
            unparsed=count.missing[Seen.UNPARSED],
            failed=count.missing[Seen.FAILED],
        )
        value = low = high = None
        terms = np.array(list(count.terms.values()))
        if len(terms) and math.isfinite(metric.formula(terms.sum(axis=0))):
            found = jackknife(terms, metric.formula, limits=metric.limits)
            value, low, high = found.estimate, found.low, found.high
        return Published(
            set=set_,
            part=part,
            metric=metric.name,
            value=value,
            low=low,
            high=high,
            count=count.answers,
            missing=missing,
            cell=next(iter(count.cells)) if len(count.cells) == 1 else "",
            hides=metric.hides,
            hides_zh=metric.hides_zh,
        )


def chosen(
    prompt: Prompt, response: Response, read: Callable[[Prompt, str], str | None]
) -> str | Seen:
    """Returns the meaning of the option that an answer chose, or why there is none.

    By likelihood where options were scored (a tie chooses nothing), else as `read` reads the text.
    """
    if response.error is not None:
        return Seen.FAILED
    if response.logprobs is not None:
        best = likeliest(prompt, response)
        return best[0] if len(best) == 1 else Seen.UNPARSED
    found = read(prompt, response.text or "")
    return found if found is not None else unanswered(response) or Seen.UNPARSED


def answers(answered: Answered) -> Iterator[tuple[Prompt, Response]]:
    """Yields each answer with its prompt."""
    for prompt, responses in answered:
        for response in responses:
            yield prompt, response


def share(right: int, of: int) -> Callable[[NDArray[np.float64]], float]:
    """Makes the formula of one total over another."""
    return lambda totals: float(totals[right] / totals[of]) if totals[of] else math.nan
