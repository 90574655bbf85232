"""How large a difference a run can show, and how many scenarios settle a contrast."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, bdtrik, chdtri, ndtr, ndtri, stdtrit

from harness.stats._arrays import within
from harness.stats.intervals import SMALL, SPREAD_SUPPORT, SUPPORT, least_clusters

MOST = 1_000_000
"""More scenarios than this are not a plan."""
_QUANTILES = (np.arange(400) + 0.5) / 400


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


def needed(
    sd: float,
    margin: float,
    estimate: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    contrasts: int = 1,
    reach: float = 1.0,
    names: int = 0,
    floor: float = 0.0,
) -> int | None:
    """Counts the scenarios that would settle a contrast, were theta the estimate.

    For a PASS when |estimate| < margin, for a FAIL when it is larger; None when the estimate is so
    near the margin that more than a million are needed. The sign of the estimate does not matter.

    Why: power of the t tests, exact for normal differences (averaged over the sampling distribution
    of the sd), so that small K are not flattered. Where few clusters differ at all, ask
    `needed_sparse`. With several contrasts a PASS needs all of them:
    each gets power 1 - (1 - power) / contrasts; a FAIL is drawn at alpha / contrasts. Where sd is 0
    the bounds for equal answers decide (`intervals.equivalence`, `significance.p_beyond`).
    Names that were drawn once leave a variance that no scenario takes away; where it exceeds what
    scenarios leave, t has the degrees of freedom of the names, and None can mean: more names.

    Example:
        >>> needed(0.12, 0.05, 0.0, contrasts=48), needed(0.12, 0.05, 0.10)
        (119, 48)

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        estimate: theta taken as true, in [-reach, reach].
        alpha: error rate of each side of PASS, of both sides of FAIL.
        power: probability of settling (all contrasts).
        contrasts: how many are gated together.
        reach: largest |difference| that a cluster can show.
        names: of the group that has the fewest, where names are a second random factor.
        floor: squared standard error that stays with any number of scenarios, see
            `crossed.Crossed.floor`.

    Reference: Phillips (1990), J. Pharmacokinet. Biopharm. 18:137 (power of TOST); Owen (1965),
        Biometrika 52:437 (the integral over the sd).
    """
    _check(sd, margin, alpha, power)
    size = abs(estimate)
    if contrasts < 1 or not size <= reach:
        raise ValueError(f"got {contrasts} contrasts and an estimate of {estimate}")
    if size > margin:
        level = alpha / contrasts / 2
        if sd == 0:
            return _equal_fail(level, margin, size, reach)
        start = _supported(sd, size)
        return _least(
            lambda k: _fail_power(*_error(k, sd, names, floor), size - margin, level) >= power,
            start,
        )
    joint = 1 - (1 - power) / contrasts
    if sd == 0:
        share = float(size > SMALL * margin)
        return needed_sparse(share, margin, alpha=alpha, power=joint, reach=reach)
    start = max(least_clusters(margin, alpha=alpha, reach=reach), _supported(sd, size))
    near, far = margin - size, margin + size
    return _least(
        lambda k: _pass_power(*_error(k, sd, names, floor), near, far, alpha) >= joint, start
    )


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
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    start = least_clusters(margin, alpha=alpha, reach=reach)
    tolerated = (1 - SMALL) * margin / reach
    return _least(lambda k: _sparse_power(k, share, tolerated, alpha) >= power, start)


def _error(k: int, sd: float, names: int, floor: float) -> tuple[float, int]:
    """The standard error with k scenarios, and its degrees of freedom."""
    own, rest = sd / math.sqrt(k), math.sqrt(floor)
    return math.hypot(own, rest), (min(names, k) if rest > own else k) - 1


def _pass_power(error: float, freedom: int, near: float, far: float, alpha: float) -> float:
    """P(both one-sided tests reject), theta being `near` and `far` from the two margins."""
    reach = _critical(freedom, alpha)
    both = ndtr(near / error - reach) - ndtr(reach - far / error)
    return float(np.maximum(both, 0.0).mean())


def _sparse_power(k: int, share: float, tolerated: float, alpha: float) -> float:
    """P(the exact bound on the share lies below what is tolerated)."""
    if bdtr(0, k, tolerated) >= alpha:
        return 0.0
    most = math.floor(bdtrik(alpha, k, tolerated))  # the largest count that passes
    return float(bdtr(most, k, share))


def _fail_power(error: float, freedom: int, beyond: float, level: float) -> float:
    return float(ndtr(beyond / error - _critical(freedom, level)).mean())


def _critical(freedom: int, alpha: float) -> np.typing.NDArray[np.float64]:
    """The critical t times s / sigma, at equally likely values of s: shape (400,)."""
    ratio = np.sqrt(chdtri(freedom, 1 - _QUANTILES) / freedom)
    return np.asarray(stdtrit(freedom, 1 - alpha) * ratio, dtype=np.float64)


def _supported(sd: float, size: float) -> int:
    """K at which normal differences have the effective clusters that a t interval needs."""
    noise = (sd / math.hypot(sd, size)) ** 2  # share of E[D^2] that is spread
    kurtosis = 1 + 4 * noise - 2 * noise**2
    return math.ceil(max(SUPPORT * kurtosis, 3 * SPREAD_SUPPORT))


def _equal_fail(level: float, margin: float, size: float, reach: float) -> int:
    """K at which equal differences of this size exceed the margin by Hoeffding's bound."""
    x, m = (size / reach + 1) / 2, (margin / reach + 1) / 2
    rest = (1 - x) * math.log((1 - x) / (1 - m)) if x < 1 else 0.0
    return math.ceil(-math.log(level) / (x * math.log(x / m) + rest))


def _least(enough: Callable[[int], bool], start: int) -> int | None:
    """The smallest K from `start` on that is enough (power rises with K)."""
    if start > MOST or not enough(MOST):
        return None
    low, high = start, MOST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _check(sd: float, margin: float, alpha: float, power: float) -> None:
    within("alpha", alpha, 0, 0.5)
    within("power", power, 0, 1)
    if not (0 <= sd < math.inf and 0 < margin < math.inf):
        raise ValueError(f"sd must be 0 or more and margin positive, got {sd} and {margin}")
