"""A mean difference over scenarios crossed with names: two random factors, one interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from harness.stats import intervals, significance
from harness.stats._arrays import Array, Limits, finite, within
from harness.stats.intervals import Interval, standard_error, supports_t

Index = NDArray[np.intp]
METHOD = "t over scenarios and names"
TOLERANCE = 1e-9
"""Weights that differ by less than this share are the same."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A difference and the variance that scenarios and names give it."""

    differences: Array
    """Shape (scenarios,): the difference of each scenario; their mean is the estimate."""
    estimate: float
    variance: float
    """Squared standard error; infinite where one name or one scenario is all."""
    freedom: int
    """Degrees of freedom of the variance: those of the factor that limits."""
    names: int
    """Names of the group that has the fewest."""
    limit: str
    """`scenarios` or `names`: what to add for a shorter interval."""

    @property
    def floor(self) -> float:
        """Returns the part of the variance that no further scenario takes away, only names do."""
        return max(self.variance - standard_error(self.differences) ** 2, 0.0)


def crossed(
    values: ArrayLike,
    weights: ArrayLike,
    scenarios: ArrayLike,
    names: ArrayLike,
    groups: ArrayLike,
) -> Crossed:
    """Estimates a difference whose groups are cued by names, for new scenarios *and* new names.

    Estimates theta = sum of weight times value. Zero: no difference on average; positive: the
    group with positive weights has more.

    Why: a name drawn once answers in many scenarios, so scenarios are not independent: on a model
    that treats groups alike, 20 names of sd .05 make plain t over 60 or 120 scenarios reject in 15
    or 24 % of runs. V = V_scenario + V_name - V_cell counts what two observations share by either;
    it is never taken below the larger of the first two. A name is judged against the other groups
    of its scenario, so what makes a scenario easy for all adds nothing to V_name. Degrees of
    freedom: K - 1, or one less than the fewest names where V_name is larger. At the margin, with 20
    or 40 names a group, 60 or 120 scenarios (sd .12) and names of sd 0, .05 or .1, PASS came out in
    0.1 to 5.3 % and FAIL in 2.1 to 2.7 % of 6,000 runs; fewer than 20 names were not tried.

    Names are taken to vary smoothly: a rare name (1 in 20) that alone is treated differently may be
    missing among those drawn, and nothing here can see it.

    Example:
        >>> scenarios, names, groups = [0, 0, 1, 1, 2, 2], [0, 2, 1, 3, 0, 3], [0, 1] * 3
        >>> c = crossed([.5, .4, .6, .4, .7, .4], [1/3, -1/3] * 3, scenarios, names, groups)
        >>> round(c.estimate, 2), c.names, c.limit
        (0.2, 2, 'names')

    Args:
        values: shape (observations,), any unit.
        weights: shape (observations,): how each enters theta. In every scenario those of a group
            add up to the same number, and those of all groups to zero.
        scenarios: shape (observations,), any integer label.
        names: shape (observations,), any integer label; a name belongs to one group.
        groups: shape (observations,), any integer label.

    Reference: Cameron, Gelbach and Miller (2011), J. Bus. Econ. Stat. 29:238, equation (2.11);
        their factor G / (G - 1) here for scenarios and for the names of each group.
    """
    y, w = finite(values), finite(weights)
    scenario, name, group = (_labels(x, y.size) for x in (scenarios, names, groups))
    share = _shares(w, scenario, group)
    d = np.asarray(np.bincount(scenario, w * y) * (int(scenario.max()) + 1), dtype=np.float64)
    home = np.full(name.max() + 1, -1)
    home[name] = group
    if (home[name] != group).any():
        raise ValueError("a name belongs to one group")
    residual = w * _against_others(y, w, scenario, group, share)
    sums = np.bincount(name, residual)
    count = np.bincount(home)
    by_scenario = standard_error(d) ** 2
    fewest = int(count.min())
    if fewest == 1 or d.size == 1:
        limit = "names" if fewest == 1 else "scenarios"
        return Crossed(d, float(d.mean()), math.inf, 1, fewest, limit)
    by_name = float((sums**2 * (count / (count - 1))[home]).sum())
    cells = np.unique(scenario * home.size + name, return_inverse=True)[1]
    by_cell = float((np.bincount(cells, residual) ** 2).sum())
    names_limit = by_name > by_scenario
    return Crossed(
        d,
        float(d.mean()),
        max(by_scenario + by_name - by_cell, by_scenario, by_name),
        min(fewest, d.size) - 1 if names_limit else d.size - 1,
        fewest,
        "names" if names_limit else "scenarios",
    )


def equivalence(
    found: Crossed, *, margin: float, alpha: float = 0.05, limits: Limits = (-1.0, 1.0)
) -> Interval:
    """Computes the 1 - 2 alpha interval from which PASS is read, as `intervals.equivalence` does.

    Why: the wider end of two: what the scenarios alone allow (sparse differences, skewness, fewest
    scenarios) and t over both factors. So names can only make a PASS harder.

    Args:
        found: from `crossed`, its differences within `limits`.
        margin: tolerated |theta|.
        alpha: error rate of each side.
        limits: the range that a difference can take.
    """
    plain = intervals.equivalence(found.differences, margin=margin, alpha=alpha, limits=limits)
    return _wider(plain, found, alpha, limits)


def fail_interval(found: Crossed, *, level_alpha: float, limits: Limits = (-1.0, 1.0)) -> Interval:
    """Computes the two-sided interval that agrees with `p_beyond` here at every margin.

    Why: see `p_beyond`.

    Args:
        found: from `crossed`, its differences within `limits`.
        level_alpha: error rate of both sides, such as one of `multiplicity.holm_level`.
        limits: the range that a difference can take.
    """
    plain = significance.fail_interval(_units(found), level_alpha=level_alpha, limits=limits)
    return _wider(plain, found, level_alpha / 2, limits)


def p_beyond(found: Crossed, *, margin: float, limits: Limits = (-1.0, 1.0)) -> float:
    """Tests that |theta| is within the margin: a small p says that it exceeds it.

    Why: the larger p of two: `significance.p_beyond` over scenarios and t over both factors. Where
    differences are too equal for a t, they count as strong as the fewer of scenarios and names.

    Example:
        >>> one_name_each = crossed([1, 0] * 3, [1/3, -1/3] * 3, [0, 0, 1, 1, 2, 2], [0, 1] * 3,
        ...                         [0, 1] * 3)
        >>> p_beyond(one_name_each, margin=0.05)
        1.0

    Args:
        found: from `crossed`, its differences within `limits`.
        margin: tolerated |theta|, 0 or more.
        limits: the range that a difference can take.
    """
    plain = significance.p_beyond(_units(found), margin=margin, limits=limits)
    beyond = abs(found.estimate) - margin
    if found.variance == 0 or beyond <= 0:
        return plain
    return max(plain, 2 * float(stdtr(found.freedom, -beyond / math.sqrt(found.variance))))


def _wider(plain: Interval, found: Crossed, tail: float, limits: Limits) -> Interval:
    within("alpha", tail, 0, 0.5)
    half = float(stdtrit(found.freedom, 1 - tail)) * math.sqrt(found.variance)
    low = max(min(plain.low, found.estimate - half), limits[0])
    high = min(max(plain.high, found.estimate + half), limits[1])
    method = plain.method if (low, high) == (plain.low, plain.high) else METHOD
    return Interval(found.estimate, low, high, method)


def _units(found: Crossed) -> Array:
    """The differences; where they show no spread, as many equal ones as the scarcer factor has."""
    if supports_t(found.differences):
        return found.differences
    return np.full(min(found.names, found.differences.size), found.estimate)


def _against_others(y: Array, w: Array, scenario: Index, group: Index, share: Array) -> Array:
    """Deviation from the group's mean, minus that of the other groups in the same scenario."""
    rest = y - _means(y, w, group)[group]
    cell = scenario * share.size + group  # every scenario holds every group
    means = (np.bincount(cell, w * rest).reshape(-1, share.size)) / share
    others = (means.sum(axis=1, keepdims=True) - means) / (share.size - 1)
    rest = rest - others[scenario, group]
    return np.asarray(rest - _means(rest, w, group)[group], dtype=np.float64)


def _means(y: Array, w: Array, group: Index) -> Array:
    return np.asarray(np.bincount(group, w * y) / np.bincount(group, w), dtype=np.float64)


def _shares(w: Array, scenario: Index, group: Index) -> Array:
    """Returns the weight of each group in a scenario, shape (groups,); the same in every one."""
    count, groups = int(scenario.max()) + 1, int(group.max()) + 1
    table = np.bincount(scenario * groups + group, w, minlength=count * groups)
    table = table.reshape(count, groups)
    least = TOLERANCE * np.abs(w).sum() / count
    uneven = np.abs(table - table[0]).max() > least or abs(table[0].sum()) > least
    if uneven or (np.abs(table[0]) <= least).any():
        raise ValueError("in every scenario the weights of each group add up to the same, to zero")
    return np.asarray(table[0], dtype=np.float64)


def _labels(labels: ArrayLike, size: int) -> Index:
    array = np.asarray(labels)
    if array.shape != (size,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"expected {size} integer labels, got {array.dtype} {array.shape}")
    return np.unique(array, return_inverse=True)[1]
