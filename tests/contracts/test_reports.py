"""What every report keeps to: each file in harness/reports is found by its name and tried."""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

import harness.reports
from tests.sample_scorecard import hostile, sample

FOLDER = Path(next(iter(harness.reports.__path__)))
NAMES = sorted(p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_"))
INVISIBLE = "\x00\x07\x1b\u202e\u2066\u200b"


@pytest.fixture(params=NAMES)
def report(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(f"harness.reports.{request.param}")


def test_the_reports_of_the_scorecard_are_found() -> None:
    assert {"csv", "figures", "html", "json", "junit", "markdown", "terminal"} <= set(NAMES)


def test_a_report_writes_what_it_says_into_its_folder_the_same_each_time(
    report: ModuleType, tmp_path: Path
) -> None:
    card, first, second = sample(), tmp_path / "first", tmp_path / "second"
    paths = report.write(card, first)
    again = report.write(card, second)
    files = sorted(p for p in first.rglob("*") if p.is_file())
    assert sorted(paths) == files
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]
    assert report.write(card, first) == paths
    assert sorted(p for p in first.rglob("*") if p.is_file()) == files


def test_hostile_text_is_harmless(report: ModuleType, tmp_path: Path) -> None:
    for path in report.write(hostile(), tmp_path):
        assert os.path.commonpath([path, tmp_path]) == str(tmp_path)
        if path.suffix == ".png":
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix in {".xml", ".svg"}:
            ET.fromstring(text.encode())
        if path.suffix in {".html", ".md", ".svg", ".xml"}:
            assert "<script>" not in text
            assert not set(INVISIBLE) & set(text)
