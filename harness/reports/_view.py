"""What every report shows alike: the order of cells, the matrix, numbers and text made harmless."""

from __future__ import annotations

import math
import os
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.records import (
    ATTRIBUTES,
    FORMATS,
    LANGUAGES,
    Call,
    Contrast,
    Published,
    Scorecard,
    Verdict,
)
from harness.words import both

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a reader cannot see, or that reorder what stands around them."""


def save(path: Path, content: bytes) -> Path:
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def clean(text: object) -> str:
    """Makes every invisible character visible, but for line breaks and tabs."""
    found = str(text).replace("\r\n", "\n")
    return "".join(c if c in "\n\t" or _visible(c) else f"⟨U+{ord(c):04X}⟩" for c in found)


def line(text: object) -> str:
    """Makes text visible and puts it on one line."""
    return " ".join(clean(text).split())


def number(value: float | None, signed: bool = True) -> str:
    """Writes a number with three decimals, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "—"
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("-", "−") if float(text) else "0.000"


def interval(low: float | None, high: float | None) -> str:
    """Writes both ends of an interval."""
    return "—" if low is None and high is None else f"[{number(low)}, {number(high)}]"


def share(value: float | None) -> str:
    """Writes a share in percent, or a dash where there is none."""
    return "—" if value is None or not math.isfinite(value) else f"{value:.0%}"


def label(c: Contrast) -> str:
    """Names a cell on one line."""
    where = f"{c.attribute} · {c.format} · {c.language} · {c.arm} · {c.outcome}"
    return f"{where}: {c.group} − {c.reference}"


def ordered(cells: Iterable[Verdict]) -> list[Verdict]:
    """Sorts cells: by attribute of the article, then what decides, then format and language."""
    return sorted(cells, key=lambda cell: place(cell.contrast))


def place(c: Contrast) -> tuple[object, ...]:
    """Returns what cells are sorted by."""
    where = _index(ATTRIBUTES, c.attribute), c.attribute, not c.gated
    how = _index(FORMATS, c.format), c.format, _index(LANGUAGES, c.language), c.language
    return (*where, *how, c.probe, c.arm, c.outcome, c.group, c.reference)


def names(scorecard: Scorecard) -> list[str]:
    """Lists the attributes that the scorecard speaks of, in the order of the article."""
    found = {*scorecard.attributes, *(cell.contrast.attribute for cell in scorecard.cells)}
    return sorted(found, key=lambda name: (_index(ATTRIBUTES, name), name))


def columns(scorecard: Scorecard) -> list[tuple[str, str]]:
    """Lists the pairs of format and language that were asked, in a fixed order."""
    found = {(cell.contrast.format, cell.contrast.language) for cell in scorecard.cells}
    return sorted(found, key=lambda c: (_index(FORMATS, c[0]), c[0], _index(LANGUAGES, c[1]), c[1]))


def matrix(scorecard: Scorecard) -> Mapping[tuple[str, str, str], tuple[str, int, int]]:
    """Returns (attribute, format, language) -> verdict, cells with that verdict, gated cells.

    The verdict is the worst of the gated cells, and `shown_only` where none of them is gated.
    """
    blocks: dict[tuple[str, str, str], list[Call]] = {}
    for cell in scorecard.cells:
        found = blocks.setdefault(
            (cell.contrast.attribute, cell.contrast.format, cell.contrast.language), []
        )
        if cell.contrast.gated:
            found.append(cell.verdict)
    return {key: _worst(calls) for key, calls in blocks.items()}


def scaled(contrast: Contrast, value: float | None) -> float | None:
    """Expresses a value as a multiple of its margin, so that one axis serves every outcome."""
    if value is None or not math.isfinite(value) or not 0 < contrast.margin < math.inf:
        return None
    return value / contrast.margin


def reach(cells: Iterable[Verdict]) -> float:
    """Returns the half-width of the axis that shows these cells: 2 to 6 margins."""
    ends = (
        scaled(c.contrast, end)
        for c in cells
        for end in (c.contrast.low_fail, c.contrast.high_fail, c.contrast.low, c.contrast.high)
    )
    return min(6.0, max([2.0, *(math.ceil(abs(end) * 1.05) for end in ends if end is not None)]))


def flat(mapping: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flattens nested provenance into rows of dotted name and text."""
    rows: list[tuple[str, str]] = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            rows += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{key}", ", ".join(str(item) for item in value)))
        else:
            rows.append((f"{prefix}{key}", "" if value is None else str(value)))
    return rows


def beside(scorecard: Scorecard, row: Published) -> list[Verdict]:
    """Returns our cells that stand beside a published number; each weighs every scenario alike."""
    return [
        cell
        for cell in ordered(scorecard.cells)
        if row.cell == f"{cell.contrast.probe}/{cell.contrast.language}/{cell.contrast.outcome}"
    ]


def hidden(scorecard: Scorecard) -> dict[str, tuple[str, str]]:
    """Returns metric -> what it does not show, in Chinese and English; each told once."""
    told: dict[str, tuple[str, str]] = {}
    for row in scorecard.published:
        name = f"{row.metric} ({row.part.partition('/')[0]})"
        if (row.hides_zh, row.hides) not in told.values():
            told[name] = row.hides_zh, row.hides
    return told


def left_out(row: Published) -> str:
    """Writes how many answers a published number leaves out, by reason."""
    counts = {name: getattr(row.missing, name) for name in ("refused", "unparsed", "failed")}
    return ", ".join(
        f"{count:,} {both(f'missing_{name}')}" for name, count in counts.items() if count
    )


def run_count(scorecard: Scorecard) -> str:
    """Says which run of this model it is, or nothing where no log was kept."""
    time = scorecard.run.get("time")
    count = time.get("count") if isinstance(time, Mapping) else None
    return f"{count} / {count}" if count else ""


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in HIDDEN


def _worst(calls: list[Call]) -> tuple[str, int, int]:
    if not calls:
        return "shown_only", 0, 0
    worst = min(calls, key=list(Call).index)
    return str(worst), calls.count(worst), len(calls)


def _index(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)
