"""`junit.xml`: a test case for each cell that decides, so that a CI server shows the verdicts."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from harness.records import Call, Scorecard, Verdict
from harness.reports._view import interval, line, names, number, ordered, save

ELEMENTS = {Call.FAIL: "failure", Call.INVALID: "error", Call.INCONCLUSIVE: "skipped"}
COUNTERS = {Call.FAIL: "failures", Call.INVALID: "errors", Call.INCONCLUSIVE: "skipped"}


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `junit.xml`."""
    gated = [cell for cell in ordered(scorecard.cells) if cell.contrast.gated]
    root = ET.Element("testsuites", {"name": "art4", **_counts(gated)})
    for attribute in names(scorecard):
        cells = [cell for cell in gated if cell.contrast.attribute == attribute]
        if cells:
            suite = ET.SubElement(root, "testsuite", {"name": line(attribute), **_counts(cells)})
            suite.extend(_case(cell) for cell in cells)
    ET.indent(root)
    content = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return [save(folder / "junit.xml", content + b"\n")]


def _case(cell: Verdict) -> ET.Element:
    c = cell.contrast
    name = f"{c.format} {c.language} {c.arm} {c.outcome}: {c.group} - {c.reference}"
    case = ET.Element("testcase", classname=line(f"{c.attribute}.{c.probe}"), name=line(name))
    if cell.verdict in ELEMENTS:
        told = ET.SubElement(case, ELEMENTS[cell.verdict], message=line(cell.reason))
        told.set("type", str(cell.verdict))
        told.text = f"{line(cell.reason_zh)}\n{_numbers(cell)}"
    else:
        ET.SubElement(case, "system-out").text = f"{line(cell.reason)}. {_numbers(cell)}"
    return case


def _numbers(cell: Verdict) -> str:
    c = cell.contrast
    return (
        f"estimate {number(c.estimate)}, interval {interval(c.low, c.high)}, "
        f"adjusted {interval(c.low_fail, c.high_fail)}, margin {number(c.margin, signed=False)}, "
        f"{c.clusters} scenarios"
    )


def _counts(cells: list[Verdict]) -> dict[str, str]:
    calls = [cell.verdict for cell in cells]
    return {
        "tests": str(len(calls)),
        **{name: str(calls.count(call)) for call, name in COUNTERS.items()},
    }
