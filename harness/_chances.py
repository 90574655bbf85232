"""What the scenarios of a cell can show: the power of its PASS and FAIL, and how many it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

from harness._spreads import Spread
from harness.stats import intervals, names_power, power

POWER = 0.8
"""With which all gated cells PASS together at no difference, and one FAILs at two margins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a cell is to show, and what decides it."""

    margin: float
    reach: float
    """Largest |difference| that a scenario can show."""
    alpha: float
    contrasts: int
    """How many are gated together."""
    names: int = 0
    """Names of each group; 0 where groups are mentioned."""
    name_sd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """What so many scenarios can show."""

    needed: int | None
    """Scenarios for a PASS; None where no number is enough."""
    needed_fail: int | None
    needed_names: int | None
    """Names of each group for a PASS; None where groups are mentioned."""
    passes: float
    """Probability of PASS where there is no difference."""
    fails: float
    """Probability of FAIL where the difference is two margins."""


@cache
def of(spread: Spread, aim: Aim, clusters: int) -> Chances:
    """Says what so many scenarios can show, and how many it takes."""
    if aim.names:
        return _with_names(spread, aim, clusters)
    return Chances(
        needed=_needed_pass(spread, aim),
        needed_fail=_needed_fail(spread, aim),
        needed_names=None,
        passes=_passes(spread, aim, clusters),
        fails=_fails(spread, aim, clusters),
    )


def _passes(spread: Spread, aim: Aim, clusters: int) -> float:
    if _carried(spread, clusters):
        return power.pass_power(spread.sd, clusters, aim.margin, alpha=aim.alpha, reach=aim.reach)
    return power.sparse_power(spread.share, clusters, aim.margin, alpha=aim.alpha, reach=aim.reach)


def _needed_pass(spread: Spread, aim: Aim) -> int | None:
    """Takes the rule that applies to so many scenarios: t, or the sparse bound."""
    sparse = power.needed_sparse(
        spread.share,
        aim.margin,
        alpha=aim.alpha,
        power=1 - (1 - POWER) / aim.contrasts,
        reach=aim.reach,
    )
    if sparse is not None and not _carried(spread, sparse):
        return sparse
    if spread.carry == 0 or spread.sd == 0:
        return None
    least = math.ceil(intervals.SUPPORT / spread.carry)
    by_t = power.needed(
        spread.sd,
        aim.margin,
        0.0,
        alpha=aim.alpha,
        power=POWER,
        contrasts=aim.contrasts,
        reach=aim.reach,
    )
    return None if by_t is None else max(by_t, least)


def _fails(spread: Spread, aim: Aim, clusters: int) -> float:
    size, level = 2 * aim.margin, aim.alpha / aim.contrasts
    if size > aim.reach:
        return 0.0
    there = _at(spread, size, aim.reach)
    if there.flips and not _carried(there, clusters):
        return 0.0
    return power.fail_power(there.sd, clusters, aim.margin, size, level=level, reach=aim.reach)


def _needed_fail(spread: Spread, aim: Aim) -> int | None:
    size = 2 * aim.margin
    if size > aim.reach:
        return None
    there = _at(spread, size, aim.reach)
    by_t = power.needed(
        there.sd,
        aim.margin,
        size,
        alpha=aim.alpha,
        power=POWER,
        contrasts=aim.contrasts,
        reach=aim.reach,
    )
    least = math.ceil(intervals.SUPPORT / there.carry) if there.flips else 0
    return None if by_t is None else max(by_t, least)


def _at(spread: Spread, size: float, reach: float) -> Spread:
    """Returns the spread where theta is `size`: by flips, at least so many answers must differ.

    Several answers of one scenario go together as far as they did: their variance is to that of one
    answer as it was (1 where each scenario is answered once).
    """
    if not spread.flips:
        return spread
    together = min(1.0, spread.sd**2 / (spread.size * reach)) if spread.sd else 1.0
    of_one = max(spread.size, size) / reach - (size / reach) ** 2
    sd = reach * math.sqrt(together * max(0.0, of_one))
    return replace(spread, sd=sd, carry=max(spread.carry, size / reach))


def _carried(spread: Spread, clusters: int) -> bool:
    """Says whether so many scenarios carry enough differences for a t interval."""
    return spread.sd > 0 and clusters * spread.carry >= intervals.SUPPORT


def _with_names(spread: Spread, aim: Aim, clusters: int) -> Chances:
    about = (spread.sd, clusters, aim.name_sd, aim.names, aim.margin)
    return Chances(
        needed=names_power.needed_with_names(
            spread.sd,
            aim.name_sd,
            aim.names,
            aim.margin,
            alpha=aim.alpha,
            power=POWER,
            contrasts=aim.contrasts,
            reach=aim.reach,
        ),
        needed_fail=None,
        needed_names=names_power.needed_names(
            aim.name_sd, aim.margin, alpha=aim.alpha, power=POWER, contrasts=aim.contrasts
        ),
        passes=names_power.names_pass_power(*about, alpha=aim.alpha, reach=aim.reach),
        fails=names_power.names_fail_power(*about, 2 * aim.margin, level=aim.alpha / aim.contrasts),
    )
