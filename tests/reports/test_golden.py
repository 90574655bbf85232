"""The bytes of each report of the sample scorecard.

To take over a change that is meant: `python -m tests.reports.test_golden`, then read the diff.
Figures are drawn here with matplotlib's own font, so that they do not depend on the machine.
"""

from pathlib import Path

import pytest

from harness.records import Scorecard
from harness.reports import _figures, _view, csv, html, json, junit, markdown
from tests.sample_scorecard import sample

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = ["scorecard.json", "scorecard.md", "scorecard.html", "junit.xml", "cells.csv"]
SVGS = ["matrix.svg", "gender.svg"]


def write(card: Scorecard, folder: Path) -> None:
    for report in (json, markdown, junit, csv):
        report.write(card, folder)
    _view.save(folder / "scorecard.html", html.render(card).encode())  # its font: test_font
    face = _figures.plain_font()
    cells = [c for c in _view.ordered(card.cells) if c.contrast.attribute == "gender"]
    drawn = (_figures.matrix(card, face), _figures.forest(cells, "Gender", face))
    for name, figure in zip(SVGS, drawn, strict=True):
        _view.save(folder / name, _figures.encode(figure, "svg"))


@pytest.fixture(scope="module")
def fresh(card: Scorecard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    write(card, folder)
    return folder


@pytest.mark.parametrize("name", [*FILES, *SVGS])
def test_a_report_has_the_bytes_that_were_agreed(name: str, fresh: Path) -> None:
    same = (fresh / name).read_bytes() == (GOLDEN / name).read_bytes()
    assert same, f"{name} changed; if that is meant: python -m tests.reports.test_golden"


if __name__ == "__main__":
    write(sample(), GOLDEN)
