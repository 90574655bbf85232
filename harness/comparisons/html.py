"""`comparison.html`: one file that a person can read, send and print; it asks nothing of anyone.

No script and no outside request, as in `scorecard.html`, whose style and escaping it shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Template

from harness.comparisons import _told
from harness.records import Comparison, Flip, Trend
from harness.reports import _font, _page, _pairs, _view
from harness.words import SYMBOLS

OPEN = 5
"""Scenarios that are shown at once; the others are folded."""


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes `comparison.html`."""
    page = _font.embed(render(comparison))
    return [_view.save(folder / "comparison.html", page.encode())]


def render(comparison: Comparison) -> str:
    """Returns the page, without the glyphs that it carries when it is written."""
    return _template().render(
        told=comparison,
        runs=(
            ("baseline", comparison.baseline, comparison.before),
            ("candidate", comparison.candidate, comparison.after),
        ),
        model=_page.model,
        gated=_told.gated(comparison),
        shown=_told.shown(comparison),
        changed=_told.changed(comparison),
        prompts=_told.prompts(comparison.prompts),
        flips=[_flip(flip) for flip in comparison.flips],
        trends=[str(trend) for trend in Trend],
        symbols=SYMBOLS,
        open=OPEN,
        notes=_page.spoken(comparison.notes),
    )


@cache
def _template() -> Template:
    return _page.environment(Path(__file__).parent).get_template("_comparison.html.j2")


def _flip(flip: Flip) -> dict[str, object]:
    """Puts the two answers about each group beside each other and marks what differs."""
    sides = []
    for was, now in zip(flip.before.sides, flip.after.sides, strict=True):
        prompt = now.get("prompt", "")
        sides.append(
            {
                "group": now.get("group", ""),
                "prompt": prompt[: _pairs.LONGEST],
                "prompt_length": _pairs.cut_from(prompt),
                "answers": [_answer("before", was, now), _answer("after", now, was)],
            }
        )
    return {"told": flip, "sides": sides}


def _answer(when: str, side: Mapping[str, str], other: Mapping[str, str]) -> dict[str, object]:
    text = side.get("answer", "")
    return {
        "when": when,
        "text": _pairs.marked(text, other.get("answer", "")),
        "length": _pairs.cut_from(text),
        "value": side.get("value", ""),
    }
