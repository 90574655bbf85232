"""Adjustments for testing many hypotheses at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.stats._arrays import Array, within


def holm(p: ArrayLike) -> Array:
    """Adjusts p values for the chance of any false rejection (Holm, step-down).

    The smallest family-wise level at which each hypothesis would be rejected; at most 1.

    Why: holds under any dependence between cells, and never rejects less than Bonferroni.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]

    Args:
        p: shape (hypotheses,), in [0, 1]; may be empty.

    Reference: Holm (1979), Scand. J. Statist. 6:65.
    """
    return np.minimum(_holm(_checked(p)), 1.0)


def holm_level(p: ArrayLike, alpha: float = 0.05) -> Array:
    """Computes the level at which to draw each interval so that it agrees with Holm.

    alpha * p / adjusted p (uncapped), between alpha / m and alpha: p <= level exactly when Holm
    rejects, so an interval at 1 - level that inverts the same test excludes the null exactly then.

    Why: a report that shows an interval inside the margin beside a rejection contradicts itself.
    The intervals are simultaneous only as decisions, not in their width.

    Example:
        >>> holm_level([0.01, 0.04]).round(4).tolist()
        [0.025, 0.05]

    Args:
        p: shape (hypotheses,), in [0, 1]; may be empty. A p of 0 gets alpha / m.
        alpha: family-wise error rate.

    Reference: inverts `holm`.
    """
    p = _checked(p)
    within("alpha", alpha, 0, 1)
    adjusted = _holm(p)
    share: Array = np.full(p.shape, 1.0 / max(p.size, 1))
    np.divide(p, adjusted, out=share, where=p > 0)
    return alpha * share


def benjamini_hochberg(p: ArrayLike) -> Array:
    """Adjusts p values for the expected share of false rejections (step-up); at most 1.

    The smallest false discovery rate at which each hypothesis would be listed.

    Why: for lists of suspects, which gate nothing. Valid under independence and positive regression
    dependence; cells that share a reference group need not have it, so label it as a list.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.04, 0.04]

    Args:
        p: shape (hypotheses,), in [0, 1]; may be empty.

    Reference: Benjamini and Hochberg (1995), JRSS B 57:289; Benjamini and Yekutieli (2001).
    """
    p = _checked(p)
    down = np.argsort(-p, kind="stable")  # largest first
    steps = p[down] * p.size / np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[down] = np.minimum.accumulate(steps)
    return np.minimum(adjusted, 1.0)


def _holm(p: Array) -> Array:
    up = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[up] = np.maximum.accumulate(p[up] * np.arange(p.size, 0, -1))
    return adjusted


def _checked(p: ArrayLike) -> Array:
    array = np.asarray(p, dtype=np.float64)
    if array.ndim != 1 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError("expected p values between 0 and 1 in one dimension")
    return array
