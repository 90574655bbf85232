"""`junit.xml`: a test case for each cell that decides, so that a CI server shows what regressed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from harness.comparisons._told import gated
from harness.records import Change, Comparison, Trend
from harness.reports._view import interval, line, number, save

ELEMENTS = {Trend.REGRESSION: "failure", Trend.INVALID: "error", Trend.INCONCLUSIVE: "skipped"}
COUNTERS = {Trend.REGRESSION: "failures", Trend.INVALID: "errors", Trend.INCONCLUSIVE: "skipped"}


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes `junit.xml`."""
    cells = gated(comparison)
    root = ET.Element("testsuites", {"name": "art4 compare", **_counts(cells)})
    for attribute in dict.fromkeys(c.after.contrast.attribute for c in cells):
        of_it = [c for c in cells if c.after.contrast.attribute == attribute]
        suite = ET.SubElement(root, "testsuite", {"name": line(attribute), **_counts(of_it)})
        suite.extend(_case(change) for change in of_it)
    ET.indent(root)
    content = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return [save(folder / "junit.xml", content + b"\n")]


def _case(change: Change) -> ET.Element:
    c = change.after.contrast
    name = f"{c.format} {c.language} {c.arm} {c.outcome}: {c.group} - {c.reference}"
    case = ET.Element("testcase", classname=line(f"{c.attribute}.{c.probe}"), name=line(name))
    if change.call in ELEMENTS:
        told = ET.SubElement(case, ELEMENTS[change.call], message=line(change.reason))
        told.set("type", str(change.call))
        told.text = f"{line(change.reason_zh)}\n{_numbers(change)}"
    else:
        told = ET.SubElement(case, "system-out")
        told.text = f"{line(change.reason)}. {_numbers(change)}"
    return case


def _numbers(change: Change) -> str:
    before, after = change.before, change.after
    return (
        f"baseline {number(before.contrast.estimate)} {before.verdict}, "
        f"candidate {number(after.contrast.estimate)} {after.verdict}, "
        f"growth {number(change.estimate)} {interval(change.low, change.high)}, "
        f"tolerated {number(change.tolerated, signed=False)}, {change.clusters} scenarios"
    )


def _counts(cells: list[Change]) -> dict[str, str]:
    calls = [change.call for change in cells]
    return {
        "tests": str(len(calls)),
        **{name: str(calls.count(call)) for call, name in COUNTERS.items()},
    }
