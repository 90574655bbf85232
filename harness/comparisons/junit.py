"""`junit.xml`: a test case for each cell that decides, so that a CI server shows what regressed."""

from __future__ import annotations

from pathlib import Path

from harness.comparisons._told import gated
from harness.records import Change, Comparison
from harness.reports._junit import Case, page
from harness.reports._view import interval, number, save


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes `junit.xml`."""
    return [save(folder / "junit.xml", page("art4 compare", [*map(_case, gated(comparison))]))]


def _case(change: Change) -> Case:
    before, after = change.before, change.after
    numbers = (
        f"baseline {number(before.contrast.estimate)} {before.verdict}, "
        f"candidate {number(after.contrast.estimate)} {after.verdict}, "
        f"growth {number(change.estimate)} {interval(change.low, change.high)}, "
        f"tolerated {number(change.tolerated, signed=False)}, {change.clusters} scenarios"
    )
    return Case(
        cell=after.contrast,
        call=change.call,
        reason=change.reason,
        reason_zh=change.reason_zh,
        numbers=numbers,
    )
