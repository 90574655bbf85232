"""Intervals for a mean difference over scenario clusters, and the one that PASS is read off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from harness.stats._arrays import Array, Limits, centred, finite, within
from harness.stats.binomial import exact_upper

SUPPORT = 10
"""Effective clusters that must carry the differences before a t interval is believed."""
SPREAD_SUPPORT = 5
"""Effective clusters that must carry their deviations: a spread known from one outlier is not."""
SMALL = 0.1
"""Differences up to this share of the margin count as small in the sparse bound."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval, in the unit of the differences."""

    estimate: float
    low: float
    high: float
    method: str
    """`t`, `t, skewness-adjusted`, `sparse bound`, `Hoeffding bound`, `limits` or `undefined`."""


def effective_clusters(differences: ArrayLike) -> float:
    """Counts the clusters that carry the differences: (sum D^2)^2 / sum D^4.

    Estimates how many equally large differences would weigh the same; between 1 and K, and 0 when
    every difference is zero. It has no sign. About K / 3 for normal differences around zero.

    Why: with greedy answers few clusters differ at all, and the t interval then trusts a spread
    that it has hardly seen.

    Example:
        >>> effective_clusters([0, 0, 1, -1])
        2.0

    Args:
        differences: shape (clusters,), any unit.

    Reference: the participation ratio of D^2; Kish (1965), Survey Sampling, has the same form for
        weights.
    """
    d = finite(differences)
    largest = float(np.abs(d).max())
    if largest == 0:
        return 0.0
    squares = (d / largest) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum())


def supports_t(differences: ArrayLike) -> bool:
    """Says whether enough clusters carry the differences and their spread for a t interval.

    True needs 10 effective clusters for D and 5 for D minus its mean (equal values have none).

    Why: see `effective_clusters`; the second condition keeps near-equal values from a width of
    nearly zero.

    Example:
        >>> supports_t([0.1] * 60), supports_t([0.1, -0.1] * 30)
        (False, True)

    Args:
        differences: shape (clusters,), any unit.
    """
    d = finite(differences)
    return effective_clusters(d) >= SUPPORT and effective_clusters(centred(d)) >= SPREAD_SUPPORT


def least_clusters(margin: float, *, alpha: float = 0.05, reach: float = 1.0) -> int:
    """Counts the clusters below which PASS is out of reach: log alpha / log(1 - margin / reach).

    Were a share margin / reach of clusters to flip by `reach`, theta would be at the margin; with
    fewer clusters than this, none of the flips is seen with probability above alpha.

    Example:
        >>> least_clusters(0.05), least_clusters(0.10)
        (59, 29)

    Args:
        margin: tolerated difference, in (0, reach).
        alpha: error rate of a PASS.
        reach: largest |difference| that a cluster can show.

    Reference: exact binomial bound at 0 of K (see `binomial.exact_upper`).
    """
    within("margin", margin, 0, reach)
    within("alpha", alpha, 0, 1)
    return math.ceil(math.log(alpha) / math.log1p(-margin / reach))


def cluster_t(differences: ArrayLike, alpha: float = 0.05) -> Interval:
    """Computes the two-sided 1 - alpha t interval for the mean difference over clusters.

    Estimates theta, the expected difference of a scenario. Zero: no difference on average; the sign
    is that of the differences (group minus reference).

    Why: scenarios are the independent units, so the spread between them carries every variation
    below them. One cluster, or equal ones, show no spread: the interval is infinite, not a point.

    Example:
        >>> i = cluster_t([0.1, 0.2, 0.3])
        >>> f"{i.estimate:.2f} [{i.low:.3f}, {i.high:.3f}]"
        '0.20 [-0.048, 0.448]'

    Args:
        differences: shape (clusters,), any unit.
        alpha: error rate of both sides together.

    Reference: Student (1908), Biometrika 6:1, with K - 1 degrees of freedom.
    """
    d = finite(differences)
    within("alpha", alpha, 0, 1)
    mean = float(d.mean())
    error = standard_error(d)
    if error == 0:
        return Interval(mean, -math.inf, math.inf, "undefined")
    half = float(stdtrit(d.size - 1, 1 - alpha / 2)) * error
    return Interval(mean, mean - half, mean + half, "t")


def standard_error(differences: ArrayLike) -> float:
    """Computes sd(D) / sqrt(K), the standard error of the mean; 0 where no spread was seen.

    Example:
        >>> standard_error([0.0, 0.0, 3.0])
        1.0

    Args:
        differences: shape (clusters,), any unit.
    """
    d = finite(differences)
    squares = float((centred(d) ** 2).sum())
    return math.sqrt(squares / max(d.size - 1, 1) / d.size)


def equivalence(
    differences: ArrayLike, *, margin: float, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes the 1 - 2 alpha interval from which PASS is read: it must lie inside the margin.

    Estimates theta as `cluster_t` does; zero and the sign mean the same.

    Why: at theta = margin a PASS comes out in at most about alpha of the runs, also where few
    clusters flip and the rest agree. Three cases:

    - `supports_t` and K >= `least_clusters(margin)` (59 at 0.05, by the same formula elsewhere):
      t, each end pushed outward, never inward, by Johnson's skewness term. Plain t passes 7.6 to
      8.2 % at theta = margin where a share `margin` of clusters flips and K * margin is 24.
    - otherwise |theta| <= tau + P(|D| > tau) * reach, tau = margin / 10, the share bounded by
      Clopper-Pearson at alpha. All zero is its case 0 of K.
    - one cluster: the limits.

    Neither sees rare large differences *beside* a shift of the rest that is itself near the margin.

    Example:
        >>> i = equivalence([0.0] * 100, margin=0.05)
        >>> f"[{i.low:.4f}, {i.high:.4f}] {i.method}"
        '[-0.0345, 0.0345] sparse bound'

    Args:
        differences: shape (clusters,), within `limits`.
        margin: tolerated |theta|, between 0 and the larger |limit|.
        alpha: error rate of each side.
        limits: the range that a difference can take.

    Reference: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657 (two one-sided tests);
        Johnson (1978), JASA 73:536 (t with skewness); Clopper and Pearson (1934).
    """
    d = finite(differences, limits=limits)
    within("alpha", alpha, 0, 0.5)
    reach = max(-limits[0], limits[1])
    enough = d.size >= least_clusters(margin, alpha=alpha, reach=reach)
    if d.size == 1:
        return Interval(float(d[0]), *limits, "limits")
    if enough and supports_t(d):
        return clip(skewed_t(d, alpha), limits)
    return clip(_sparse(d, SMALL * margin, alpha, reach), limits)


def skewed_t(d: Array, alpha: float) -> Interval:
    """Solves Johnson's t1 = -t for theta, taking (mean - theta)^2 as t^2 SE^2; only ever widens."""
    plain = cluster_t(d, 2 * alpha)
    t = float(stdtrit(d.size - 1, 1 - alpha))
    shift = _shift(d) * (1 + 2 * t * t)
    return Interval(
        plain.estimate,
        plain.low + min(shift, 0.0),
        plain.high + max(shift, 0.0),
        "t, skewness-adjusted",
    )


def t_beyond(d: Array, margin: float) -> float:
    """The t at which the end of `skewed_t` nearer to zero meets the margin; below 0: none does.

    That end is |mean| - t SE - c (1 + 2 t^2) with c >= 0 the shift of a skewness towards zero.
    """
    away = d if d.mean() > 0 else -d
    error, c = standard_error(d), max(0.0, -_shift(away))
    rest = float(away.mean()) - margin - c
    return 2 * rest / (error + math.sqrt(max(0.0, error * error + 8 * c * rest)))


def _shift(d: Array) -> float:
    """Johnson's term: the third moment over 6 K variances, in the unit of the differences."""
    deviations = centred(d)
    return float((deviations**3).sum() / (deviations**2).sum()) / (6 * d.size)


def _sparse(d: Array, tau: float, alpha: float, reach: float) -> Interval:
    larger = int((np.abs(d) > tau).sum())
    bound = tau + exact_upper(larger, d.size, alpha) * reach
    return Interval(float(d.mean()), -bound, bound, "sparse bound")


def clip(interval: Interval, limits: Limits) -> Interval:
    """Cuts an interval to the range that a difference can take."""
    low, high = max(interval.low, limits[0]), min(interval.high, limits[1])
    return Interval(interval.estimate, low, high, interval.method)
