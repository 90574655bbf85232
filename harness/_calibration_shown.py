"""A calibration as `calibration.md`, `calibration.json` and the figure `calibration.svg`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from harness import provenance, store
from harness._studies import CONTRAST
from harness.calibrate import Row

_INTRO = """\
# How often the harness errs

`make calibrate` writes this file and `calibration.json` (the same rows): planted models whose effect
is known answer generated cases, and everything from their answers on is the harness itself.
{met} `art4 calibrate --only 'PART/EFFECT/*'` simulates some of them again.

One contrast: judged by itself, before the controls, which can only take a verdict away. The sd of
differences between scenarios is 0.12, the margin 0.05 unless said. `low` and
`high` are exact bounds (Clopper and Pearson 1934) at 95 %, of coverage at 99 %; those of a median are
the quartiles, those of the slope normal ones. What was decided: [45](decisions/0045-calibrate.md).

![PASS and FAIL over the true difference](calibration.svg)

{made}
"""


Point = tuple[float, float, float, float]
CLUSTERS = 60
"""Scenarios of the runs that are drawn."""


def write(found: Mapping[str, Sequence[Row]], folder: Path) -> None:
    """Writes the rows, the tables and, where they are there, verdicts over the true difference."""
    rows = [asdict(row) for part in found.values() for row in part]
    told = json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with store.guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    store.write_text(folder / "calibration.json", told)
    store.write_text(folder / "calibration.md", markdown(found))
    if lines := _by_size(found):
        from harness.reports import _figures

        drawn = _figures.encode(
            _figures.rates(lines, f"true difference in margins, {CLUSTERS} scenarios"), "svg"
        )
        store.whole(folder / "calibration.svg", partial(Path.write_bytes, data=drawn))


def markdown(found: Mapping[str, Sequence[Row]]) -> str:
    """Returns one table for each part."""
    made = provenance.code()
    intro = _INTRO.format(
        met=summary(found),
        made=f"art4 {made['art4']}, code {made['code'][:12]}, {made['machine']}.",
    )
    return "\n".join([intro, *(_table(part, rows) for part, rows in found.items())])


def _by_size(found: Mapping[str, Sequence[Row]]) -> dict[str, list[Point]]:
    """Returns (size, share, low, high) of PASS and FAIL, where the true difference was planted."""
    lines: dict[str, list[Point]] = {}
    for row in found.get(CONTRAST, ()):
        verdict = row.claim.removeprefix("false ")
        size = re.fullmatch(r"theta = ([\d.]+) margins", row.effect)
        if size and verdict in ("PASS", "FAIL") and row.clusters == CLUSTERS:
            point = (float(size[1]), row.rate, row.low, row.high)
            lines.setdefault(verdict, []).append(point)
    return lines


def summary(found: Mapping[str, Sequence[Row]]) -> str:
    """Says how many claims hold."""
    held = [row.holds for rows in found.values() for row in rows if row.limit != "shown"]
    return f"{sum(held)} of {len(held)} claims hold."


def _table(part: str, rows: Sequence[Row]) -> str:
    lines = [f"## {part[0].upper()}{part[1:]}", ""]
    lines += ["| effect | scenarios | claim | rate | low | high | must be | seeds | holds |"]
    lines += ["|---|---:|---|---:|---:|---:|---|---:|---|"]
    for row in rows:
        numbers = " | ".join(
            f"{x:g}" if x > 2 else f"{x:.4f}" for x in (row.rate, row.low, row.high)
        )
        holds = "" if row.limit == "shown" else "yes" if row.holds else "**no**"
        lines.append(
            f"| {row.effect} | {row.clusters} | {row.claim} | {numbers} | {row.limit}"
            f" | {row.seeds:,} | {holds} |"
        )
    return "\n".join([*lines, ""])
