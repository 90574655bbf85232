"""Reads a yes or no from the likeliest first tokens that a server lists.

A spelling that is listed as a token has its log-probability; one that is not has no number at all
(an empty tuple), but what it could have is bounded: by the least listed probability, and by what the
list leaves over. Where that could move the answer by more than `OPEN`, the answer is not read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.models._replies import Fault
from harness.records import Prompt

OPEN = 0.02
"""How far unlisted spellings may move p(yes) / (p(yes) + p(no)); under half of a margin of 0.05."""

Scores = tuple[tuple[float, ...], ...]


def read(prompt: Prompt, first: Mapping[bytes, float]) -> Scores:
    """Returns the log-probability of each spelling that is listed.

    Raises:
        Fault: the list leaves open what the answer is.
    """
    spelt = [c.text.encode() for c in prompt.choices if c.meaning.endswith(":spelling")]
    known = sum(math.exp(first[text]) for text in set(spelt) & first.keys())
    unknown = _unlisted(set(spelt), first)
    if not unknown <= OPEN * (known + unknown) or not known:
        share = unknown / (known + unknown) if known + unknown else 1.0
        raise Fault(
            f"the {len(first)} likeliest first tokens leave {share:.0%} of yes and no open",
            again=False,
        )
    return tuple(
        (first[text.encode()],) if is_spelling and text.encode() in first else ()
        for text, is_spelling in ((c.text, c.meaning.endswith(":spelling")) for c in prompt.choices)
    )


def _unlisted(spelt: set[bytes], first: Mapping[bytes, float]) -> float:
    """Returns the most probability that spellings can have beyond what is listed as them."""
    rest = max(0.0, 1 - sum(map(math.exp, first.values())))
    least = math.exp(min(first.values()))
    begun = sum(
        math.exp(value)
        for token, value in first.items()
        if token
        and any(text != token and text.startswith(token) for text in spelt)
        and token not in spelt
    )
    return min(rest, least * len(spelt - first.keys())) + begun
