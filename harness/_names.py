"""Names that cue a group: what a probe must say of them, and which of them an item draws."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness._schema import fail
from harness._yaml import Tree
from harness.records import Group

DRAWN = 4
"""Names of each group that one scenario and paraphrase is put with."""
ENOUGH = 20
"""Names of a group below which the standard error over names is little known."""


def check(head: Tree, body: Tree) -> None:
    """Raises the first fault of a probe's names and cue.

    Raises:
        BadProbe: with the line of the offending node.
    """
    probe = head.data
    named = [g for g in probe.get("groups", {}) if "names" in probe["groups"][g]]
    if "implicit" not in probe["arms"]:
        for place in ([("cue",)] if "cue" in probe else []) + [("groups", g) for g in named]:
            what = "names, or their cue, stand without the arm implicit (formats of one person)"
            fail(head, place, what, "all of names, cue and the arm, or none", "remove, or add")
        return
    for language in probe["languages"]:
        owner: dict[str, str] = {}
        for group in probe.get("groups", {}):
            _names(head, group, language, owner)
        _cue(head, language)
        _texts(head, body, language, owner)


def deal(
    groups: Sequence[Group], language: str, key: str
) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """Yields the names that each item in turn is put with: group -> names.

    All names of a group are dealt before any comes again, each time in an order of its own, so that
    each is asked as often as any other (but for one) and meets other names and other scenarios.
    """
    hands = {g.name: _hands(g.names[language], f"{key}/{g.name}") for g in groups if g.names}
    while True:
        yield {group: next(hand) for group, hand in hands.items()}


def _hands(names: Sequence[str], key: str) -> Iterator[tuple[str, ...]]:
    left: list[str] = []
    round_ = 0
    while True:
        hand, left = left[:DRAWN], left[DRAWN:]
        if missing := DRAWN - len(hand):
            fresh = sorted(names, key=lambda name: _rank(f"{key}/{round_}/{name}"))
            fresh.sort(key=hand.__contains__)  # stable: no name twice in a hand
            hand, left, round_ = hand + fresh[:missing], fresh[missing:], round_ + 1
        yield tuple(hand)


def _rank(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _names(head: Tree, group: str, language: str, owner: dict[str, str]) -> None:
    names = head.data["groups"][group].get("names", {})
    place = ("groups", group, "names")
    if language not in names:
        what = f"group {group!r} has no names in {language!r}, but the arm implicit"
        fail(head, place, what, f"names: at least {DRAWN}, better {ENOUGH}", "add them")
    for number, name in enumerate(names[language]):
        known = owner.setdefault(_folded(name), group)
        if known != group or [_folded(n) for n in names[language][:number]].count(_folded(name)):
            what = f"the name {name!r} ({language}) stands in {known!r} already"
            fail(head, (*place, language, number), what, "each name once", "invent another")


def _cue(head: Tree, language: str) -> None:
    cue = head.data.get("cue", {}).get(language, {})
    slots = {s for g in head.data["groups"].values() for s in g[language]}
    if set(cue) != slots:
        what = f"the cue fills {sorted(cue)} in {language!r}"
        fail(head, ("cue", language), what, f"exactly {sorted(slots)}", "fill the groups' slots")
    if not any(re.search(r"{{\s*[nN]ame\s*}}", text) for text in cue.values()):
        what, fix = f"no slot of the cue holds the name in {language!r}", "write {{ name }} in one"
        fail(head, ("cue", language), what, "a slot such as: named {{ name }}", fix)


def _texts(head: Tree, body: Tree, language: str, owner: Mapping[str, str]) -> None:
    """Refuses a text that holds a name, or that differs by group in words that would tell it."""
    words = (rf"\b{re.escape(n)}\b" if n.isascii() else re.escape(n) for n in owner)
    named = re.compile("|".join(words))
    for number, frame in enumerate(head.data.get("frames", {}).get(language, ())):
        _free(head, ("frames", language, number), frame, named)
    for index, scenario in enumerate(body.data):
        for field, text in scenario[language].items():
            if not isinstance(text, str):
                what = f"{field!r} differs by group, which no name can cue"
                fail(body, (index, language, field), what, "one text", "write one for all groups")
            _free(body, (index, language, field), text, named)
        for slot, texts in scenario.get("fillers", {}).get(language, {}).items():
            for number, text in enumerate(texts):
                _free(body, (index, "fillers", language, slot, number), text, named)


def _free(tree: Tree, place: tuple[Any, ...], text: str, named: re.Pattern[str]) -> None:
    if found := named.search(_folded(text)):
        what = f"the text holds {found[0]!r}, a name that cues a group"
        fail(tree, place, what, "a text without any of the names", "rename one of them")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
