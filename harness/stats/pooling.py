"""Partial pooling: many small cells, such as intersections of attributes, lend to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from harness.stats._arrays import Array, finite, within

_STEPS = np.append(0.0, np.geomspace(1e-8, 10.0, 100))
"""Where the likelihood is looked at first, as shares of the largest variance in sight."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Cells after pooling; arrays have the shape (cells,)."""

    estimates: Array
    low: Array
    high: Array
    shrinkage: Array
    """Share of the way from the cell's own estimate to the mean."""
    mean: float
    """Weighted mean of the cells."""
    variance: float
    """Of the true values of the cells around their mean (REML)."""


def partial_pooling(estimates: ArrayLike, errors: ArrayLike, alpha: float = 0.05) -> Pooled:
    """Shrinks the estimates of many cells towards their mean, with 1 - alpha intervals.

    Estimates the true value of each cell, taking the cells as drawn from one normal distribution.
    Zero and the sign are those of the estimates. Fewer than four cells are left as they are.

    Why: of 40 small cells the most extreme is mostly noise; pooled estimates err less on average
    (in squares, 40 % less where cells differ as much as their errors). Empirical Bayes intervals
    that take the variance between cells as known covered 82 to 97 %; with Morris' correction
    they covered 94 to 99.9 %, over 4 to 40 cells. That holds on average over the cells: one cell
    that is truly unlike the others is drawn towards them, so FAIL is never read off these, only the
    order of a list. Errors of cells that share a reference are correlated, which this ignores.

    Example:
        >>> p = partial_pooling([0.02, 0.12, -0.05, 0.04, 0.20], [0.05] * 5)
        >>> p.estimates.round(3).tolist()
        [0.026, 0.113, -0.034, 0.044, 0.182]

    Args:
        estimates: shape (cells,), any unit.
        errors: shape (cells,): their standard errors, above zero.
        alpha: error rate of both sides, on average over the cells.

    Reference: Morris (1983), JASA 78:47 (section 5: unequal variances); Viechtbauer (2005),
        J. Educ. Behav. Stat. 30:261 (REML).
    """
    y, errors = finite(estimates), finite(errors)
    within("alpha", alpha, 0, 1)
    if y.size != errors.size or errors.min() <= 0:
        raise ValueError(f"expected {y.size} errors above zero, got {errors.tolist()}")
    own = errors**2
    between = _reml(y, own)
    weights = 1 / (own + between)
    mean = float(weights @ y / weights.sum())
    cells, beyond = y.size, max(y.size - 3, 0)
    full = own * weights
    shrinkage = beyond / max(cells - 1, 1) * full
    lever = 1 - weights / weights.sum()
    typical = float(weights @ own / weights.sum()) + between
    unsure = 2 * beyond / max(cells - 1, 1) ** 2 * full**2 * typical * weights
    variance = own * (1 - lever * shrinkage) + unsure * (y - mean) ** 2
    pooled = y + shrinkage * (mean - y)
    half = float(ndtri(1 - alpha / 2)) * np.sqrt(variance)
    return Pooled(pooled, pooled - half, pooled + half, shrinkage, mean, between)


def _reml(y: Array, own: Array) -> float:
    """Returns the variance between cells at which the restricted likelihood is largest."""

    def loss(between: float) -> float:
        weights = 1 / (own + between)
        rest = y - weights @ y / weights.sum()
        return float(np.log(weights.sum()) - np.log(weights).sum() + weights @ rest**2)

    steps = _STEPS * (float(np.var(y)) + float(own.max()))
    best = int(np.argmin([loss(step) for step in steps]))
    if best == 0:
        return 0.0
    ends = (float(steps[best - 1]), float(steps[min(best + 1, len(steps) - 1)]))
    return float(minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-12}).x)
