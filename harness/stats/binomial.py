"""Intervals for a rate from k of n independent clusters."""

from __future__ import annotations

import math

from scipy.special import betaincinv, ndtri

from harness.stats._arrays import within


def exact_lower(k: int, n: int, alpha: float) -> float:
    """Bounds a rate from below with confidence at least 1 - alpha (Clopper-Pearson, one-sided).

    Estimates the smallest rate under which k or more of n has probability alpha; 0 where k is 0.

    Why: coverage holds for every rate and n, also where few events are seen.

    Example:
        >>> round(exact_lower(10, 10, 0.05), 4)
        0.7411

    Reference: Clopper and Pearson (1934), Biometrika 26:404; beta form in Brown, Cai and
        DasGupta (2001), Statistical Science 16:101.
    """
    _check(k, n, alpha)
    return float(betaincinv(k, n - k + 1, alpha)) if k else 0.0


def exact_upper(k: int, n: int, alpha: float) -> float:
    """Bounds a rate from above with confidence at least 1 - alpha (Clopper-Pearson, one-sided).

    Estimates the largest rate under which k or fewer of n has probability alpha; 1 where k is n.
    With k = 0 it is 1 - alpha**(1/n), near the "rule of three" 3/n: nothing seen is not no rate.

    Why: as `exact_lower`, of which it is the mirror image.

    Example:
        >>> round(exact_upper(0, 59, 0.05), 4)
        0.0495

    Reference: see `exact_lower`.
    """
    _check(k, n, alpha)
    return float(betaincinv(k + 1, n - k, 1 - alpha)) if k < n else 1.0


def clopper_pearson(k: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Computes the exact two-sided 1 - alpha interval for a rate, alpha / 2 on each side.

    Estimates a probability in [0, 1] from k events in n independent clusters; it has no sign.

    Why: it never covers less than 1 - alpha, as a rule that voids a run must not.

    Example:
        >>> low, high = clopper_pearson(1, 10)
        >>> f"{low:.4f} {high:.4f}"
        '0.0025 0.4450'

    Reference: see `exact_lower`.
    """
    return exact_lower(k, n, alpha / 2), exact_upper(k, n, alpha / 2)


def wilson(k: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Computes the two-sided 1 - alpha score interval for a rate.

    Estimates a probability in [0, 1]; it has no sign. It covers 1 - alpha on average, not always:
    show it, do not gate on it.

    Why: near-nominal and short also for small n, and never of zero width.

    Example:
        >>> low, high = wilson(1, 10)
        >>> f"{low:.4f} {high:.4f}"
        '0.0179 0.4042'

    Reference: Wilson (1927), JASA 22:209; Brown, Cai and DasGupta (2001).
    """
    _check(k, n, alpha)
    z = float(ndtri(1 - alpha / 2))
    rate, weight = k / n, z * z / n
    middle = (rate + weight / 2) / (1 + weight)
    half = z * math.sqrt(rate * (1 - rate) / n + weight / (4 * n)) / (1 + weight)
    low = 0.0 if k == 0 else middle - half
    return low, 1.0 if k == n else middle + half


def _check(k: int, n: int, alpha: float) -> None:
    within("alpha", alpha, 0, 1)
    if not (n >= 1 and 0 <= k <= n):
        raise ValueError(f"expected 0 <= k <= n and n >= 1, got k = {k}, n = {n}")
