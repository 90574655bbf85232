"""A calibration as `calibration.md`, `calibration.json` and the figure `calibration.svg`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path

from harness import store
from harness._studies import CONTRAST
from harness.calibrate import Row
from harness.errors import BadConfig

_INTRO = """\
# How often the harness errs

`make calibrate` writes this file and `calibration.json` (the same rows): planted models whose effect
is known answer generated cases, and everything from their answers on is the harness itself.
{met} `art4 calibrate --only 'PART/EFFECT/*' --out docs` simulates some of them again and
leaves the others as they were; `code` is the digest of the harness that counted a row.

One contrast: judged by itself, before the controls, which can only take a verdict away. The sd of
differences between scenarios is 0.12, the margin 0.05 unless said. `low` and
`high` are exact bounds (Clopper and Pearson 1934) at 95 %, of coverage at 99 %; those of a median are
the quartiles, those of the slope normal ones. What was decided: [45](decisions/0045-calibrate.md).

![PASS and FAIL over the true difference](calibration.svg)
"""


Point = tuple[float, float, float, float]
CLUSTERS = 60
"""Scenarios of the runs that are drawn."""


def read(folder: Path) -> list[Row]:
    """Reads the rows that were written; none where there are none.

    Raises:
        BadConfig: the file holds something else.
    """
    file = folder / "calibration.json"
    try:
        return [Row(**row) for row in json.loads(file.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise BadConfig(
            f"{file} cannot be read: {error}",
            where="--out",
            expected="the rows of an earlier calibration, or no such file",
            fix="give another folder, or calibrate everything, without --only",
        ) from error


def write(rows: Sequence[Row], folder: Path) -> None:
    """Writes the rows, the tables and, where they are there, verdicts over the true difference."""
    told = json.dumps([asdict(r) for r in rows], ensure_ascii=False, indent=1, allow_nan=False)
    with store.guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
    store.write_text(folder / "calibration.json", told + "\n")
    store.write_text(folder / "calibration.md", markdown(rows))
    if lines := _by_size(rows):
        from harness.reports import _figures

        drawn = _figures.encode(
            _figures.rates(lines, f"true difference in margins, {CLUSTERS} scenarios"), "svg"
        )
        store.whole(folder / "calibration.svg", partial(Path.write_bytes, data=drawn))


def markdown(rows: Sequence[Row]) -> str:
    """Returns one table for each part."""
    intro = _INTRO.format(met=summary(rows))
    parts = groupby(rows, key=lambda row: row.part)
    return "\n".join([intro, *(_table(part, list(own)) for part, own in parts)])


def _by_size(rows: Sequence[Row]) -> dict[str, list[Point]]:
    """Returns (size, share, low, high) of PASS and FAIL, where the true difference was planted."""
    lines: dict[str, list[Point]] = {}
    for row in rows:
        verdict = row.claim.removeprefix("false ")
        size = re.fullmatch(r"theta = ([\d.]+) margins", row.effect)
        if (
            row.part == CONTRAST
            and size
            and verdict in ("PASS", "FAIL")
            and row.clusters == CLUSTERS
        ):
            point = (float(size[1]), row.rate, row.low, row.high)
            lines.setdefault(verdict, []).append(point)
    return lines


def summary(rows: Sequence[Row]) -> str:
    """Says how many claims hold."""
    held = [row.holds for row in rows if row.limit != "shown"]
    return f"{sum(held)} of {len(held)} claims hold."


def _table(part: str, rows: Sequence[Row]) -> str:
    lines = [f"## {part[0].upper()}{part[1:]}", ""]
    lines += ["| effect | scenarios | claim | rate | low | high | must be | seeds | holds | code |"]
    lines += ["|---|---:|---|---:|---:|---:|---|---:|---|---|"]
    for row in rows:
        numbers = " | ".join(
            f"{x:g}" if x > 2 else f"{x:.4f}" for x in (row.rate, row.low, row.high)
        )
        holds = "" if row.limit == "shown" else "yes" if row.holds else "**no**"
        lines.append(
            f"| {row.effect} | {row.clusters} | {row.claim} | {numbers} | {row.limit}"
            f" | {row.seeds:,} | {holds} | {row.code} |"
        )
    return "\n".join([*lines, ""])
