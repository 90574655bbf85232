"""`figures/`: the matrix and a forest plot for each attribute, as PNG and SVG."""

from __future__ import annotations

import re
from pathlib import Path

from harness.records import Scorecard
from harness.reports import _figures, _view


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `figures/matrix` and `figures/<attribute>`, each as `.png` and `.svg`."""
    face = _figures.font()
    drawn = {"matrix": _figures.matrix(scorecard, face)}
    for name in _view.names(scorecard):
        cells = [c for c in _view.ordered(scorecard.cells) if c.contrast.attribute == name]
        if cells:
            drawn[_file(name)] = _figures.forest(cells, face.word(name), face)
    return [
        _view.save(folder / "figures" / f"{name}.{kind}", _figures.encode(figure, kind))
        for name, figure in drawn.items()
        for kind in ("png", "svg")
    ]


def _file(name: str) -> str:
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "other"
