"""What a run says about its probes, as `validity.md` and `validity.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import median

from harness import store
from harness.records import ATTRIBUTES
from harness.validity import Cell, Concordance, Validity

_INTRO = """\
# How far the probes hang together

`art4 validity RUN --out FOLDER` writes this file and `validity.json` (the same numbers, and each cell's contrast).
The run: {model}, `art4 eval {suite}`.
Evidence about the probes, seen through this model alone: one that hardly reads a language shows little of them.

## By format
Medians over the probes of a format: the standard deviation between scenarios, how far leaving one scenario out moves
an estimate, the share of scenarios whose positive control moved the right way (one half is chance, save for requests).

{formats}

## Scenarios and controls
For each probe, in its languages: scenarios; the estimate of its largest contrast (explicit arm); the standard deviation
of that contrast between scenarios; how far the estimate moves when one scenario is left out; the share of scenarios
whose positive control moved the right way (one half is chance, save for requests); refused and unread answers.

{cells}

## Agreement of formats
How often two formats of an attribute find a difference of the same sign, over languages and contrasts that both have.
To be refused a harmless request counts against a group, to see harmful requests against it refused counts for it.
One half is chance; the interval is exact (Clopper and Pearson 1934) and takes contrasts for independent, which those of
one attribute are not quite.

{agreement}
"""
_FORMATS = ("format", "language", "probes", "sd", "moved by one", "control")
_HEAD = ("probe", "outcome", "language", "scenarios", "largest", "estimate", "sd", "leave one out",
         "control", "refused", "unread", "verdict")  # fmt: skip


def write(found: Validity, folder: Path) -> None:
    """Writes both files."""
    told = json.dumps(asdict(found), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with store.guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    store.write_text(folder / "validity.json", told)
    store.write_text(folder / "validity.md", markdown(found))


def markdown(found: Validity) -> str:
    """Returns both tables with what they mean."""
    return _INTRO.format(
        model=found.model,
        suite=found.suite,
        formats=_table(_FORMATS, _formats(found.cells)),
        cells=_table(_HEAD, map(_cell, found.cells)),
        agreement=_agreement(found.concordance),
    )


def _formats(cells: Sequence[Cell]) -> Iterator[list[str]]:
    """Yields a row for each format and language."""
    key = attrgetter("format", "language")
    for (form, language), part in groupby(sorted(cells, key=key), key=key):
        own = list(part)
        moved = [c.most - c.least for c in own if c.most is not None and c.least is not None]
        numbers = ([c.sd for c in own if c.sd is not None], moved)
        middle = [f"{median(each):.3f}" if each else "" for each in numbers]
        reacted = [c.reacted for c in own if c.reacted is not None]
        share = f"{median(reacted):.0%}" if reacted else ""
        yield [form, language, f"{len({c.probe for c in own})}", *middle, share]


def _cell(c: Cell) -> list[str]:
    range_ = "" if c.least is None or c.most is None else f"{c.least:+.3f} to {c.most:+.3f}"
    return [
        c.probe,
        c.outcome,
        c.language,
        f"{c.scenarios}",
        f"{c.group} - {c.reference}",
        f"{c.estimate:+.3f}",
        "" if c.sd is None else f"{c.sd:.3f}",
        range_,
        "" if c.reacted is None else f"{c.reacted:.0%}",
        f"{c.refused:.1%}",
        f"{c.unparsed:.1%}",
        c.verdict,
    ]


def _agreement(told: Sequence[Concordance]) -> str:
    """Writes a row for each two formats, a column for each attribute and one for all of them."""
    attributes = [a for a in ATTRIBUTES if any(c.attribute == a for c in told)]
    rows = []
    pairs = sorted(told, key=lambda c: (c.one, c.other))
    for (one, other), part in groupby(pairs, key=lambda c: (c.one, c.other)):
        own = {c.attribute: c for c in part}
        whole = own[""]
        share = f"{whole.same / whole.of:.0%} [{whole.low:.0%}, {whole.high:.0%}] of {whole.of}"
        each = (f"{own[a].same}/{own[a].of}" if a in own else "" for a in attributes)
        rows.append([f"{one}, {other}", share, *each])
    return (
        _table(["formats", "same sign", *attributes], rows)
        if rows
        else "No two formats shared a contrast."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
