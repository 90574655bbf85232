"""Power where groups are cued by names: names are a second random factor beside scenarios."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit

from harness.stats._arrays import least, within
from harness.stats.intervals import least_clusters
from harness.stats.power import MOST

LEAST = 2
"""Names of a group from which a spread between them can be seen."""
_SPREADS = (np.arange(400) + 0.5) / 400


def names_pass_power(
    sd: float,
    clusters: int,
    name_sd: float,
    names: int,
    margin: float,
    estimate: float = 0.0,
    *,
    alpha: float = 0.05,
    reach: float = 1.0,
) -> float:
    """Computes the probability that a contrast of two sets of names PASSes.

    0 where it is out of reach, near 1 where it is all but certain. The sign of the estimate does
    not matter.

    Why: every scenario is put with the same names, so the mean over scenarios does not average the
    names out: V = sd^2 / K + 2 name_sd^2 / N, with N - 1 degrees of freedom where the second is the
    larger, else K - 1. The power is that of two one-sided t tests with this error.

    Example:
        >>> [round(names_pass_power(0.12, 480, 0.05, n, 0.05), 2) for n in (10, 20, 40)]
        [0.32, 0.78, 0.98]

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        clusters: K, 0 or more.
        name_sd: standard deviation between the names of a group, 0 or more.
        names: N of each group, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        estimate: theta taken as true.
        alpha: error rate of each side.
        reach: largest |difference| that a cluster can show.

    Reference: Clark (1973), J. Verbal Learn. Verbal Behav. 12:335 (items as a random factor); Judd,
        Westfall and Kenny (2012), J. Pers. Soc. Psychol. 103:54; Phillips (1990) for TOST.
    """
    _check(sd, name_sd, margin, alpha)
    if names < LEAST or clusters < least_clusters(margin, alpha=alpha, reach=reach):
        return 0.0
    error, degrees = _error(sd, clusters, name_sd, names)
    return _tost(error, degrees, margin, abs(estimate), alpha)


def names_fail_power(
    sd: float,
    clusters: int,
    name_sd: float,
    names: int,
    margin: float,
    estimate: float,
    *,
    level: float = 0.05,
) -> float:
    """Computes the probability that a contrast of two sets of names FAILs.

    Why: as `names_pass_power`, for the one-sided t test beyond the margin.

    Example:
        >>> [round(names_fail_power(0.12, 480, 0.05, n, 0.05, 0.1), 2) for n in (10, 20, 40)]
        [0.49, 0.81, 0.97]

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        clusters: K, 0 or more.
        name_sd: standard deviation between the names of a group, 0 or more.
        names: N of each group, 0 or more.
        margin: tolerated |theta|.
        estimate: theta taken as true; its sign does not matter.
        level: two-sided error rate, adjusted for multiplicity.

    Reference: see `names_pass_power`.
    """
    _check(sd, name_sd, margin, level / 2)
    if names < LEAST or clusters < LEAST:
        return 0.0
    error, degrees = _error(sd, clusters, name_sd, names)
    beyond = abs(estimate) - margin
    if error == 0:
        return float(beyond > 0)
    return float(ndtr(beyond / error - _critical(degrees, level / 2)).mean())


def needed_names(
    name_sd: float,
    margin: float,
    estimate: float = 0.0,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    contrasts: int = 1,
) -> int | None:
    """Counts the names of each group that a PASS takes, were there scenarios without end.

    With fewer, names limit, not scenarios. None when more than a million are needed.

    Why: N = 2 (name_sd / margin)^2 (z_.95 + z_{1-.2/2m})^2 is the first guess; with so few names
    the t distribution matters, so the power of `names_pass_power` without its first term decides.

    Example:
        >>> needed_names(0.05, 0.05), needed_names(0.05, 0.05, contrasts=48)
        (19, 43)

    Args:
        name_sd: standard deviation between the names of a group, 0 or more.
        margin: tolerated |theta|.
        estimate: theta taken as true.
        alpha: error rate of each side of PASS.
        power: probability that all contrasts PASS.
        contrasts: how many are gated together.

    Reference: see `names_pass_power`.
    """
    _check(0, name_sd, margin, alpha)
    joint, size = _joint(power, contrasts), abs(estimate)

    def enough(n: int) -> bool:
        return _tost(name_sd * math.sqrt(2 / n), n - 1, margin, size, alpha) >= joint

    return least(enough, LEAST, MOST)


def needed_with_names(
    sd: float,
    name_sd: float,
    names: int,
    margin: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    contrasts: int = 1,
    reach: float = 1.0,
) -> int | None:
    """Counts the scenarios that a PASS takes with so many names of each group, at no difference.

    None where no number of scenarios makes up for the names: see `needed_names`.

    Why: the least K at which `names_pass_power` is reached.

    Example:
        >>> [needed_with_names(0.12, 0.05, n, 0.05) for n in (15, 25, 60)]
        [None, 191, 71]

    Args:
        sd: between-scenario standard deviation of the differences, 0 or more.
        name_sd: standard deviation between the names of a group, 0 or more.
        names: N of each group, 0 or more.
        margin: tolerated |theta|, in (0, reach).
        alpha: error rate of each side of PASS.
        power: probability that all contrasts PASS.
        contrasts: how many are gated together.
        reach: largest |difference| that a cluster can show.

    Reference: see `names_pass_power`.
    """
    joint = _joint(power, contrasts)

    def enough(k: int) -> bool:
        return names_pass_power(sd, k, name_sd, names, margin, alpha=alpha, reach=reach) >= joint

    return least(enough, LEAST, MOST)


def needed_beside(
    floor: float,
    sd: float,
    names: int,
    margin: float,
    estimate: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Counts the scenarios that would settle a contrast with the names it has, as seen in a run.

    For a PASS when |estimate| < margin, for a FAIL when it is larger; None where more names are
    needed, not more scenarios.

    Why: the least K at which `names_pass_power` or `names_fail_power` is reached, at the spread
    between names that leaves the variance `floor`.

    Example:
        >>> needed_beside(2 * 0.05**2 / 60, 0.12, 60, 0.05, 0.0)
        71

    Args:
        floor: squared standard error that stays with any number of scenarios, see
            `crossed.Crossed.floor`.
        sd: between-scenario standard deviation of the differences, 0 or more.
        names: of the group that has the fewest.
        margin: tolerated |theta|, in (0, 1).
        estimate: theta taken as true.
        alpha: error rate of each side of PASS, of both sides of FAIL.
        power: probability of settling.

    Reference: see `names_pass_power`.
    """
    if names < LEAST or not math.isfinite(floor):
        return None
    name_sd, size = math.sqrt(floor * names / 2), abs(estimate)

    def enough(k: int) -> bool:
        if size > margin:
            return names_fail_power(sd, k, name_sd, names, margin, size, level=alpha) >= power
        return names_pass_power(sd, k, name_sd, names, margin, size, alpha=alpha) >= power

    return least(enough, LEAST, MOST)


def _error(sd: float, clusters: int, name_sd: float, names: int) -> tuple[float, int]:
    """Standard error of the mean difference, and the degrees of freedom with which it is seen."""
    of_scenarios, of_names = sd**2 / clusters, 2 * name_sd**2 / names
    degrees = (names if of_names >= of_scenarios else clusters) - 1
    return math.sqrt(of_scenarios + of_names), degrees


def _tost(error: float, degrees: int, margin: float, size: float, alpha: float) -> float:
    """P(both one-sided t tests reject)."""
    if error == 0:
        return float(size < margin)
    reach = _critical(degrees, alpha)
    both = ndtr((margin - size) / error - reach) - ndtr(reach - (margin + size) / error)
    return float(np.maximum(both, 0.0).mean())


def _critical(degrees: int, alpha: float) -> np.typing.NDArray[np.float64]:
    """The critical t times s / sigma, at equally likely values of s: shape (400,)."""
    seen = np.sqrt(chdtri(degrees, 1 - _SPREADS) / degrees)
    return np.asarray(stdtrit(degrees, 1 - alpha) * seen)


def _joint(power: float, contrasts: int) -> float:
    within("power", power, 0, 1)
    if contrasts < 1:
        raise ValueError(f"contrasts must be 1 or more, got {contrasts}")
    return 1 - (1 - power) / contrasts


def _check(sd: float, name_sd: float, margin: float, alpha: float) -> None:
    within("alpha", alpha, 0, 0.5)
    within("margin", margin, 0, math.inf)
    for value in (sd, name_sd):
        if not 0 <= value < math.inf:
            raise ValueError(f"a standard deviation must be 0 or more and finite, got {value}")
