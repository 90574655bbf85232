"""`junit.xml`: a test case for each cell that decides, so that a CI server shows the verdicts."""

from __future__ import annotations

from pathlib import Path

from harness.records import Scorecard, Verdict
from harness.reports._junit import Case, page
from harness.reports._view import interval, number, ordered, save


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `junit.xml`."""
    cases = [_case(cell) for cell in ordered(scorecard.cells) if cell.contrast.gated]
    return [save(folder / "junit.xml", page("art4", cases))]


def _case(cell: Verdict) -> Case:
    c = cell.contrast
    numbers = (
        f"estimate {number(c.estimate)}, interval {interval(c.low, c.high)}, "
        f"adjusted {interval(c.low_fail, c.high_fail)}, margin {number(c.margin, signed=False)}, "
        f"{c.clusters} scenarios"
    )
    return Case(
        cell=c, call=cell.verdict, reason=cell.reason, reason_zh=cell.reason_zh, numbers=numbers
    )
