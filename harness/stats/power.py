"""How large a difference a run can show, with which power, and how many scenarios settle it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, bdtrik, chdtri, ndtr, ndtri, stdtrit

from harness.stats._arrays import Array, finite, least, within
from harness.stats.intervals import (
    SMALL,
    SPREAD_SUPPORT,
    SUPPORT,
    effective_clusters,
    least_clusters,
    standard_error,
    supports_t,
)

MOST = 1_000_000
"""More scenarios than this are not a plan."""
_SPREADS = ((np.arange(100) + 0.5) / 100)[:, None]
"""Equally likely values of the sd that is seen: shape (100, 1)."""
_WITHIN = (np.arange(12) + 0.5) / 12
"""Equally likely values of what varies beside it: shape (12,)."""


def detectable(
    sd: float, clusters: int, margin: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Computes the smallest |theta| that FAILs with the given power.

    margin + (t + z) sd / sqrt(K): never below the margin; it has no sign.

    Why: the usual t-based approximation, on the scale of the outcome, free of the estimate itself.

    Example:
        >>> round(detectable(0.12, 60, 0.05), 4)
        0.094

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        clusters: K, at least 2.
        margin: tolerated |theta|.
        alpha: two-sided error rate of FAIL.
        power: probability of FAIL.

    Reference: Bloom (1995), Evaluation Review 19:547 (minimum detectable effects).
    """
    _check(sd, margin, alpha, power)
    if clusters < 2:
        raise ValueError(f"expected at least 2 clusters, got {clusters}")
    quantiles = float(stdtrit(clusters - 1, 1 - alpha / 2)) + float(ndtri(power))
    return margin + quantiles * sd / math.sqrt(clusters)


def pass_power(
    sd: float,
    clusters: int,
    margin: float,
    estimate: float = 0.0,
    *,
    alpha: float = 0.05,
    reach: float = 1.0,
) -> float:
    """Computes the probability of a PASS by `intervals.equivalence`, were theta the estimate.

    0 where it is out of reach, near 1 where it is all but certain. The sign of the estimate does
    not matter.

    Why: exact for the two one-sided t tests on normal differences (averaged over the sampling
    distribution of the sd), and within a point or two for the rest of the rule: its skewness term,
    and whether the differences support a t interval at all (`_support`). Where few clusters differ,
    ask `sparse_power`.

    Example:
        >>> [round(pass_power(0.12, k, 0.05), 2) for k in (30, 60, 120)]
        [0.0, 0.87, 1.0]

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        clusters: K, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        estimate: theta taken as true, in [-reach, reach].
        alpha: error rate of each side.
        reach: largest |difference| that a cluster can show.

    Reference: Phillips (1990), J. Pharmacokinet. Biopharm. 18:137 (power of TOST); Owen (1965),
        Biometrika 52:437 (the integral over the sd).
    """
    _check(sd, margin, alpha, 0.5)
    size = _size(estimate, reach)
    if clusters < least_clusters(margin, alpha=alpha, reach=reach):
        return 0.0
    if sd == 0:
        share = float(size > SMALL * margin)
        return sparse_power(share, clusters, margin, alpha=alpha, reach=reach)
    return _pass_power(clusters, sd, margin, size, alpha)


def fail_power(
    sd: float,
    clusters: int,
    margin: float,
    estimate: float,
    *,
    level: float = 0.05,
    reach: float = 1.0,
) -> float:
    """Computes the probability of a FAIL by `significance.p_beyond`, were theta the estimate.

    At most level / 2 for an estimate at the margin; the sign of the estimate does not matter.

    Why: as `pass_power`. With fewer than some 40 clusters the differences often do not support a
    t interval, and plain noncentral-t power promises too much (60 % instead of 53 % at K = 30).

    Example:
        >>> [round(fail_power(0.12, k, 0.05, 0.10), 2) for k in (30, 60, 120)]
        [0.52, 0.88, 0.99]

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        clusters: K, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        estimate: theta taken as true, in [-reach, reach].
        level: two-sided error rate, adjusted for multiplicity.
        reach: largest |difference| that a cluster can show.

    Reference: see `pass_power`.
    """
    _check(sd, margin, level / 2, 0.5)
    size = _size(estimate, reach)
    if sd > 0:
        return _fail_power(clusters, sd, margin, size, level / 2)
    enough = _equal_fail(level / 2, margin, size, reach) if size > margin else None
    return float(enough is not None and clusters >= enough)


def sparse_power(
    share: float, clusters: int, margin: float, *, alpha: float = 0.05, reach: float = 1.0
) -> float:
    """Computes the probability of a PASS by the sparse bound, were few differences more than small.

    Why: exact; the count of larger differences is binomial, and the rule is a limit on it.

    Example:
        >>> sparse_power(0.0, 66, 0.05), sparse_power(0.0, 65, 0.05)
        (1.0, 0.0)

    Args:
        share: of clusters with |D| above a tenth of the margin, in [0, 1].
        clusters: K, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        alpha: error rate of the PASS.
        reach: largest |difference| that a cluster can show.

    Reference: Clopper and Pearson (1934), see `binomial.exact_upper`.
    """
    _check(0, margin, alpha, 0.5)
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    tolerated = (1 - SMALL) * margin / reach
    if clusters < 1 or bdtr(0, clusters, tolerated) >= alpha:
        return 0.0
    most = math.floor(bdtrik(alpha, clusters, tolerated))  # the largest count that passes
    return float(bdtr(most, clusters, share))


def needed(
    sd: float,
    margin: float,
    estimate: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    contrasts: int = 1,
    reach: float = 1.0,
) -> int | None:
    """Counts the scenarios that would settle a contrast, were theta the estimate.

    For a PASS when |estimate| < margin, for a FAIL when it is larger; None when the estimate is so
    near the margin that more than a million are needed. The sign of the estimate does not matter.

    Why: the least K at which `pass_power` or `fail_power` is reached. Where few clusters differ at
    all, ask `needed_sparse`. With several contrasts a PASS needs all of them: each gets power
    1 - (1 - power) / contrasts; a FAIL is drawn at alpha / contrasts. Where sd is 0 the bounds for
    equal answers decide (`intervals.equivalence`, `significance.p_beyond`).

    Example:
        >>> needed(0.12, 0.05, 0.0, contrasts=48), needed(0.12, 0.05, 0.10)
        (119, 49)

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        estimate: theta taken as true, in [-reach, reach].
        alpha: error rate of each side of PASS, of both sides of FAIL.
        power: probability of settling (all contrasts).
        contrasts: how many are gated together.
        reach: largest |difference| that a cluster can show.

    Reference: see `pass_power`.
    """
    _check(sd, margin, alpha, power)
    size = _size(estimate, reach)
    if contrasts < 1:
        raise ValueError(f"contrasts must be 1 or more, got {contrasts}")
    if size > margin:
        level = alpha / contrasts / 2
        if sd == 0:
            return _equal_fail(level, margin, size, reach)
        return least(lambda k: _fail_power(k, sd, margin, size, level) >= power, SUPPORT, MOST)
    joint = 1 - (1 - power) / contrasts
    if sd == 0:
        share = float(size > SMALL * margin)
        return needed_sparse(share, margin, alpha=alpha, power=joint, reach=reach)
    start = least_clusters(margin, alpha=alpha, reach=reach)
    return least(lambda k: _pass_power(k, sd, margin, size, alpha) >= joint, start, MOST)


def needed_sparse(
    share: float, margin: float, *, alpha: float = 0.05, power: float = 0.8, reach: float = 1.0
) -> int | None:
    """Counts the scenarios for a PASS by the sparse bound, were few differences more than small.

    For contrasts that `intervals.supports_t` denies: there `needed` sees a spread that few clusters
    carry, and promises too much. None when the share is so large that none of a million passes.

    Why: exact power of the rule in `intervals.equivalence`: the count of larger differences is
    binomial. It moves in teeth with K; the answer has the power, a slightly smaller K may too.

    Example:
        >>> needed_sparse(0.0, 0.05), needed_sparse(0.01, 0.05)
        (66, 138)

    Args:
        share: of clusters with |D| above a tenth of the margin, in [0, 1].
        margin: tolerated |theta|, in (0, reach).
        alpha: error rate of the PASS.
        power: probability of it.
        reach: largest |difference| that a cluster can show.

    Reference: Clopper and Pearson (1934), see `binomial.exact_upper`.
    """
    _check(0, margin, alpha, power)
    start = least_clusters(margin, alpha=alpha, reach=reach)

    def enough(k: int) -> bool:
        return sparse_power(share, k, margin, alpha=alpha, reach=reach) >= power

    return least(enough, start, MOST)


def to_settle(
    differences: ArrayLike,
    margin: float,
    *,
    assumed: float,
    alpha: float = 0.05,
    power: float = 0.8,
    reach: float = 1.0,
) -> int | None:
    """Counts the scenarios that would settle a contrast, were the rest like the differences seen.

    None when more than a million are needed.

    Why: where the differences support a t interval, `needed` at their spread and mean. Else the
    rule is the sparse bound, until ten effective clusters carry the differences: of 60 scenarios
    with one flip `needed` says 96, with which 18 % PASS. Equal differences show no spread: the
    assumed one may be there, or they stay equal, and the count is enough for either.

    Example:
        >>> one = [1.0] + [0.0] * 59
        >>> to_settle(one, 0.05, assumed=0.12), to_settle([0.0] * 30, 0.05, assumed=0.12)
        (261, 66)

    Args:
        differences: shape (clusters,), at least one.
        margin: tolerated |theta|, in (0, reach).
        assumed: between-scenario standard deviation where none is seen.
        alpha: error rate of each side of PASS, of both sides of FAIL.
        power: probability of settling.
        reach: largest |difference| that a cluster can show.

    Reference: see `needed` and `needed_sparse`.
    """
    d = finite(differences)
    mean, sd = float(d.mean()), standard_error(d) * math.sqrt(d.size)

    def by_t(sd: float) -> int | None:
        return needed(sd, margin, mean, alpha=alpha, power=power, reach=reach)

    if d.size == 1 or supports_t(d):
        return by_t(sd or assumed)
    if sd == 0:
        either = by_t(assumed), by_t(0.0)
        return None if None in either else max(k for k in either if k is not None)
    share, carry = float((np.abs(d) > SMALL * margin).mean()), effective_clusters(d) / d.size
    if abs(mean) < margin:
        sparse = needed_sparse(share, margin, alpha=alpha, power=power, reach=reach)
        if sparse is not None and sparse * carry < SUPPORT:
            return sparse
    found = by_t(sd)
    return None if found is None else max(found, math.ceil(SUPPORT / carry))


def _pass_power(k: int, sd: float, margin: float, size: float, alpha: float) -> float:
    """P(both one-sided tests reject and the differences support them)."""
    if k < SUPPORT:
        return 0.0
    root, seen, reach = math.sqrt(k) / sd, *_critical(k, alpha)
    shift = _shift(k, seen, reach)
    below = ndtr((margin - size) * root - reach - np.maximum(shift, 0))
    above = ndtr(reach - np.minimum(shift, 0) - (margin + size) * root)
    both = np.maximum(below - above, 0.0)
    return float((both * _support(k, size / (sd * seen))).mean())


def _fail_power(k: int, sd: float, margin: float, size: float, level: float) -> float:
    """P(the one-sided test beyond the margin rejects and the differences support it)."""
    if k < SUPPORT:
        return 0.0
    root, seen, reach = math.sqrt(k) / sd, *_critical(k, level)
    rejects = ndtr((size - margin) * root - reach + np.minimum(_shift(k, seen, reach), 0))
    rejects = rejects.mean(axis=1, keepdims=True)
    deviations = -ndtri(rejects * _WITHIN)  # equally likely among those that reject
    means = size + deviations / root
    return float((rejects * _support(k, means / (sd * seen))).mean())


def _shift(k: int, seen: Array, reach: Array) -> Array:
    """Equally likely shifts by the skewness of k normal differences, as parts of sigma / sqrt(k)."""
    skewness = math.sqrt(6 * (k - 2) / ((k + 1) * (k + 3))) * ndtri(_WITHIN)
    t = reach / seen
    return np.asarray(skewness * seen * (1 + 2 * t * t) / 6 / math.sqrt(k))


def _critical(k: int, alpha: float) -> tuple[Array, Array]:
    """Equally likely values of s / sigma, and of the critical t times it: shape (100, 1)."""
    seen = np.sqrt(chdtri(k - 1, 1 - _SPREADS) / (k - 1))
    return seen, stdtrit(k - 1, 1 - alpha) * seen


def _support(k: int, ratio: Array) -> Array:
    """P(`intervals.supports_t`) of normal differences whose mean over sd is seen as `ratio`.

    n_eff >= 10 says b2 + 4 ratio g1 <= K (1 + ratio^2)^2 / 10 - 6 ratio^2 - ratio^4, where the
    sample's skewness g1 and kurtosis b2 do not depend on its mean and sd. Their sum is taken as
    lognormal with its exact mean and variance: within 3 points from K = 25 on.
    """
    square = np.minimum(ratio, 1e6) ** 2
    mean = 3 * (k - 1) / (k + 1)
    of_kurtosis = 24 * k * (k - 2) * (k - 3) / ((k + 1) ** 2 * (k + 3) * (k + 5))
    of_skewness = 6 * (k - 2) / ((k + 1) * (k + 3))

    def at_most(limit: Array, square: Array) -> Array:
        variance = np.log1p((of_kurtosis + 16 * square * of_skewness) / mean**2)
        with np.errstate(divide="ignore"):
            over = np.log(np.maximum(limit, 0.0) / mean)
        return np.asarray(ndtr((over + variance / 2) / np.sqrt(variance)))

    carried = at_most(k * (1 + square) ** 2 / SUPPORT - 6 * square - square**2, square)
    spread = at_most(np.array(k / SPREAD_SUPPORT), np.array(0.0))
    return np.minimum(carried, spread)


def _equal_fail(level: float, margin: float, size: float, reach: float) -> int | None:
    """K at which equal differences of this size exceed the margin by Hoeffding's bound."""
    x, m = (size / reach + 1) / 2, (margin / reach + 1) / 2
    rest = (1 - x) * math.log((1 - x) / (1 - m)) if x < 1 else 0.0
    each, whole = x * math.log(x / m) + rest, -math.log(level)
    return math.ceil(whole / each) if each * MOST >= whole else None


def _size(estimate: float, reach: float) -> float:
    if not abs(estimate) <= reach:
        raise ValueError(f"the estimate must lie within +-{reach}, got {estimate}")
    return abs(estimate)


def _check(sd: float, margin: float, alpha: float, power: float) -> None:
    within("alpha", alpha, 0, 0.5)
    within("power", power, 0, 1)
    if not (0 <= sd < math.inf and 0 < margin < math.inf):
        raise ValueError(f"sd must be 0 or more and margin positive, got {sd} and {margin}")
