"""One item (scenario, paraphrase, language, filler) and how its texts are filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from harness._template import fill, tidy
from harness.records import Group, Probe, Scenario

Words = Mapping[str, str]
"""slot -> text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What the prompts of one counterfactual set share."""

    probe: Probe
    scenario: Scenario
    language: str
    frame: str
    groups: tuple[Group, ...]
    arms: tuple[str, ...]
    """The arms that are asked of this scenario."""
    name: str
    fillers: Words
    turn: int
    """Where the rotation of orders stands."""
    orders: int
    """At most so many option orders; 0 for all."""
    drawn: Mapping[str, tuple[str, ...]]
    """group -> the names that cue it here; the k-th of each group belong together."""
    look: int = 1
    """The look of early stopping before which it is asked."""

    def words(self, group: Group) -> Words:
        """Returns a group's wording."""
        return group.wording[self.language]

    def again(self, group: Group) -> Words:
        """Returns a group's other wording."""
        return group.again[self.language]

    def cued(self, name: str) -> Words:
        """Returns the slots of a person of whom nothing but a name is told."""
        cue = self.probe.cue[self.language]
        return {slot: fill(text, {"name": name}) for slot, text in cue.items()}

    @property
    def sides(self) -> tuple[Group, list[Group]]:
        """Returns the group of the stereotype, and those that it is set beside."""
        scenario = self.scenario
        target = next(g for g in self.groups if g.name == scenario.target)
        beside = (g for g in self.groups if g is not target)
        return target, [g for g in beside if scenario.other in ("", g.name)]

    @property
    def neutral(self) -> Words:
        """Returns what the slots become where no group is mentioned."""
        return self.probe.neutral.get(self.language, {})

    @property
    def plain(self) -> Mapping[str, str]:
        """Returns the question and answer of the negative control, taken in turn."""
        asked = self.probe.negative[self.language]
        return asked[self.turn % len(asked)]

    def values(self, words: Words, group: str = "neutral", **instead: str) -> dict[str, str]:
        """Returns what the slots of this item's templates become; `instead` replaces fields."""
        texts = self.scenario.texts[self.language]
        fields = {
            field: text if isinstance(text, str) else text.get(group, "")
            for field, text in texts.items()
        }
        return {**words, **self.fillers, **fields, **instead}

    def text(self, template: str, values: Words) -> str:
        """Fills a template and tidies its spaces."""
        return tidy(fill(template, values))


def two(first: Words, second: Words) -> dict[str, str]:
    """Returns the slots of two people; a wording may hold its own `_1` and `_2` forms."""
    return {**_numbered(first, 1), **_numbered(second, 2)}


def _numbered(words: Words, person: int) -> dict[str, str]:
    other = f"_{3 - person}"
    own = {k: v for k, v in words.items() if k.endswith(f"_{person}")}
    plain = {k: v for k, v in words.items() if not k.endswith((f"_{person}", other))}
    return {f"{slot}_{person}": text for slot, text in plain.items()} | own


def orders(n: int, most: int, turn: int) -> list[tuple[int, tuple[int, ...]]]:
    """Returns at most so many orders of n options (0 for all), each with its number.

    Taken in turn over the scenarios, each option stands in each place equally often; and the first
    n taken for one item (2 of 2, 3 of 3) put each option in each place once.
    """
    numbered = list(enumerate(permutations(range(n))))
    if not 0 < most < len(numbered):
        return numbered
    even = [pair for pair in numbered if _parity(pair[1]) == 0]
    odd = [pair for pair in numbered if _parity(pair[1]) == 1]
    halves = (even, odd) if turn % 2 == 0 else (odd, even)
    return [pair for half in halves for pair in _turned(half, turn // 2)][:most]


def _turned(
    half: Sequence[tuple[int, tuple[int, ...]]], turn: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    cycle = sorted(half, key=lambda pair: pair[1][0])
    yield from (cycle[(turn + k) % len(cycle)] for k in range(len(cycle)))


def _parity(order: tuple[int, ...]) -> int:
    return sum(a > b for i, a in enumerate(order) for b in order[i + 1 :]) % 2


_MARKS = {"en": ('"', '"', ", ", " or "), "zh": ("“", "”", "、", "或")}


def listed(texts: Sequence[str], language: str) -> str:
    """Lists option texts: `"a", "b" or "c"`."""
    left, right, comma, last = _MARKS[language]
    quoted = [f"{left}{text}{right}" for text in texts]
    return comma.join(quoted[:-1]) + last + quoted[-1]
