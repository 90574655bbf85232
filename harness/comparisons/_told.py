"""What every report of a comparison tells alike: the order of cells and what they are called."""

from __future__ import annotations

from collections.abc import Mapping

from harness.records import Change, Comparison
from harness.reports import _view
from harness.words import both

TOLD_LEFT_OUT = ("changed", "baseline_only", "candidate_only")


def gated(comparison: Comparison) -> list[Change]:
    """Returns the cells that decide, in the order of every report."""
    return [c for c in _ordered(comparison) if c.after.contrast.gated]


def shown(comparison: Comparison) -> list[Change]:
    """Returns the cells that are shown only."""
    return [c for c in _ordered(comparison) if not c.after.contrast.gated]


def changed(comparison: Comparison) -> list[Change]:
    """Returns the cells whose verdict is another one than the baseline's, those that decide first."""
    cells = [*gated(comparison), *shown(comparison)]
    return [c for c in cells if c.before.verdict is not c.after.verdict]


def prompts(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns the word and number of the prompts that were compared, and of those left out."""
    left = [(f"prompts_{name}", counts[name]) for name in TOLD_LEFT_OUT if counts[name]]
    return [("prompts_common", counts["common"]), *left]


def left_out(counts: Mapping[str, int]) -> str:
    """Says how many prompts were compared and how many were left out."""
    return "; ".join(f"{both(word)}: {count:,}" for word, count in prompts(counts))


def _ordered(comparison: Comparison) -> list[Change]:
    return sorted(comparison.cells, key=lambda c: _view.place(c.after.contrast))
