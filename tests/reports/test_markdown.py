from dataclasses import replace
from pathlib import Path

import pytest

from harness.records import Scorecard
from harness.reports import markdown as report


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("[x](javascript:1)", "\\[x\\](javascript:1)"),
        ("one\ntwo", "one two"),
        ("\u202egnp", "⟨U+202E⟩gnp"),
        ("http://x.example", "http:&#47;/x.example"),
    ],
)
def test_no_character_means_anything_to_markdown(text: str, shown: str) -> None:
    assert report.plain(text) == shown


def test_verdict_and_plain_words_come_first(card: Scorecard, tmp_path: Path) -> None:
    (path,) = report.write(card, tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert "不通过 FAIL" in lines[2]
    assert lines[4].startswith("- Shown: in Chinese hiring decisions")
    assert "not a statement of compliance with Art. 4" in "\n".join(lines[:14])


def test_every_table_row_has_the_columns_of_its_head(attack: Scorecard, tmp_path: Path) -> None:
    (path,) = report.write(attack, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    for block in text.split("\n\n"):
        rows = [row.replace("\\|", "") for row in block.splitlines() if row.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1


@pytest.mark.parametrize(("holds", "voids", "mark"), [(None, False, "○"), (None, True, "?")])
def test_what_is_shown_only_is_not_marked_as_unresolved(
    card: Scorecard, tmp_path: Path, holds: bool | None, voids: bool, mark: str
) -> None:
    one = replace(card.controls[0], name="neutral", holds=holds, voids=voids)
    (path,) = report.write(replace(card, controls=(one,)), tmp_path)
    row = next(r for r in path.read_text(encoding="utf-8").splitlines() if "中性对照" in r)
    assert row.endswith(f"{mark} |")


def test_a_cell_that_may_cancel_says_so_in_its_row(card: Scorecard, tmp_path: Path) -> None:
    (path,) = report.write(card, tmp_path)
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if "may cancel" in line]
    assert len(rows) == 2
    assert all(row.endswith("⇄ **可能相互抵消 may cancel** |") for row in rows)
