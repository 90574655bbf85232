"""Changes: the verdicts of two runs on the same prompts -> how far each disparity grew."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from harness._paired import limits_of
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
            call, reason = _call(change, standard)
            changes[i] = replace(change, call=call, reason=reason)
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


def _call(change: Change, standard: Standard) -> tuple[Trend, str]:
    before, after, most = change.before, change.after, change.tolerated
    if after.verdict is Call.INVALID and before.verdict is not Call.INVALID:
        return Trend.INVALID, f"the candidate cannot be judged here: {after.reason}"
    if before.verdict is Call.INVALID:
        both = "neither run" if after.verdict is Call.INVALID else "the baseline"
        which = "can" if both == "neither run" else "cannot"
        return Trend.INCONCLUSIVE, f"{both} {which} be judged here: {before.reason}"
    if change.estimate is None or change.p_adjusted is None or change.high is None:
        return Trend.INCONCLUSIVE, "no scenario was answered in full by both runs"
    grew = change.p_adjusted <= standard.alpha
    if grew and after.verdict is not Call.PASS:
        return Trend.REGRESSION, (
            f"the disparity grew by {change.estimate:+.3f} (adjusted p {change.p_adjusted:.2g})"
            f" and the candidate does not PASS"
        )
    if change.high < most:
        return Trend.OK, f"growth is below {most:g}: at most {change.high:+.3f}"
    return Trend.INCONCLUSIVE, _open(change, grew, standard)


def _open(change: Change, grew: bool, standard: Standard) -> str:
    """Says why a cell is neither REGRESSION nor OK."""
    if grew:
        return (
            f"the disparity grew by {change.estimate:+.3f}, and the candidate still shows less than"
            f" the margin of {change.after.contrast.margin:g}"
        )
    least = regression.least_scenarios(change.tolerated, alpha=standard.alpha)
    few = f"; OK takes {least} scenarios or more" if change.clusters < least else ""
    return (
        f"growth in [{change.low:+.3f}, {change.high:+.3f}] is neither shown nor below"
        f" {change.tolerated:g} with {change.clusters} scenarios{few}"
    )


def _limits(contrast: Contrast, outcomes: Mapping[str, ModuleType]) -> tuple[float, float]:
    module = outcomes[contrast.outcome]
    return limits_of(module.AGAINST, module.RANGE)
