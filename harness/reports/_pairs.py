"""Two answers side by side: what differs between them is marked, and nothing in them can act."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup

from harness.reports._view import clean

LONGEST = 2000
"""Characters of a text that are shown."""
MOST_WORDS = 400
"""Longer stretches are marked whole: finding their differences takes quadratic time."""
WORD = re.compile(r"[^\W\u2e80-\u9fff\uf900-\ufaff]+|\s+|.", re.DOTALL)
"""A word of letters, a gap, or one Chinese character or sign."""


def marked(text: str, other: str) -> Markup:
    """Marks in `text` what `other` does not say, after making both harmless."""
    mine, theirs = (WORD.findall(clean(t[:LONGEST])) for t in (text, other))
    start = _shared(mine, theirs)
    end = _shared(mine[start:][::-1], theirs[start:][::-1])
    middle, against = mine[start : len(mine) - end], theirs[start : len(theirs) - end]
    parts = [Markup.escape("".join(mine[:start]))]
    parts += [_part(words, same) for words, same in _differences(middle, against)]
    parts.append(Markup.escape("".join(mine[len(mine) - end :])))
    return Markup("").join(parts)


def cut_from(text: str) -> int:
    """Returns the characters of a text that is shown in part; 0 where all of it is shown."""
    return len(text) if len(text) > LONGEST else 0


def sides(found: Sequence[Mapping[str, str]]) -> list[dict[str, object]]:
    """Compares each side of an example with the first, and the first with the second."""
    told: list[dict[str, object]] = []
    for place, side in enumerate(found):
        against = found[0 if place else min(1, len(found) - 1)]
        told.append({"group": side.get("group", ""), "value": side.get("value", "")})
        for name in ("prompt", "answer"):
            text = side.get(name, "")
            told[-1][name] = marked(text, against.get(name, ""))
            told[-1][f"{name}_length"] = cut_from(text)
    return told


def _shared(first: Sequence[str], second: Sequence[str]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def _differences(mine: list[str], theirs: list[str]) -> list[tuple[list[str], bool]]:
    if max(len(mine), len(theirs)) > MOST_WORDS:
        return [(mine, False)]
    matcher = SequenceMatcher(None, mine, theirs, autojunk=False)
    return [(mine[i:j], kind == "equal") for kind, i, j, _, _ in matcher.get_opcodes()]


def _part(words: list[str], same: bool) -> Markup:
    text = "".join(words)
    return Markup.escape(text) if same or not text else Markup("<mark>{}</mark>").format(text)
