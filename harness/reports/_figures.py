"""Draws the figures; the one file that imports matplotlib.

A figure is drawn on its own canvas with one font file, so that neither pyplot nor the settings of
the process are touched, and text in an SVG is outlines: it looks the same without any font.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from harness.records import Scorecard, Verdict
from harness.reports import _font, _view
from harness.words import WORDS, both, en

FAMILIES = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Noto Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
)
"""Fonts of the system that draw simplified Chinese, best first."""
COLOURS: Mapping[str, tuple[str, str]] = {
    "PASS": ("#0b5394", "#dcebf8"),
    "FAIL": ("#a83a00", "#fde3d5"),
    "INCONCLUSIVE": ("#8a6600", "#fff2cc"),
    "INVALID": ("#5c606b", "#e6e7eb"),
    "shown_only": ("#8a92a0", "#f6f7f9"),
}
"""verdict -> ink and ground; told apart by the colour-blind, and never without a word."""
INK, SOFT, BAND = "#1d2330", "#5d6675", "#e9edf3"
LONGEST = 32
"""Characters of a label."""
SETTINGS: Any = {"svg.hashsalt": "art4", "svg.fonttype": "path", "path.simplify": False}


class Font:
    """A font file, and what it can draw."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self._signs = font_manager.get_font(path).get_charmap()
        self.chinese = all(ord(c) in self._signs for told, _ in WORDS.values() for c in told)

    def word(self, term: str) -> str:
        """Puts a term into both languages, or into English where Chinese cannot be drawn."""
        told = both(term) if self.chinese else en(term)
        return told if term in WORDS else self.text(term)

    def text(self, text: str) -> str:
        """Replaces what the font cannot draw, and what Matplotlib would read as mathematics."""
        drawn = "".join(c if ord(c) in self._signs else "?" for c in _view.line(text))
        cut = drawn if len(drawn) <= LONGEST else f"{drawn[: LONGEST - 1]}…"
        return cut.replace("$", r"\$")

    def at(self, size: float) -> FontProperties:
        """Returns the font at a size in points."""
        return FontProperties(fname=self.path, size=size)


@cache
def font() -> Font:
    """Finds a font that draws Chinese: the carried one, one of the system, or none (DejaVu)."""
    candidates = (Font(path) for path in (*_carried(), *_installed()))
    return next((found for found in candidates if found.chinese), plain_font())


def plain_font() -> Font:
    """Returns the font that comes with matplotlib, which draws no Chinese."""
    return Font(font_manager.findfont("DejaVu Sans"))


def forest(cells: Sequence[Verdict], title: str, face: Font) -> Figure:
    """Draws an interval for each cell against the band of its margin."""
    rows, reach = len(cells), _view.reach(cells)
    figure = Figure(figsize=(10, 1.65 + 0.52 * rows), facecolor="white")
    top, bottom = 0.62 / figure.get_figheight(), 0.95 / figure.get_figheight()
    axes = figure.add_axes((0.37, bottom, 0.33, 1 - top - bottom))
    axes.set(xlim=(-reach, reach), ylim=(rows - 0.5, -0.5), yticks=[])
    axes.axvspan(-1, 1, color=BAND, linewidth=0)
    for x, style in ((-1, ":"), (0, "-"), (1, ":")):
        axes.axvline(x, color="#9aa3b0", linewidth=0.8, linestyle=style)
    for row, cell in enumerate(cells):
        _interval(axes, row, cell, reach)
        _labels(axes, row, cell, face)
    _frame(axes, face)
    _heading(figure, title, face, "caption")
    return figure


def matrix(scorecard: Scorecard, face: Font) -> Figure:
    """Draws the verdict of every attribute, format and language."""
    names, columns = _view.names(scorecard), _view.columns(scorecard)
    found = _view.matrix(scorecard)
    wide, high = len(columns) + 1, len(names)
    figure = Figure(figsize=(1.9 + 1.5 * wide, 1.5 + 0.5 * high), facecolor="white")
    left, top = 1.8 / figure.get_figwidth(), 1.15 / figure.get_figheight()
    bottom = 0.3 / figure.get_figheight()
    axes = figure.add_axes((left, bottom, 0.99 - left, 1 - top - bottom))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.axis("off")
    heads = [face.word("overall")]
    heads += [f"{face.word(kind)}\n{face.word(language)}" for kind, language in columns]
    above = {"ha": "center", "va": "bottom", "linespacing": 1.35}
    for column, head in enumerate(heads):
        _write(axes, column + 0.5, -0.15, head, face.at(9), SOFT, **above)
    for row, name in enumerate(names):
        _write(axes, -0.08, row + 0.5, face.word(name), face.at(11), INK, ha="right", va="center")
        told = scorecard.attributes.get(name, {}).get("verdict", "")
        blocks = [(told, 0, 0), *(found.get((name, *column), ("", 0, 0)) for column in columns)]
        for column, block in enumerate(blocks):
            _block(axes, column, row, block, face)
    _heading(figure, face.word("matrix"), face)
    return figure


def rates(lines: Mapping[str, Sequence[tuple[float, float, float, float]]], x: str) -> Figure:
    """Draws shares over a size, each point as (size, share, low, high), one line for each word."""
    face = plain_font()
    figure = Figure(figsize=(7, 3.6), facecolor="white")
    axes = figure.add_axes((0.1, 0.16, 0.72, 0.78))
    axes.axhline(0.05, color="#9aa3b0", linewidth=0.8, linestyle=":")
    for name, points in lines.items():
        ink = COLOURS[name][0]
        size, share, low, high = zip(*points, strict=True)
        axes.plot(size, share, "-o", color=ink, markersize=4)
        axes.vlines(size, low, high, color=ink, linewidth=3, alpha=0.4)
        _write(axes, size[-1], share[-1], f"  {name}", face.at(10), ink, va="center")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(face.at(9))
    axes.set_xlabel(x, fontproperties=face.at(9.5), color=SOFT)
    axes.set_ylabel("share of the simulated runs", fontproperties=face.at(9.5), color=SOFT)
    return figure


def encode(figure: Figure, kind: str) -> bytes:
    """Returns the bytes of a figure, the same for the same figure."""
    FigureCanvasAgg(figure)
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}[kind]
    content = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(content, format=kind, dpi=144, metadata=metadata)
    return content.getvalue()


def _interval(axes: Any, row: int, cell: Verdict, reach: float) -> None:
    c, (ink, _) = cell.contrast, COLOURS[cell.verdict]
    for low, high, width in ((c.low_fail, c.high_fail, 1.2), (c.low, c.high, 4.5)):
        ends = _view.scaled(c, low), _view.scaled(c, high)
        if ends[0] is not None and ends[1] is not None:
            axes.hlines(row, max(ends[0], -reach), min(ends[1], reach), color=ink, linewidth=width)
            for end, sign, marker in ((-ends[0], -1, "<"), (ends[1], 1, ">")):
                if end > reach:
                    axes.plot(sign * reach, row, marker, color=ink, markersize=7, clip_on=False)
    dot = _view.scaled(c, c.estimate)
    if dot is not None and abs(dot) <= reach:
        axes.plot(dot, row, "o", color=ink, markerfacecolor="white", markersize=7, zorder=3)


def _labels(axes: Any, row: int, cell: Verdict, face: Font) -> None:
    c, (ink, _) = cell.contrast, COLOURS[cell.verdict]
    left, right = ({"transform": axes.get_yaxis_transform(), "va": va} for va in ("bottom", "top"))
    arm = "" if c.arm == "explicit" else f" · {face.word(c.arm)}"
    head = f"{face.word(c.format)} · {face.word(c.language)}{arm}"
    pair = face.text(f"{c.group} − {both(c.reference) if face.chinese else en(c.reference)}")
    _write(axes, -1.04, row, head, face.at(10), INK if c.gated else SOFT, **left)
    below = f"{pair}, {face.word(c.outcome)}"
    _write(axes, -1.04, row + 0.06, below, face.at(8), SOFT, **right)
    known = c.estimate is not None
    numbers = f"{_view.number(c.estimate)}  {_view.interval(c.low, c.high)}" if known else "—"
    _write(axes, 1.04, row, face.text(numbers), face.at(9.5), INK, **left)
    told = face.word(cell.verdict) + ("" if c.gated else f" · {face.word('shown_only')}")
    _write(axes, 1.04, row + 0.06, told, face.at(9), ink, **right)


def _block(axes: Any, column: int, row: int, block: tuple[str, int, int], face: Font) -> None:
    name, share, of = block
    if name not in COLOURS:
        _write(axes, column + 0.5, row + 0.5, "–", face.at(10), SOFT, ha="center", va="center")
        return
    ink, ground = COLOURS[name]
    hatch = "////" if name == "INVALID" else None
    axes.add_patch(
        Rectangle((column + 0.03, row + 0.06), 0.94, 0.88, fc=ground, ec="white", hatch=hatch, lw=0)
    )
    count = f" {share}/{of}" if of > 1 else ""
    word = face.word(name).replace(" ", "\n", 1) if name == "INCONCLUSIVE" else face.word(name)
    style = {"ha": "center", "va": "center", "linespacing": 1.25}
    size = face.at(8 if "\n" in word else 9.5)
    _write(axes, column + 0.5, row + 0.5, f"{word}{count}", size, ink, **style)


def _frame(axes: Any, face: Font) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#b6bfcc")
    axes.tick_params(axis="x", colors=SOFT, length=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for label in axes.get_xticklabels():
        label.set_fontproperties(face.at(9))
    axes.set_xlabel(face.word("plot"), fontproperties=face.at(9.5), color=SOFT)


def _heading(figure: Figure, title: str, face: Font, caption: str = "") -> None:
    height = figure.get_figheight()
    figure.text(0.018, 1 - 0.38 / height, title, fontproperties=face.at(14), color=INK)
    lines = [face.word(caption)] if caption else []
    if not face.chinese:
        lines.append("Labels are in English: no font that draws Chinese was found.")
    for place, told in enumerate(reversed(lines)):
        y = (0.08 + 0.15 * place) / height
        figure.text(0.018, y, told, fontproperties=face.at(7.5), color=SOFT)


def _write(
    axes: Any, x: float, y: float, text: str, size: FontProperties, ink: str, **how: Any
) -> None:
    axes.text(x, y, text, fontproperties=size, color=ink, **how)


def _carried() -> list[Any]:
    path = _font.carried()
    return [font_manager.FontPath(str(path), _font.SIMPLIFIED)] if path else []


def _installed() -> list[Any]:
    known = [e for e in font_manager.fontManager.ttflist if e.name in FAMILIES and e.weight == 400]
    ranked = sorted(known, key=lambda e: (FAMILIES.index(e.name), e.style, e.fname))
    return [font_manager.FontPath(e.fname, e.index) for e in ranked]
