"""Sentence pairs: the same sentence about two groups, compared on what they share behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness._item import Item, Words, two
from harness.records import Choice


def pair(item: Item) -> Iterator[dict[str, Any]]:
    """Puts the stereotyped and the counter-stereotyped sentence."""
    if "sensible" in item.scenario.texts[item.language]:
        if "positive_control" in item.arms:
            yield _pair(*_control(item), arm="positive_control", surface="strong", roles={})
        return
    first = item.probe.groups[0]
    target, others = item.sides
    for arm in item.arms:
        if arm == "explicit":
            for h in others:
                one, other = item.words(target), item.words(h)
                roles = {"target": target.name, "other": h.name}
                yield _both(item, arm, "mention", roles, one, other)
        elif arm == "same_group":
            one, other = item.words(first), item.again(first)
            if target is not first:
                one, other = other, one
            roles = {"target": first.name, "other": first.name}
            yield _both(item, arm, "again", roles, one, other)


def start_of_shared(left: str, right: str, endings: Iterable[str] = ()) -> tuple[int, int]:
    """Returns where in each text the part begins that both share behind their last difference.

    It begins at the end of a word, and behind an ending that the two wordings have in common
    (日本人, 中国人), so that no token of it holds a piece of a wording.

    >>> start_of_shared("Women drive well.", "Men drive well.")
    (5, 3)
    """
    head = _same(left, right)
    tail = _same(left[head:][::-1], right[head:][::-1])
    shared = left[len(left) - tail :]
    tail -= max((len(e) for e in endings if shared.startswith(e)), default=0)
    while tail and any(_inside(text, len(text) - tail) for text in (left, right)):
        tail -= 1
    return len(left) - tail, len(right) - tail


def _same(left: str, right: str) -> int:
    """Returns how many characters two texts share at their beginning."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(left), len(right)))


def _inside(text: str, at: int) -> bool:
    """Says whether a place lies inside a word of an alphabetic script."""
    return 0 < at < len(text) and all(c.isalnum() and c < "\u2e80" for c in text[at - 1 : at + 1])


def _control(item: Item) -> tuple[str, str]:
    left, right = (
        item.text(item.frame, item.values({}, sentence=f"{{{{ {field} }}}}"))
        for field in ("sensible", "senseless")
    )
    return left, right


def _both(
    item: Item, arm: str, surface: str, roles: dict[str, str], one: Words, other: Words
) -> dict[str, Any]:
    left, right = (
        item.text(item.frame, values)
        for values in (
            item.values({**one, **two(one, other)}),
            item.values({**other, **two(other, one)}),
        )
    )
    endings = [one[slot][::-1][: _same(one[slot][::-1], other[slot][::-1])][::-1] for slot in one]
    return _pair(left, right, endings, arm=arm, surface=surface, roles=roles)


def _pair(left: str, right: str, endings: Iterable[str] = (), **parts: Any) -> dict[str, Any]:
    starts = start_of_shared(left, right, endings)
    choices = (
        Choice(text=left, meaning="stereotyped", start=starts[0]),
        Choice(text=right, meaning="counter", start=starts[1]),
    )
    return {**parts, "choices": choices}
