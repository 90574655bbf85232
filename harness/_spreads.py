"""How much scenarios vary: from an earlier run, else from the standard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness import runs, store
from harness.errors import BadRun
from harness.records import Standard
from harness.stats import intervals

Cell = tuple[str, ...]
"""Probe, language, arm, outcome, group and reference."""
CELL = ("probe", "language", "arm", "outcome", "group", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much the differences of a cell vary between scenarios."""

    sd: float
    share: float
    """Scenarios that differ by more than a tenth of the margin."""
    carry: float
    """Effective share of scenarios that carry the differences; a t interval needs ten of them."""
    size: float
    """Mean |difference|."""
    flips: bool
    """Whether an answer is all or nothing: then a large difference takes many flips."""
    source: str


def declared(standard: Standard, outcome: str, by_degrees: bool) -> Spread:
    """Returns the spread that a standard assumes.

    An outcome that moves by degrees is taken as normal. One that is all or nothing reaches its sd by
    flips of 1 in a share sd^2 of the scenarios.
    """
    sd = standard.spread[outcome]
    reason = standard.reasons.get("spread", "no reason given")
    source = f"standard {standard.name}: {reason}"
    if by_degrees:
        return Spread(
            sd=sd,
            share=1.0,
            carry=1.0,
            size=sd * math.sqrt(2 / math.pi),
            flips=False,
            source=source,
        )
    share = min(1.0, sd**2)
    source = f"{source}; all or nothing"
    return Spread(sd=sd, share=share, carry=share, size=share, flips=True, source=source)


def measured(run: Path) -> Mapping[Cell, Spread]:
    """Returns the spread of every cell of a run, and of each outcome pooled (as `("outcome",)`).

    A run does not say whether an outcome is all or nothing: `flips` is left to who knows.

    Raises:
        BadRun: it is no run, or has not compared anything yet.
    """
    folder = runs.reopen(run).folder
    if not folder.has(store.CONTRASTS):
        raise BadRun(
            f"{run} has compared nothing yet",
            where=f"from={run}",
            expected=f"a finished run, with {store.CONTRASTS}",
            fix="finish it with the command that began it, or leave out from=",
        )
    rows = folder.read_columns(store.CONTRASTS, [*CELL, "margin", "differences"]).to_pylist()
    found: dict[Cell, Spread] = {}
    pooled: dict[Cell, list[tuple[int, Spread]]] = {}
    for row in rows:
        d = np.array(row["differences"] or (), dtype=float)
        if len(d) < 2:
            continue
        spread = _of(d, row["margin"], str(run))
        found[tuple(row[key] for key in CELL)] = spread
        pooled.setdefault((row["outcome"],), []).append((len(d), spread))
    return found | {outcome: _pool(spreads) for outcome, spreads in pooled.items()}


def _of(d: np.ndarray[tuple[int], np.dtype[np.float64]], margin: float, source: str) -> Spread:
    return Spread(
        sd=intervals.standard_error(d) * math.sqrt(len(d)),
        share=float(np.mean(np.abs(d) > intervals.SMALL * margin)),
        carry=intervals.effective_clusters(d) / len(d),
        size=float(np.mean(np.abs(d))),
        flips=False,
        source=source,
    )


def _pool(spreads: list[tuple[int, Spread]]) -> Spread:
    """Pools the variances by their degrees of freedom, the shares by their scenarios."""
    n = np.array([count for count, _ in spreads])
    sd, share, carry, size = np.array([(s.sd, s.share, s.carry, s.size) for _, s in spreads]).T
    return replace(
        spreads[0][1],
        sd=math.sqrt(float(np.average(sd**2, weights=n - 1))),
        share=float(np.average(share, weights=n)),
        carry=float(np.average(carry, weights=n)),
        size=float(np.average(size, weights=n)),
        source=f"{spreads[0][1].source}, pooled over {len(spreads)} cells of the outcome",
    )
