"""Tests of a difference beyond the margin, from which FAIL is read, and of a zero difference."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr, stdtr

from harness.stats._arrays import (
    ROUNDING,
    Array,
    Limits,
    boundary,
    cells_of,
    centred,
    finite,
    within,
)
from harness.stats.intervals import (
    Interval,
    clip,
    cluster_t,
    effective_clusters,
    skewed_t,
    supports_t,
    t_beyond,
)

MEAN_SUPPORT = 3
"""Effective clusters that must carry the deviations for t where no verdict hangs on it."""
_BLOCK = 1 << 21
"""Signs, or statistics, held at once: 16 MB."""


def p_beyond(differences: ArrayLike, *, margin: float, limits: Limits = (-1.0, 1.0)) -> float:
    """Tests that theta lies within the margin: a small p says that |theta| exceeds it.

    The p value of H0 |theta| <= margin: twice the smaller one-sided p, at most 1. It is 1 wherever
    the estimate lies within the margin, and says nothing of the sign.

    Why: the t test over clusters where the spread is known (`supports_t`), weakened by Johnson's
    term where the differences are skewed towards zero, as a few smaller ones among many at a bound
    are: plain t at one of Holm's small levels then fails far too often. Else Hoeffding's bound
    exp(-K KL(x, m)) on the mean x rescaled to [0, 1]: valid for any distribution within the limits
    and any K, so equal answers are as strong as their number and no stronger.

    Example:
        >>> p_beyond([1.0] * 160, margin=0.05) < 1e-40, p_beyond([1.0] * 2, margin=0.05) > 0.5
        (True, True)

    Args:
        differences: shape (clusters,), within `limits`.
        margin: tolerated |theta|, 0 or more.
        limits: the range that a difference can take.

    Reference: Johnson (1978), JASA 73:536, as in `intervals.skewed_t`; Hoeffding (1963), JASA
        58:13, theorem 1, equation (2.1).
    """
    d = finite(differences, limits=limits)
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin must be 0 or more and finite, got {margin}")
    mean = float(d.mean())
    if abs(mean) <= margin:
        return 1.0
    if supports_t(d):
        return min(1.0, 2 * float(stdtr(d.size - 1, -t_beyond(d, margin))))
    low, high = limits if mean > 0 else (-limits[1], -limits[0])
    return min(1.0, 2 * math.exp(-d.size * _divergence(abs(mean), margin, low, high)))


def fail_interval(
    differences: ArrayLike, *, level_alpha: float, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes the two-sided interval that agrees with `p_beyond` at every margin.

    Estimates theta; zero: no difference on average. It lies wholly outside [-margin, margin]
    exactly when `p_beyond` <= level_alpha (up to rounding).

    Why: a verdict and the interval printed beside it must not contradict each other. It is the
    skewness-adjusted t interval, or where the spread is not known the inverted Hoeffding bound,
    never of zero width.

    Example:
        >>> i = fail_interval([1.0] * 100, level_alpha=0.05)
        >>> f"[{i.low:.3f}, {i.high:.3f}] {i.method}"
        '[0.928, 1.000] Hoeffding bound'

    Args:
        differences: shape (clusters,), within `limits`.
        level_alpha: error rate of both sides, such as one of `multiplicity.holm_level`.
        limits: the range that a difference can take.

    Reference: see `p_beyond`.
    """
    d = finite(differences, limits=limits)
    within("level_alpha", level_alpha, 0, 1)
    low, high = limits
    if supports_t(d):
        return clip(skewed_t(d, level_alpha / 2), limits)
    mean, needed = float(d.mean()), math.log(2 / level_alpha) / d.size
    lower = _lowest(mean, needed, low, high)
    return Interval(mean, lower, -_lowest(-mean, needed, -high, -low), "Hoeffding bound")


def mean_interval(
    differences: ArrayLike, *, level_alpha: float, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes a two-sided interval for a mean that is expected to lie far from zero.

    Estimates theta as `fail_interval` does; zero and the sign mean the same.

    Why: the lower bound of a positive control must be met by ten scenarios or so. `fail_interval`
    asks for ten effective clusters of D, which ten unequal ones never are, and falls back on
    Hoeffding's bound, too wide to see a reaction of 0.25. Here three effective clusters of the
    deviations are enough for t (ten normal ones have about four); without them the same bound is
    taken. Not for verdicts: large rare values of the other sign would not be seen.

    Example:
        >>> i = mean_interval([0.3, 0.2, 0.25, 0.4, 0.1, 0.2, 0.3, 0.15], level_alpha=0.1)
        >>> f"[{i.low:.3f}, {i.high:.3f}] {i.method}"
        '[0.174, 0.301] t'

    Args:
        differences: shape (clusters,), within `limits`.
        level_alpha: error rate of both sides.
        limits: the range that a difference can take.

    Reference: see `intervals.cluster_t` and `p_beyond`.
    """
    d = finite(differences, limits=limits)
    if effective_clusters(centred(d)) < MEAN_SUPPORT:
        return fail_interval(d, level_alpha=level_alpha, limits=limits)
    return clip(cluster_t(d, level_alpha), limits)


@dataclass(frozen=True, slots=True)
class SignFlip:
    """The joint test of zero in every cell."""

    t: Array
    """Shape (cells,): mean over standard error."""
    p: Array
    """Shape (cells,): two-sided p of theta = 0."""
    adjusted: Array
    """Shape (cells,): p for the largest |t| over all cells (single step)."""
    critical: float
    """|t| that the largest exceeds with probability alpha when every theta is zero."""


def sign_flip(
    differences: ArrayLike, *, rng: np.random.Generator, resamples: int = 9999, alpha: float = 0.05
) -> SignFlip:
    """Tests theta = 0 in every cell at once by flipping the signs of whole clusters.

    Zero and the sign are those of the differences. The same signs are drawn for all cells, so their
    dependence (shared scenarios, shared reference) is kept: max |t| is sharper than Bonferroni.

    Why: no normality is needed, only near-symmetry. Flips act on centred differences, so `critical`
    holds where some cells do differ. No p is below 2^(1 - K), what K signs can show. For notes and
    simultaneous intervals; never for PASS.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> cells = [[0.1, 0.2, 0.3, 0.2, 0.1, 0.3], [0.1, -0.1, 0.2, -0.2, 0.1, np.nan]]
        >>> (sign_flip(cells, rng=rng).p < 0.05).tolist()
        [True, False]

    Args:
        differences: shape (cells, clusters), any unit; NaN where a cell lacks a cluster.
        rng: source of the signs.
        resamples: sign draws, at least 1 / alpha.
        alpha: family-wise error rate of `critical`.

    Reference: Westfall and Young (1993), Resampling-Based Multiple Testing (max t); Cameron,
        Gelbach and Miller (2008), Rev. Econ. Stat. 90:414 (Rademacher signs by cluster); Phipson
        and Smyth (2010), SAGMB 9:39 ((1 + #) / (1 + resamples)).
    """
    d = cells_of(differences)
    within("alpha", alpha, 0, 1)
    rank = math.ceil((1 - alpha) * (resamples + 1))
    if rank > resamples:
        raise ValueError(f"{resamples} resamples cannot show a level of {alpha}")
    there = ~np.isnan(d)
    count = there.sum(axis=1)
    rests, mean = np.zeros_like(d), np.empty(len(d))
    for cell, (row, seen) in enumerate(zip(d, there, strict=True)):
        rests[cell, seen] = centred(row[seen])
        mean[cell] = row[seen].mean()
    squares = np.einsum("ij,ij->i", rests, rests)
    t = _studentised(mean, squares, count)
    largest, reached = np.empty(resamples), np.zeros(len(d))
    for block, heads in _heads(rng, resamples, d.shape[1], len(d)):
        means = (2 * (heads @ rests.T) - rests.sum(axis=1)) / count  # (block, cells)
        flipped = np.abs(_studentised(means, squares - count * means**2, count))
        largest[block] = flipped.max(axis=1)
        reached += (flipped >= np.abs(t)).sum(axis=0)
    largest.sort()
    above = resamples - np.searchsorted(largest, np.abs(t))
    p = np.maximum((1 + reached) / (1 + resamples), 2.0 ** (1 - count))
    adjusted = np.maximum((1 + above) / (1 + resamples), p)
    return SignFlip(t, p, adjusted, float(largest[rank - 1]))


def _divergence(mean: float, null: float, low: float, high: float) -> float:
    """Kullback-Leibler divergence of Bernoulli(x) from Bernoulli(m), both rescaled to [0, 1]."""
    x, m = (min((v - low) / (high - low), 1.0) for v in (mean, null))
    return float(rel_entr(x, m) + rel_entr(1 - x, 1 - m))


def _lowest(mean: float, needed: float, low: float, high: float) -> float:
    """The largest value below the mean that the Hoeffding bound excludes; `low` where none is."""

    def excluded(null: float) -> bool:
        return _divergence(mean, null, low, high) >= needed

    return boundary(excluded, low, mean, ROUNDING * (high - low))


def _studentised(means: Array, squares: Array, count: Array) -> Array:
    """Mean over standard error; 0 for a zero mean, infinite where a mean has no spread."""
    error = np.sqrt(np.maximum(squares, 0.0) / np.maximum(count - 1, 1) / count)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(means == 0, 0.0, means / error)


def _heads(
    rng: np.random.Generator, resamples: int, clusters: int, cells: int
) -> Iterator[tuple[slice, Array]]:
    """Yields blocks of resamples, shape (block, clusters): 1 where a sign stays, 0 where it flips."""
    step = max(1, _BLOCK // max(clusters, cells))
    for start in range(0, resamples, step):
        block = slice(start, min(start + step, resamples))
        size = (block.stop - start) * clusters
        drawn = np.frombuffer(rng.bytes(-(-size // 8)), dtype=np.uint8)
        bits = np.unpackbits(drawn, count=size).reshape(-1, clusters)
        yield block, bits.astype(np.float64)
