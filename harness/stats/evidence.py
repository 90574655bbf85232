"""What PASS and FAIL are read off: differences of scenarios, or those crossed with names."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from harness.stats import crossed, intervals, significance
from harness.stats._arrays import Limits
from harness.stats.crossed import Crossed
from harness.stats.intervals import Interval

Evidence = ArrayLike | Crossed
"""Shape (scenarios,), or what `crossed.crossed` found where names are a second random factor."""


def standard_error(found: Evidence) -> float:
    """Computes the standard error of the mean: see `intervals` and `crossed`.

    Example:
        >>> standard_error([0.0, 0.0, 3.0])
        1.0
    """
    if isinstance(found, Crossed):
        return math.sqrt(found.variance)
    return intervals.standard_error(found)


def equivalence(
    found: Evidence, *, margin: float, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes the interval from which PASS is read: see `intervals` and `crossed`.

    Example:
        >>> equivalence([0.0] * 100, margin=0.05).method
        'sparse bound'
    """
    if isinstance(found, Crossed):
        return crossed.equivalence(found, margin=margin, alpha=alpha, limits=limits)
    return intervals.equivalence(found, margin=margin, alpha=alpha, limits=limits)


def inside(
    found: Evidence, *, margin: float, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> bool:
    """Says whether the interval of `equivalence` lies inside the margin: a PASS.

    Example:
        >>> inside([0.0] * 66, margin=0.05), inside([0.0] * 65, margin=0.05)
        (True, False)
    """
    interval = equivalence(found, margin=margin, alpha=alpha, limits=limits)
    return -margin < interval.low and interval.high < margin


def fail_interval(found: Evidence, *, level_alpha: float, limits: Limits = (-1.0, 1.0)) -> Interval:
    """Computes the interval from which FAIL is read: see `significance` and `crossed`.

    Example:
        >>> fail_interval([1.0] * 100, level_alpha=0.05).method
        'Hoeffding bound'
    """
    if isinstance(found, Crossed):
        return crossed.fail_interval(found, level_alpha=level_alpha, limits=limits)
    return significance.fail_interval(found, level_alpha=level_alpha, limits=limits)


def p_beyond(found: Evidence, *, margin: float, limits: Limits = (-1.0, 1.0)) -> float:
    """Tests that |theta| is within the margin: see `significance` and `crossed`.

    Example:
        >>> p_beyond([0.0] * 100, margin=0.05)
        1.0
    """
    if isinstance(found, Crossed):
        return crossed.p_beyond(found, margin=margin, limits=limits)
    return significance.p_beyond(found, margin=margin, limits=limits)
