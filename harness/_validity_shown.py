"""What a run says about its probes, as `validity.md` and `validity.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path

from harness import store
from harness.records import ATTRIBUTES
from harness.validity import Cell, Concordance, Validity

_INTRO = """\
# How far the probes hang together

`art4 validity RUN --out FOLDER` writes this file and `validity.json` (the same numbers, and each cell's contrast).
The run: {model}, suite {suite}. Evidence about the probes, seen through this model alone: one that hardly reads a
language shows little of them.

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
_HEAD = ("probe", "outcome", "language", "scenarios", "largest", "estimate", "sd", "leave one out",
         "control", "refused", "unread", "verdict")  # fmt: skip


def write(found: Validity, folder: Path) -> None:
    """Writes both files."""
    told = json.dumps(asdict(found), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("validity.json", told), ("validity.md", markdown(found))):
        store.whole(folder / name, partial(Path.write_text, data=text, encoding="utf-8"))


def markdown(found: Validity) -> str:
    """Returns both tables with what they mean."""
    return _INTRO.format(
        model=found.model,
        suite=found.suite,
        cells=_table(_HEAD, map(_cell, found.cells)),
        agreement=_agreement(found.concordance),
    )


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
