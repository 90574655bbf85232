"""The margin curve: from which margin a contrast passes, and up to which it fails."""

from __future__ import annotations

from types import ModuleType

from harness.stats import evidence
from harness.stats._arrays import Limits, boundary
from harness.stats.evidence import Evidence

PRECISION = 1e-6
"""Share of the range to which a margin is found."""


def passes_from(
    differences: Evidence,
    *,
    alpha: float = 0.05,
    limits: Limits = (-1.0, 1.0),
    tests: ModuleType = evidence,
) -> float | None:
    """Finds the smallest margin at which the contrast passes, or None if it passes at none.

    Estimates how small a tolerance the data could support; smaller is better, and it has no sign.
    Exploratory: the margin that decides is declared before the run.

    Why: the rule of `equivalence` depends on the margin (least K, tau), but whoever passes at one
    margin passes at any larger one, so bisection finds the point, to 1e-6 of the range.

    Example:
        >>> round(passes_from([0.0] * 66), 4)
        0.0493

    Args:
        differences: shape (clusters,), within `limits`; or from `crossed.crossed`.
        alpha: error rate of each side.
        limits: the range that a difference can take.
        tests: the rule of the verdict: `evidence`, or `anytime` where bets may stop a run.

    Reference: Schuirmann (1987), see `intervals.equivalence`.
    """
    reach = max(-limits[0], limits[1])

    def passes(margin: float) -> bool:
        return bool(tests.inside(differences, margin=margin, alpha=alpha, limits=limits))

    step = PRECISION * reach
    widest = reach - step
    return boundary(passes, widest, 0.0, step) if passes(widest) else None


def fails_to(
    differences: Evidence,
    *,
    level_alpha: float,
    limits: Limits = (-1.0, 1.0),
    tests: ModuleType = evidence,
) -> float | None:
    """Finds the margin up to which the contrast fails, or None if it fails at none.

    Estimates the largest tolerance that the data still contradict: the end of `fail_interval` that
    is nearer to zero. It has no sign; every smaller margin fails.

    Why: FAIL means that the interval lies wholly outside the margin. The level is held fixed,
    though Holm's level would itself move a little with the margin.

    Example:
        >>> round(fails_to([1.0] * 100, level_alpha=0.05), 3)
        0.928

    Args:
        differences: shape (clusters,), within `limits`; or from `crossed.crossed`.
        level_alpha: error rate of both sides, adjusted for multiplicity.
        limits: the range that a difference can take.
        tests: the rule of the verdict, as in `passes_from`.

    Reference: see `significance.p_beyond`.
    """
    interval = tests.fail_interval(differences, level_alpha=level_alpha, limits=limits)
    nearest = max(interval.low, -interval.high)
    return nearest if nearest > 0 else None
