"""How far a disparity grew between two releases, from the differences of the same scenarios."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from harness.stats._arrays import Array, Limits, finite
from harness.stats.intervals import (
    Interval,
    equivalence,
    least_clusters,
    standard_error,
    supports_t,
)
from harness.stats.significance import fail_interval, p_beyond


def p_growth(candidate: ArrayLike, baseline: ArrayLike, *, limits: Limits = (-1.0, 1.0)) -> float:
    """Tests that |theta| did not grow: a small p says that the candidate's is the larger one.

    The p value of H0 |theta_c| <= |theta_b|: with s the sign of the candidate's estimate, the larger
    p of the tests of mean s(D_c - D_b) = 0 and mean s(D_c + D_b) = 0, each two-sided because s was
    looked at; 1 unless both means are positive. It has no sign.

    Why: |theta_c| > |theta_b| exactly when both means are positive for one of the two signs, so both
    must be shown (intersection-union, no correction). A disparity that turns round but stays as large
    is no growth; the test of mean s(D_c - D_b) alone would always call it one. Each test is
    `significance.p_beyond` at zero. Changes too equal for a t test (the same step in every scenario)
    are tested with the standard error that they could have at most, SE(D_c) + SE(D_b), where both of
    these are known.

    Example:
        >>> before, turned = [0.10, 0.05, 0.15] * 20, [-0.10, -0.15, -0.05] * 20
        >>> grown = [0.20, 0.10, 0.30] * 20
        >>> p_growth(turned, before), p_growth(grown, before) < 1e-9
        (1.0, True)

    Args:
        candidate: shape (scenarios,), differences within `limits`.
        baseline: shape (scenarios,), those of the same scenarios in the same order.
        limits: the range that one difference can take.

    Reference: Berger (1982), Technometrics 24:295 (intersection-union); see `significance.p_beyond`
        for each of the two tests.
    """
    less, more, wide = _moved(candidate, baseline, limits)
    if min(less.mean(), more.mean()) <= 0:
        return 1.0
    error = _most_error(candidate, baseline)
    return max(_p(x, error, wide) for x in (less, more))


def growth(
    candidate: ArrayLike,
    baseline: ArrayLike,
    *,
    margin: float,
    level_alpha: float,
    alpha: float = 0.05,
    limits: Limits = (-1.0, 1.0),
) -> Interval:
    """Bounds the growth |theta_c| - |theta_b| from below, for REGRESSION, and from above, for OK.

    Estimates by how much the disparity is larger in the candidate; zero: as large as before,
    whatever its sign; negative: smaller. `low` is positive exactly when `p_growth` <= level_alpha.

    Why: `low` is the smaller of the lower bounds of mean s(D_c - D_b) and mean s(D_c + D_b), drawn at
    level_alpha / 2 for either sign s. `high` holds at alpha whatever the two signs are: the growth
    is max over s of min over u of mean s D_c - u D_b, and so is the bound, at alpha / 2 for each u.
    Each of them is the bound that PASS is read off, so equal answers give no zero width and rare
    changes are not overlooked: a change that was not seen is taken to be as large as a whole
    difference, or as the largest change seen. Rarer and larger ones (from wholly against a group to
    wholly for it) are beyond what `least_scenarios` clusters show. Changes too equal for t are
    bounded as in `p_growth` too, where that is closer.

    Example:
        >>> before, after = [0.10, 0.05, 0.15] * 50, [0.20, 0.10, 0.30] * 50
        >>> i = growth(after, before, margin=0.025, level_alpha=0.05)
        >>> f"{i.estimate:.3f} [{i.low:.3f}, {i.high:.3f}] {i.method}"
        '0.100 [0.093, 0.107] t, skewness-adjusted'

    Args:
        candidate: shape (scenarios,), differences within `limits`.
        baseline: shape (scenarios,), those of the same scenarios in the same order.
        margin: growth that is tolerated, between 0 and the larger |limit|.
        level_alpha: error rate of REGRESSION, such as one of `multiplicity.holm_level`.
        alpha: error rate of OK.
        limits: the range that one difference can take.

    Reference: see `p_growth`, `significance.fail_interval` and `intervals.equivalence`.
    """
    less, more, wide = _moved(candidate, baseline, limits)
    error = _most_error(candidate, baseline)
    low = min(_lower(x, error, level_alpha, wide) for x in (less, more))
    minus, plus = (
        _bounded(x, error, margin, alpha / 2, max(-limits[0], limits[1])) for x in (less, more)
    )
    upward, downward = min(minus.high, plus.high), min(-minus.low, -plus.low)
    decisive = minus if minus.high <= plus.high else plus
    estimate = float(min(less.mean(), more.mean()))
    return Interval(estimate, low, max(upward, downward), decisive.method)


def least_scenarios(margin: float, *, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)) -> int:
    """Counts the scenarios below which OK is out of reach, by the rule of `growth`.

    Example:
        >>> least_scenarios(0.025)
        146

    Args:
        margin: growth that is tolerated.
        alpha: error rate of OK.
        limits: the range that one difference can take.

    Reference: see `intervals.least_clusters`.
    """
    return least_clusters(margin, alpha=alpha / 2, reach=max(-limits[0], limits[1]))


def _moved(
    candidate: ArrayLike, baseline: ArrayLike, limits: Limits
) -> tuple[Array, Array, Limits]:
    """Returns s(D_c - D_b), s(D_c + D_b), and the range of both."""
    c, b = finite(candidate, limits=limits), finite(baseline, limits=limits)
    if c.shape != b.shape:
        raise ValueError(f"{c.size} and {b.size} differences are not paired")
    s = -1.0 if c.mean() < 0 else 1.0
    reach = 2 * max(-limits[0], limits[1])
    return s * (c - b), s * (c + b), (-reach, reach)


def _most_error(candidate: ArrayLike, baseline: ArrayLike) -> float | None:
    """The largest standard error that sum or difference can have; None where it is not known."""
    c, b = finite(candidate), finite(baseline)
    return standard_error(c) + standard_error(b) if supports_t(c) and supports_t(b) else None


def _p(x: Array, error: float | None, wide: Limits) -> float:
    if error is None or supports_t(x):
        return p_beyond(x, margin=0.0, limits=wide)
    return 2 * float(stdtr(x.size - 1, -x.mean() / error))


def _lower(x: Array, error: float | None, level_alpha: float, wide: Limits) -> float:
    if error is None or supports_t(x):
        return fail_interval(x, level_alpha=level_alpha, limits=wide).low
    return float(x.mean()) - float(stdtrit(x.size - 1, 1 - level_alpha / 2)) * error


def _bounded(x: Array, error: float | None, margin: float, alpha: float, span: float) -> Interval:
    reach = max(span, float(np.abs(x).max()))
    found = equivalence(x, margin=margin, alpha=alpha, limits=(-reach, reach))
    few = x.size < least_clusters(margin, alpha=alpha, reach=reach)
    if error is None or few or supports_t(x):
        return found
    mean, half = float(x.mean()), float(stdtrit(x.size - 1, 1 - alpha)) * error
    low, high = max(found.low, mean - half), min(found.high, mean + half)
    return Interval(mean, low, high, found.method if high == found.high else "t, largest error")
