"""Delete-one-cluster jackknife: intervals for ratios and other smooth functions of totals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from harness.stats._arrays import Array, Limits, within
from harness.stats.intervals import Interval, cluster_t
from harness.stats.significance import fail_interval

Statistic = Callable[[Array], float]
"""Totals, shape (terms,) -> a number; NaN where it is not defined."""
LEAST = 3
"""Clusters below which a spread says nothing."""


def jackknife(
    terms: ArrayLike, statistic: Statistic, *, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes a two-sided 1 - alpha interval for a function of totals over clusters.

    Estimates statistic(sum of terms): a published score that is a ratio of counts over items. Zero
    and the sign mean what they mean in the statistic.

    Why: a score over items has no plain standard error where items share a template. Leaving out
    one cluster after the other gives one, and for a mean it is exactly the t interval. Where no
    spread is seen (equal clusters, too few, or one without which nothing is defined) it is the
    Hoeffding bound of as many equal values, never of zero width.

    Example:
        >>> i = jackknife([[1, 2], [2, 2], [1, 2], [0, 2]], lambda t: t[0] / t[1], limits=(0, 1))
        >>> f"{i.estimate:.2f} [{i.low:.3f}, {i.high:.3f}]"
        '0.50 [0.000, 1.000]'

    Args:
        terms: shape (clusters, terms), counts or sums.
        statistic: what is made of the totals.
        alpha: error rate of both sides.
        limits: the range of the statistic.

    Raises:
        ValueError: no cluster, or the statistic of all of them is not defined.

    Reference: Efron and Stein (1981), Annals of Statistics 9:586.
    """
    within("alpha", alpha, 0, 1)
    each = np.asarray(terms, dtype=float)
    if each.ndim != 2 or not len(each):
        raise ValueError(f"terms must have shape (clusters, terms), got {each.shape}")
    total, count = each.sum(axis=0), len(each)
    estimate = statistic(total)
    if not math.isfinite(estimate):
        raise ValueError("the statistic of all clusters is not defined")
    without = np.array([statistic(total - own) for own in each])
    pseudo = count * estimate - (count - 1) * without
    if count < LEAST or not np.isfinite(pseudo).all() or np.allclose(pseudo, estimate):
        bound = fail_interval(np.full(count, estimate), level_alpha=alpha, limits=limits)
        return Interval(estimate, bound.low, bound.high, bound.method)
    spread = cluster_t(pseudo, alpha)
    half = (spread.high - spread.low) / 2
    low, high = max(limits[0], estimate - half), min(limits[1], estimate + half)
    return Interval(estimate, low, high, "jackknife")
