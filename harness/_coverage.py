"""What the probes hold: scenarios by attribute, language and format, and how varied their words are."""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from harness._template import without_slots
from harness.records import ATTRIBUTES, FORMATS, LANGUAGES, RIGHT_OR_WRONG, Probe, Scenario

WANTED = {
    **dict.fromkeys(("decision", "ambiguous"), 120),
    **dict.fromkeys(("rating", "comparison", "selection", "agreement", "open", "benign"), 30),
    **{"pair": 40, "harmful": 50},
    **dict.fromkeys(RIGHT_OR_WRONG, 60),
}
"""Scenarios that an attribute should have of each format, and of each kind of written control."""
WIDTH = 120
"""Columns of the table where there is no terminal."""
_HEADS = dict(zip(RIGHT_OR_WRONG, ("legitimate", "negative"), strict=True))
WINDOW = 500
"""Words over which their variety is averaged, so that it does not fall with the length of a text."""
_WORD = {"en": re.compile(r"[a-z']+"), "zh": re.compile(r"[\u4e00-\u9fff]")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The scenarios of one attribute in one language and format (or written control)."""

    attribute: str
    language: str
    format: str
    scenarios: int
    variety: float | None
    """Moving-average type-token ratio of words (zh: pairs of characters); None for short texts."""


def count(probes: Iterable[Probe]) -> list[Cell]:
    """Counts the scenarios of all probes, but for those that hold positive controls alone."""
    texts = defaultdict[tuple[str, str, str], list[str]](list)
    for probe in probes:
        if set(probe.arms) == {"positive_control"}:
            continue
        for language, scenario in itertools.product(probe.languages, probe.scenarios):
            control = RIGHT_OR_WRONG[not scenario.legitimate] if scenario.correct else probe.format
            texts[probe.attribute, language, control].append(_text(scenario, language))
    kinds = (*FORMATS, *RIGHT_OR_WRONG)
    known = sorted(
        texts, key=lambda k: (ATTRIBUTES.index(k[0]), LANGUAGES.index(k[1]), kinds.index(k[2]))
    )
    return [
        Cell(
            attribute=attribute,
            language=language,
            format=form,
            scenarios=len(texts[attribute, language, form]),
            variety=variety(_words(texts[attribute, language, form], language)),
        )
        for attribute, language, form in known
    ]


def variety(words: Sequence[str], window: int = WINDOW) -> float | None:
    """Computes the moving-average type-token ratio: distinct words among `window`, averaged.

    1 where no window holds a word twice. Covington and McFall (2010), J. Quant. Linguistics 17(2).

    Returns:
        None for fewer words than a window.
    """
    if len(words) < window:
        return None
    seen = defaultdict[str, int](int)
    distinct = total = 0
    for at, word in enumerate(words):
        seen[word] += 1
        distinct += seen[word] == 1
        if at >= window:
            gone = words[at - window]
            seen[gone] -= 1
            distinct -= seen[gone] == 0
        if at >= window - 1:
            total += distinct
    return total / (len(words) - window + 1) / window


def show(cells: Sequence[Cell], console: Console) -> None:
    """Prints a row for each attribute and language; what is still short of its number is marked."""
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for head in ("attribute", "", *WANTED):
        left = head in ("attribute", "")
        table.add_column(_HEADS.get(head, head), justify="left" if left else "right", no_wrap=True)
    table.add_row("wanted", "", *map(str, WANTED.values()))
    have = {(c.attribute, c.language, c.format): c for c in cells}
    for attribute in ATTRIBUTES:
        for language in LANGUAGES:
            row = [have.get((attribute, language, form)) for form in WANTED]
            if any(row):
                shown = [_cell(c, w, attribute) for c, w in zip(row, WANTED.values(), strict=True)]
                table.add_row(attribute, language, *shown)
    console.print(table)
    console.print(
        f" *: fewer than wanted. Variety, distinct among {WINDOW} words (zh: pairs of characters):"
    )
    for cell in cells:
        if cell.variety is not None:
            console.print(
                f"  {cell.attribute:12}{cell.language:4}{cell.format:23}{cell.variety:.2f}",
                highlight=False,
            )


def to_json(cells: Iterable[Cell]) -> str:
    """Writes the cells as a list."""
    return json.dumps([asdict(cell) for cell in cells], ensure_ascii=False, indent=1)


def _cell(cell: Cell | None, wanted: int, attribute: str) -> str:
    n = cell.scenarios if cell else 0
    return f"{n}*" if n < wanted and attribute != "other" else str(n)


def _text(scenario: Scenario, language: str) -> str:
    """Returns the texts of a scenario without its slots, those of its controls left out."""
    controls = {"strong", "weak", "control", "stated_1", "stated_2", "sensible", "senseless"}
    texts = scenario.texts[language]
    return without_slots(text for field, text in texts.items() if field not in controls)


def _words(texts: Iterable[str], language: str) -> list[str]:
    found = [_WORD[language].findall(text.lower()) for text in texts]
    if language == "zh":
        found = [[a + b for a, b in itertools.pairwise(own)] for own in found]
    return [word for own in found for word in own]
