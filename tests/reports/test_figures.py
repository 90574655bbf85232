import io
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib
import pytest
from PIL import Image

from harness.records import Scorecard
from harness.reports import _figures, _font, figures
from harness.words import WORDS


@pytest.fixture
def without_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_figures, "font", _figures.plain_font)


@pytest.fixture
def fresh_search() -> Iterator[None]:
    _figures.font.cache_clear()
    yield
    _figures.font.cache_clear()


def test_each_figure_is_a_png_and_an_svg(card: Scorecard, tmp_path: Path) -> None:
    paths = figures.write(card, tmp_path)
    assert {"matrix.png", "matrix.svg", "gender.png", "gender.svg"} <= {p.name for p in paths}
    assert len(paths) == 2 * (1 + 9)
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
                assert image.width > 1000
        else:
            assert ET.parse(path).getroot().tag.endswith("svg")


def test_hostile_names_are_drawn_as_plain_text(attack: Scorecard, tmp_path: Path) -> None:
    svg = next(p for p in figures.write(attack, tmp_path) if p.name == "gender.svg").read_text()
    assert "<script" not in svg
    assert not re.search(r"<text|href=\"(?!#)", svg)


@pytest.mark.usefixtures("without_chinese")
def test_without_a_chinese_font_labels_are_english_and_the_figure_says_so(
    card: Scorecard, tmp_path: Path
) -> None:
    face = _figures.font()
    assert not face.chinese
    assert face.word("gender") == "Gender"
    assert face.text("回族 100%") == "?? 100%"
    assert figures.write(card, tmp_path)
    said = [text.get_text() for text in _figures.forest(card.cells[:1], "x", face).texts]
    assert any("no font that draws Chinese was found" in text for text in said)


def test_a_chinese_font_draws_every_word_of_the_reports() -> None:
    face = _figures.font()
    if not face.chinese:
        pytest.skip("no font that draws Chinese is installed here")
    for told, _ in WORDS.values():
        assert face.text(told[:20]) == told[:20]
    assert face.word("gender") == "性别 Gender"


@pytest.mark.usefixtures("fresh_search")
def test_without_the_package_and_without_a_font_of_the_system_none_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_font, "find_spec", lambda _: None)
    monkeypatch.setattr(_figures, "FAMILIES", ())
    assert not _figures.font().chinese


@pytest.mark.usefixtures("fresh_search")
def test_the_carried_font_is_tried_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = _figures.font()
    if not str(known.path).endswith(".ttc"):
        pytest.skip("no collection of fonts is installed here")
    source = Path(str(known.path.path))
    (tmp_path / _font.CARRIED[1]).symlink_to(source)
    spec = types.SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(_font, "find_spec", lambda _: spec)
    _figures.font.cache_clear()
    assert Path(str(_figures.font().path.path)).parent == tmp_path
    assert _figures.font().chinese


def test_nothing_global_is_touched(card: Scorecard) -> None:
    loaded = "matplotlib.pyplot" in sys.modules
    settings = str(matplotlib.rcParams.copy())  # Reading the backend would load pyplot.
    content = _figures.encode(_figures.matrix(card, _figures.plain_font()), "png")
    assert str(matplotlib.rcParams.copy()) == settings
    assert ("matplotlib.pyplot" in sys.modules) is loaded  # by another test of this process
    with Image.open(io.BytesIO(content)) as image:
        assert "Software" not in image.info
