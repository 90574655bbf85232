"""What every report of a comparison keeps to: each file in harness/comparisons is found and tried."""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from harness.find import names
from tests.contracts.test_reports import INVISIBLE
from tests.sample_comparison import comparison, hostile


@pytest.fixture(params=names("comparisons"))
def report(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(f"harness.comparisons.{request.param}")


def test_the_reports_of_a_comparison_are_found() -> None:
    assert {"html", "json", "junit", "markdown", "terminal"} <= set(names("comparisons"))


def test_a_report_writes_what_it_says_into_its_folder_the_same_each_time(
    report: ModuleType, tmp_path: Path
) -> None:
    told, first, second = comparison(), tmp_path / "first", tmp_path / "second"
    paths = report.write(told, first)
    again = report.write(told, second)
    assert sorted(paths) == sorted(p for p in first.rglob("*") if p.is_file())
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]


def test_hostile_text_is_harmless(report: ModuleType, tmp_path: Path) -> None:
    for path in report.write(hostile(), tmp_path):
        assert os.path.commonpath([path, tmp_path]) == str(tmp_path)
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".xml":
            ET.fromstring(text.encode())
        if path.suffix in {".html", ".md", ".xml"}:
            assert "<script>" not in text
            assert not set(INVISIBLE) & set(text)
