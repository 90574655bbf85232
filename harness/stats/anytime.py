"""PASS and FAIL that hold at any look: the same three questions as elsewhere, answered by betting.

An interval here is what `betting.evidence` has excluded so far at any time; each side errs in at
most its alpha, however often one looks.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from harness.stats._arrays import ROUNDING, Array, Limits, boundary, finite, within
from harness.stats.betting import evidence, log_capital
from harness.stats.intervals import Interval

METHOD = "betting, any look"


def equivalence(
    differences: ArrayLike, *, margin: float, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes the interval that PASS is read off: inside the margin exactly when both bets won.

    Estimates theta; zero: no difference on average. Each end was excluded at some time so far by a
    bet of size 1 / alpha; the bets move with the end, so it is sought on the margin's side of the
    one that decides.

    Example:
        >>> i = equivalence([0.0] * 85, margin=0.05)
        >>> i.high < 0.05, equivalence([0.0] * 80, margin=0.05).high < 0.05
        (True, False)

    Args:
        differences: shape (clusters,), within `limits`, in an order that was drawn.
        margin: tolerated |theta|.
        alpha: error rate of each side.
        limits: the range that a difference can take.

    Reference: see `betting.evidence`.
    """
    d = finite(differences, limits=limits)
    within("alpha", alpha, 0, 0.5)
    low, high = limits
    above = _end(d, margin, -math.log(alpha), low, high)
    below = _end(-d, margin, -math.log(alpha), -high, -low)
    mean = float(d.mean())
    return Interval(mean, min(-below, mean), max(above, mean), METHOD)


def inside(
    differences: ArrayLike, *, margin: float, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> bool:
    """Says whether the interval of `equivalence` lies inside the margin, without seeking its ends.

    Example:
        >>> inside([0.0] * 85, margin=0.05), inside([0.0] * 84, margin=0.05)
        (True, False)

    Args:
        differences: shape (clusters,), within `limits`, in an order that was drawn.
        margin: tolerated |theta|.
        alpha: error rate of each side.
        limits: the range that a difference can take.
    """
    d = finite(differences, limits=limits)
    bets = evidence(d, margin=margin, limits=limits)
    won = min(float(bets.below.max()), float(bets.above.max())) >= -math.log(alpha)
    return won and abs(float(d.mean())) < margin


def p_beyond(differences: ArrayLike, *, margin: float, limits: Limits = (-1.0, 1.0)) -> float:
    """Computes the p value of |theta| <= margin over all looks so far: one over the best e-value.

    Example:
        >>> p_beyond([0.4, 0.3] * 40, margin=0.05) < 1e-4
        True

    Args:
        differences: shape (clusters,), within `limits`, in an order that was drawn.
        margin: tolerated |theta|.
        limits: the range that a difference can take.

    Reference: Vovk and Wang (2021), Ann. Statist. 49:1736 (p = 1 / e); see `betting.evidence`.
    """
    best = float(evidence(differences, margin=margin, limits=limits).beyond.max())
    return min(1.0, math.exp(-best))


def fail_interval(
    differences: ArrayLike, *, level_alpha: float, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes the interval outside which `p_beyond` is at most the level, at any look.

    Estimates theta. Each side is a bet with half of the capital, as in `p_beyond`.

    Args:
        differences: shape (clusters,), within `limits`, in an order that was drawn.
        level_alpha: error rate of both sides.
        limits: the range that a difference can take.
    """
    d = finite(differences, limits=limits)
    within("level_alpha", level_alpha, 0, 1)

    def beyond(margin: float) -> bool:
        return p_beyond(d, margin=margin, limits=limits) <= level_alpha

    low, high = limits
    mean = float(d.mean())
    reach = high if mean > 0 else -low
    step = ROUNDING * (high - low)
    nearest = boundary(beyond, step, reach - step, step) if beyond(step) else 0.0
    wide = equivalence(d, margin=reach / 2, alpha=level_alpha / 2, limits=limits)
    if mean > 0:
        return Interval(mean, nearest or wide.low, wide.high, METHOD)
    return Interval(mean, wide.low, -nearest or wide.high, METHOD)


def _end(d: Array, margin: float, threshold: float, low: float, high: float) -> float:
    """Returns the least value above which no mean is left, on the margin's side of the margin."""
    down, span = (high - d) / (high - low), high - low

    def excluded(value: float) -> bool:
        return float(log_capital(down, (high - value) / span).max()) >= threshold

    step = ROUNDING * span
    if excluded(margin):
        return boundary(excluded, margin, low, step)
    return boundary(excluded, high, margin, step) if excluded(high - step) else high
