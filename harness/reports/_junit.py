"""What the `junit.xml` of scorecards and comparisons share: a test case for each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from harness.records import Contrast
from harness.reports._view import line

ELEMENTS = {
    "FAIL": "failure",
    "REGRESSION": "failure",
    "INVALID": "error",
    "INCONCLUSIVE": "skipped",
}
"""Verdict, or call of a comparison -> what a CI server knows it as; the others succeed."""
COUNTERS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A cell and what is said of it."""

    cell: Contrast
    call: str
    reason: str
    reason_zh: str
    numbers: str


def page(name: str, cases: Sequence[Case]) -> bytes:
    """Returns the whole file: a suite for each attribute, in the order of the cases."""
    root = ET.Element("testsuites", {"name": name, **_counts(cases)})
    for attribute in dict.fromkeys(case.cell.attribute for case in cases):
        own = [case for case in cases if case.cell.attribute == attribute]
        suite = ET.SubElement(root, "testsuite", {"name": line(attribute), **_counts(own)})
        suite.extend(map(_element, own))
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _element(case: Case) -> ET.Element:
    c = case.cell
    name = f"{c.format} {c.language} {c.arm} {c.outcome}: {c.group} - {c.reference}"
    made = ET.Element("testcase", classname=line(f"{c.attribute}.{c.probe}"), name=line(name))
    if case.call in ELEMENTS:
        told = ET.SubElement(made, ELEMENTS[case.call], message=line(case.reason), type=case.call)
        told.text = f"{line(case.reason_zh)}\n{case.numbers}"
    else:
        ET.SubElement(made, "system-out").text = f"{line(case.reason)}. {case.numbers}"
    return made


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    found = [ELEMENTS.get(case.call) for case in cases]
    return {
        "tests": str(len(cases)),
        **{name: str(found.count(element)) for name, element in COUNTERS.items()},
    }
