"""What a published set reports is shown in every report, beside our cell and what it does not show."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.records import Missing, Published, Scorecard
from harness.reports import csv as spreadsheet
from harness.reports import html, json, markdown, terminal
from tests.sample_scorecard import sample


def rows(scorecard: Scorecard) -> tuple[Published, ...]:
    c = scorecard.cells[0].contrast
    row = Published(
        set="made",
        part="ambig",
        metric="bias",
        value=-0.25,
        low=-0.5,
        high=0.125,
        count=1234,
        missing=Missing(unparsed=7),
        cell=f"{c.probe}/{c.language}/{c.outcome}",
        hides="Opposite <b>biases</b> cancel.",
        hides_zh="相反的偏差会抵消。",
    )
    nothing = replace(row, part="=disambig/x|y", value=None, low=None, high=None, count=0, cell="")
    return row, nothing


@pytest.fixture
def card() -> Scorecard:
    plain = sample()
    return replace(plain, published=rows(plain))


def test_json_gives_them_back(card: Scorecard, tmp_path: Path) -> None:
    json.write(card, tmp_path)
    assert json.read(tmp_path / "scorecard.json").published == card.published


def test_markdown_shows_number_interval_and_what_is_hidden(card: Scorecard, tmp_path: Path) -> None:
    markdown.write(card, tmp_path)
    text = (tmp_path / "scorecard.md").read_text("utf-8")
    assert "| made ambig | bias | −0.250 | [−0.500, +0.125] | 1,234 | 7 " in text
    assert "Opposite &lt;b&gt;biases&lt;/b&gt; cancel." in text
    assert "相反的偏差会抵消。" in text
    assert "| — | — | 0 |" in text  # not measured is no number
    assert "=disambig/x\\|y" in text


def test_html_escapes_and_shows_our_cell(card: Scorecard) -> None:
    page = html.render(card)
    assert "Opposite &lt;b&gt;biases&lt;/b&gt; cancel." in page
    section = page[page.index("made ambig") :]
    group = card.cells[0].contrast.group
    assert f"<bdi>{group}</bdi>" in section[: section.index("=disambig")]


def test_the_terminal_shows_the_set_as_a_whole(card: Scorecard) -> None:
    console = Console(file=io.StringIO(), width=200)
    terminal.show(card, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "made ambig" in shown
    assert "−0.250" in shown
    assert "disambig/x" not in shown


def test_csv_has_a_table_of_its_own_that_runs_no_formula(card: Scorecard, tmp_path: Path) -> None:
    written = spreadsheet.write(card, tmp_path)
    assert [file.name for file in written] == ["cells.csv", "published.csv"]
    found = list(csv.DictReader(written[1].read_text("utf-8-sig").splitlines()))
    assert float(found[0]["value"]) == -0.25
    assert found[1]["value"] == ""
    assert found[1]["part"].startswith("'=")


def test_a_run_without_a_published_set_shows_none(tmp_path: Path) -> None:
    plain = sample()
    assert [file.name for file in spreadsheet.write(plain, tmp_path)] == ["cells.csv"]
    assert "as the published set defines" not in html.render(plain)
