"""Sentence pairs: the same sentence about two groups, compared on what they share behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness._item import Item, Words, two
from harness.records import Choice


def pair(item: Item) -> Iterator[dict[str, Any]]:
    """Puts the stereotyped and the counter-stereotyped sentence."""
    if "sensible" in item.scenario.texts[item.language]:
        if "positive_control" in item.arms:
            yield _sides("positive_control", "strong", {}, *_control(item))
        return
    first = item.probe.groups[0]
    target = next(g for g in item.groups if g.name == item.scenario.target)
    for arm in item.arms:
        if arm == "explicit":
            for h in (g for g in item.groups if g is not target):
                one, other = item.words(target), item.words(h)
                roles = {"target": target.name, "other": h.name}
                texts = _sentence(item, one, other), _sentence(item, other, one)
                yield _sides(arm, "mention", roles, *texts)
        elif arm == "same_group":
            one, other = item.words(first), item.again(first)
            if target is not first:
                one, other = other, one
            roles = {"target": first.name, "other": first.name}
            texts = _sentence(item, one, other), _sentence(item, other, one)
            yield _sides(arm, "again", roles, *texts)


def start_of_shared(left: str, right: str) -> tuple[int, int]:
    """Returns where in each text the part begins that both share behind their last difference.

    It begins at the end of a word, so no token of it holds a piece of what differs.

    >>> start_of_shared("Women drive well.", "Men drive well.")
    (5, 3)
    """
    head = _same(left, right)
    tail = _same(left[head:][::-1], right[head:][::-1])
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
    values = item.values({})
    return item.text(values["sensible"], values), item.text(values["senseless"], values)


def _sentence(item: Item, own: Words, other: Words) -> str:
    values = item.values({**own, **two(own, other)})
    return item.text(values["sentence"], values)


def _sides(arm: str, surface: str, roles: dict[str, str], left: str, right: str) -> dict[str, Any]:
    starts = start_of_shared(left, right)
    choices = (
        Choice(text=left, meaning="stereotyped", start=starts[0]),
        Choice(text=right, meaning="counter", start=starts[1]),
    )
    return {"arm": arm, "surface": surface, "roles": roles, "choices": choices}
