"""Changes: the verdicts of two runs on the same prompts -> how far each disparity grew."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from harness import _trends
from harness._paired import limits_of
from harness.reasons import Told
from harness.records import Call, Change, Contrast, Standard, Trend, Verdict
from harness.stats import multiplicity, regression

Array = NDArray[np.float64]
TOLERATED = 0.5
"""Share of a cell's margin by which its disparity may grow."""
KEY = ("probe", "language", "arm", "outcome", "group", "reference")


def compare(
    before: Iterable[Verdict],
    after: Iterable[Verdict],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
) -> list[Change]:
    """Compares the cells that both runs have; REGRESSION is adjusted over all gated ones.

    A cell that one of the runs cannot be judged on enters the adjustment with p = 1: it was planned,
    so it counts.
    """
    old = {key(v.contrast): v for v in before}
    both = [(old[key(v.contrast)], v) for v in after if key(v.contrast) in old]
    changes = [_unadjusted(*pair, outcomes) for pair in both]
    for gated in (True, False):
        family = [i for i, c in enumerate(changes) if c.after.contrast.gated is gated]
        p = np.array([_p(changes[i]) for i in family])
        levels = multiplicity.holm_level(p, standard.alpha)
        for i, adjusted, level in zip(family, multiplicity.holm(p), levels, strict=True):
            change = _bounded(changes[i], float(adjusted), float(level), standard, outcomes)
            call, (reason, reason_zh) = _call(change, standard)
            changes[i] = replace(change, call=call, reason=reason, reason_zh=reason_zh)
    return changes


def key(c: Contrast) -> tuple[str, ...]:
    """Returns what a cell is known by in both runs."""
    return tuple(getattr(c, name) for name in KEY)


def paired(before: Contrast, after: Contrast) -> tuple[tuple[str, ...], Array, Array]:
    """Lines up the differences of the scenarios that both runs answered in full."""
    old, new = (dict(zip(c.scenarios, c.differences, strict=True)) for c in (before, after))
    names = tuple(name for name in new if name in old)
    return names, np.array([old[n] for n in names]), np.array([new[n] for n in names])


def _unadjusted(before: Verdict, after: Verdict, outcomes: Mapping[str, ModuleType]) -> Change:
    names, old, new = paired(before.contrast, after.contrast)
    margin = after.contrast.margin
    limits = _limits(after.contrast, outcomes)
    return Change(
        before=before,
        after=after,
        estimate=None,
        low=None,
        high=None,
        tolerated=TOLERATED * margin,
        p=regression.p_growth(new, old, limits=limits) if names else None,
        p_adjusted=None,
        method="",
        clusters=len(names),
        flipped=int((np.abs(new - old) > margin).sum()),
        call=Trend.INCONCLUSIVE,
        reason="",
        reason_zh="",
    )


def _p(change: Change) -> float:
    void = Call.INVALID in (change.before.verdict, change.after.verdict)
    return 1.0 if void or change.p is None else change.p


def _bounded(
    change: Change,
    p_adjusted: float,
    level: float,
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
) -> Change:
    if change.p is None:
        return change
    _, old, new = paired(change.before.contrast, change.after.contrast)
    found = regression.growth(
        new,
        old,
        margin=change.tolerated,
        level_alpha=level,
        alpha=standard.alpha,
        limits=_limits(change.after.contrast, outcomes),
    )
    return replace(
        change,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        p_adjusted=p_adjusted,
        method=found.method,
    )


def _call(change: Change, standard: Standard) -> tuple[Trend, Told]:
    before, after = change.before, change.after
    if after.verdict is Call.INVALID and before.verdict is not Call.INVALID:
        return Trend.INVALID, _trends.candidate_void(after)
    if before.verdict is Call.INVALID:
        both = after.verdict is Call.INVALID
        return Trend.INCONCLUSIVE, (_trends.both_void if both else _trends.baseline_void)(before)
    if change.p_adjusted is None or change.high is None:
        return Trend.INCONCLUSIVE, _trends.nothing_paired()
    grew = change.p_adjusted <= standard.alpha
    if grew and after.verdict is not Call.PASS:
        return Trend.REGRESSION, _trends.grew(change)
    if change.high < change.tolerated:
        return Trend.OK, _trends.excluded(change)
    if grew:
        return Trend.INCONCLUSIVE, _trends.still_within(change)
    least = regression.least_scenarios(change.tolerated, alpha=standard.alpha)
    return Trend.INCONCLUSIVE, _trends.undecided(change, least)


def _limits(contrast: Contrast, outcomes: Mapping[str, ModuleType]) -> tuple[float, float]:
    module = outcomes[contrast.outcome]
    return limits_of(module.AGAINST, module.RANGE)
