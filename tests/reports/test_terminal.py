import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness.records import Scorecard
from harness.reports import terminal as report


def printed(card: Scorecard, *, terminal: bool = False, width: int = 100) -> str:
    out = io.StringIO()
    report.show(card, Console(file=out, width=width, force_terminal=terminal))
    return out.getvalue()


def test_a_file_gets_plain_text_without_colour_or_frames(card: Scorecard) -> None:
    text = printed(card)
    assert "\x1b" not in text
    assert not set("╭│─━┃") & set(text)


def test_a_terminal_gets_colour(card: Scorecard) -> None:
    assert "\x1b[" in printed(card, terminal=True)


def test_verdict_then_plain_words_come_first_and_the_verdict_last(card: Scorecard) -> None:
    lines = printed(card).splitlines()
    assert "FAIL 不通过" in lines[0]
    assert "Shown: in Chinese hiring decisions" in lines[3]
    assert "FAIL 不通过" in lines[-2]


def test_no_number_is_cut_at_a_hundred_columns(card: Scorecard) -> None:
    text = printed(card, terminal=True)
    assert "…" not in text
    assert "[−0.152, −0.090]" in text


def test_no_escape_code_of_an_answer_reaches_the_terminal(attack: Scorecard) -> None:
    text = printed(attack)
    assert "\x1b" not in text
    assert "⟨U+001B⟩[31m" in text


def test_an_empty_scorecard_is_shown(card: Scorecard, tmp_path: Path) -> None:
    bare = replace(card, cells=(), summary=(), attributes={}, notes=(), run={})
    assert "FAIL" in printed(bare)
    assert report.write(bare, tmp_path) == []


def test_a_cell_that_may_cancel_says_so(card: Scorecard) -> None:
    lines = [line for line in printed(card, width=200).splitlines() if "may cancel" in line]
    assert len(lines) == 2
    assert all("PASS" in line for line in lines)
