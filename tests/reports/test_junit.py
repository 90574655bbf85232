from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.records import Scorecard
from harness.reports import junit as report


@pytest.mark.parametrize("name", ["card", "attack"])
def test_the_file_is_xml_with_a_case_for_each_gated_cell(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    card = request.getfixturevalue(name)
    (path,) = report.write(card, tmp_path)
    root = ET.parse(path).getroot()
    cases = root.findall("testsuite/testcase")
    gated = [cell for cell in card.cells if cell.contrast.gated]
    assert len(cases) == int(root.attrib["tests"]) == len(gated)
    for verdict, element, count in (
        ("FAIL", "failure", "failures"),
        ("INVALID", "error", "errors"),
        ("INCONCLUSIVE", "skipped", "skipped"),
    ):
        expected = sum(cell.verdict == verdict for cell in gated)
        assert expected > 0
        assert len(root.findall(f".//{element}")) == int(root.attrib[count]) == expected


def test_an_inconclusive_cell_says_what_would_settle_it(card: Scorecard, tmp_path: Path) -> None:
    (path,) = report.write(card, tmp_path)
    skipped = ET.parse(path).getroot().find(".//skipped")
    assert skipped is not None
    assert "240 scenarios" in skipped.attrib["message"]
