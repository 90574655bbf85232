"""`scorecard.html`: one file that a person can read, send and print; it asks nothing of anyone.

No script and no outside request (a content security policy says so too). Every text goes through
`clean` and is escaped: answers of a model are hostile until shown otherwise.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Template

from harness.records import Call, Example, Scorecard, Verdict
from harness.reports import _font, _page, _pairs, _view
from harness.words import SYMBOLS

WIDTH = 280.0
"""Of the plot of one row, in SVG units."""
EDGE = 8.0
"""Kept free at either side for the arrowhead of what runs off."""


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `scorecard.html`."""
    page = _font.embed(render(scorecard))
    return [_view.save(folder / "scorecard.html", page.encode())]


def render(scorecard: Scorecard) -> str:
    """Returns the page, without the glyphs that it carries when it is written."""
    return _template().render(
        card=scorecard,
        sections=[_section(scorecard, name) for name in _view.names(scorecard)],
        columns=_view.columns(scorecard),
        matrix=_view.matrix(scorecard),
        model=_page.model(scorecard.run),
        digests=sorted({(c.contrast.probe, c.contrast.probe_digest) for c in scorecard.cells}),
        run_count=_view.run_count(scorecard),
        published=[(row, _view.beside(scorecard, row)) for row in scorecard.published],
        hidden=_view.hidden(scorecard),
        calls=[str(call) for call in Call],
        symbols=SYMBOLS,
        summary=_page.spoken(scorecard.summary),
        notes=_page.spoken(scorecard.notes),
    )


@cache
def _template() -> Template:
    environment = _page.environment(Path(__file__).parent)
    environment.globals |= {"plot": _plot, "band": _band, "plot_width": WIDTH, "share": _view.share}
    return environment.get_template("_scorecard.html.j2")


def _section(scorecard: Scorecard, name: str) -> dict[str, Any]:
    """Collects what is said of one attribute."""
    cells = _view.ordered(c for c in scorecard.cells if c.contrast.attribute == name)
    probes = {cell.contrast.probe for cell in cells}
    gated = [cell for cell in cells if cell.contrast.gated]
    return {
        "name": name,
        "told": scorecard.attributes.get(name, {}),
        "cells": cells,
        "gated": gated,
        "shown": [cell for cell in cells if not cell.contrast.gated],
        "reach": _view.reach(cells),
        "examples": _examples(gated, [e for e in scorecard.examples if e.probe in probes]),
    }


def _examples(gated: list[Verdict], examples: list[Example]) -> list[dict[str, Any]]:
    """Puts the pairs behind a FAIL first, and of those the ones that differ most."""
    failed = {(c.contrast.probe, c.contrast.language) for c in gated if c.verdict is Call.FAIL}

    def place(e: Example) -> tuple[object, ...]:
        behind = (e.probe, e.language) in failed
        return not behind, -abs(e.difference), e.probe, e.language, e.scenario

    ranked = sorted(examples, key=place)
    return [{"told": example, "sides": _pairs.sides(example.sides)} for example in ranked]


def _plot(cell: Verdict, reach: float) -> dict[str, Any]:
    """Returns where to draw one row: positions in SVG units, and which ends run off the plot."""
    c = cell.contrast

    def x(value: float | None) -> float | None:
        multiple = _view.scaled(c, value)
        if multiple is None:
            return None
        inside = max(-reach, min(reach, multiple))
        return round(WIDTH / 2 + inside / reach * (WIDTH / 2 - EDGE), 1)

    ends = [_view.scaled(c, end) for end in (c.low_fail, c.high_fail, c.low, c.high)]
    known = [end for end in ends if end is not None]
    return {
        "width": WIDTH,
        "zero": WIDTH / 2,
        "band": round((WIDTH / 2 - EDGE) / reach, 1),
        "dot": x(c.estimate),
        "thick": (x(c.low), x(c.high)),
        "thin": (x(c.low_fail), x(c.high_fail)),
        "off_left": any(end < -reach for end in known),
        "off_right": any(end > reach for end in known),
    }


def _band(reach: float) -> float:
    """Returns the half-width of the margin band, in percent of the plot."""
    return round(100 * (WIDTH / 2 - EDGE) / reach / WIDTH, 2)
