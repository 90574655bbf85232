"""FAIL over many cells at once, by the largest |t| that flipped signs give."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from harness.stats._arrays import Array, centred, within
from harness.stats.intervals import supports_t, t_beyond

RESAMPLES = 9999
"""Sign draws, unless the family needs more to show its level."""
_CHUNK = 512
"""Draws that are held in memory at once."""


def max_t(
    differences: Sequence[ArrayLike],
    clusters: Sequence[Sequence[Hashable]],
    *,
    margins: ArrayLike,
    p: ArrayLike,
    rng: np.random.Generator,
    alpha: float = 0.05,
    resamples: int = RESAMPLES,
) -> tuple[Array, Array]:
    """Adjusts p values of |theta| <= margin for the chance of any false FAIL in a family of cells.

    Returns the adjusted p (the smallest family-wise level at which each cell fails, at most 1) and,
    as `multiplicity.holm_level` does, the level at which `significance.fail_interval` lies beyond
    the margin exactly when that p is at most alpha (cells given p = 1 aside).

    Why: cells that share scenarios or a reference group move together, and Holm pays for them as if
    they did not. The signs of whole clusters are flipped, the same in every cell, on differences
    minus their mean, so their dependence is kept and no cell's own theta matters. A cell's t is how
    far it lies beyond the margin (`intervals.t_beyond`); its adjusted p is the share of draws whose
    largest |t| reaches it (single step, so one |t| decides in all cells; where many cells fail and
    hardly move together, Holm's steps list more of them).

    Cells whose spread supports no t cannot enter a studentised maximum. They keep the p given for
    them, times the number of cells; the others' p is divided by their part of the family, so that
    both together use up alpha and no more.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> noise = rng.normal(0, 0.1, 60)
        >>> cells, names = [noise + 0.1, noise], [range(60)] * 2
        >>> adjusted, level = max_t(cells, names, margins=[0.05] * 2, p=[0.001, 1], rng=rng)
        >>> (adjusted <= 0.05).tolist(), level.round(2).tolist()  # as one cell: they move together
        ([True, False], [0.05, 0.05])

    Args:
        differences: one array a cell, of shape (its clusters,); may be empty.
        clusters: for each cell the clusters' names; equal names are the same cluster.
        margins: shape (cells,): tolerated |theta|.
        p: shape (cells,): p values by `significance.p_beyond`. A cell with p = 1 fails at no level,
            and yet counts.
        rng: source of the signs.
        alpha: family-wise error rate.
        resamples: sign draws; more are made where fewer could not show alpha.

    Reference: Westfall and Young (1993), Resampling-Based Multiple Testing (single-step max t);
        Romano and Wolf (2005), JASA 100:94; Cameron, Gelbach and Miller (2008), Rev. Econ. Stat.
        90:414 (Rademacher signs by cluster); Phipson and Smyth (2010), SAGMB 9:39.
    """
    within("alpha", alpha, 0, 1)
    cells = [np.asarray(d, dtype=np.float64) for d in differences]
    alone, margins = (np.asarray(a, dtype=np.float64) for a in (p, margins))
    adjusted = np.minimum(1.0, alone * len(cells))
    level = np.full(len(cells), alpha / max(len(cells), 1))
    joint = [i for i, d in enumerate(cells) if d.size and supports_t(d)]
    if joint:
        part = len(joint) / len(cells)
        kept, names = [cells[i] for i in joint], [clusters[i] for i in joint]
        draws = max(resamples, math.ceil(1 / (alpha * part)))
        largest = _largest(kept, names, rng, draws)
        t = [t_beyond(d, margin) for d, margin in zip(kept, margins[joint], strict=True)]
        reached = draws - np.searchsorted(largest, t)
        shown = np.minimum(1.0, (1 + reached) / (1 + draws) / part)
        adjusted[joint] = np.where(alone[joint] < 1, shown, 1.0)
        level[joint] = _level(kept, _critical(largest, alpha, part))
    return adjusted, level


def _level(cells: Sequence[Array], critical: float) -> Array:
    """The levels at which t is `critical`."""
    freedom = np.array([d.size - 1.0 for d in cells])
    levels = np.asarray(2 * stdtr(freedom, -critical), dtype=np.float64)
    return np.maximum(levels, np.finfo(np.float64).tiny)


def _largest(
    cells: Sequence[Array],
    clusters: Sequence[Sequence[Hashable]],
    rng: np.random.Generator,
    draws: int,
) -> Array:
    """Draws the largest |t| over the cells when no cell differs from its own mean; ascending."""
    at = {name: n for n, name in enumerate(dict.fromkeys(c for names in clusters for c in names))}
    rests = np.zeros((len(cells), len(at)))
    for rest, d, names in zip(rests, cells, clusters, strict=True):
        rest[[at[name] for name in names]] = centred(d)
    count = np.array([d.size for d in cells])
    squares = (rests**2).sum(axis=1)
    found = np.empty(draws)
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        signs = 2.0 * rng.integers(0, 2, (size, len(at)), dtype=np.int8) - 1
        means = signs @ rests.T / count  # (size, cells)
        left = np.maximum(squares - count * means**2, 0.0)
        with np.errstate(divide="ignore"):
            t = np.abs(means) / np.sqrt(left / (count - 1) / count)
        found[start : start + size] = t.max(axis=1)
    return np.sort(found)


def _critical(largest: Array, alpha: float, part: float) -> float:
    """The |t| above which an adjusted p is at most alpha."""
    reached = np.arange(largest.size)  # draws that reach a |t|, from few to many
    p = (1 + reached) / (1 + largest.size) / part
    return float(largest[-int(np.searchsorted(p, alpha, side="right"))])
