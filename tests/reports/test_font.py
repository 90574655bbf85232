"""A page brings the Chinese glyphs that it shows, and no others."""

import base64
import io
import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from harness.records import Scorecard
from harness.reports import _font, html

PAGE = '<style>body{font-family:"art4 Han"}</style><p>民族 and 是否</p><p>民</p>'


def glyphs(page: str) -> dict[int, str]:
    """Returns the characters of the font in a page."""
    [data] = re.findall(r"url\(data:font/woff;base64,([^)]+)\)", page)
    found: dict[int, str] = TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()
    return found


def test_a_page_carries_the_glyphs_it_shows_and_no_others() -> None:
    page = _font.embed(PAGE)
    assert {chr(sign) for sign in glyphs(page)} == set("民族是否")
    assert re.sub("@font-face{.*}\n", "", page) == PAGE
    assert _font.embed(PAGE) == page


def test_a_scorecard_carries_every_chinese_character_that_it_shows(
    card: Scorecard, tmp_path: Path
) -> None:
    [file] = html.write(card, tmp_path)
    page = file.read_text("utf-8")
    shown = {c for c in html.render(card) if "\u4e00" <= c <= "\u9fff"}
    assert shown <= {chr(sign) for sign in glyphs(page)}
    assert f'"{_font.FACE}",sans-serif' in page
    assert "font-src data:" in page


def test_characters_that_the_font_lacks_are_left_to_the_reader() -> None:
    assert {chr(sign) for sign in glyphs(_font.embed(f"{PAGE}\U0001f600\ue000"))} == set("民族是否")


def test_without_the_package_the_page_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_font, "find_spec", lambda _: None)
    assert _font.embed(PAGE) == PAGE
