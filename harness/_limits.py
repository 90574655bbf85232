"""Whether a share, a difference or an effect keeps to a limit: each check is itself a test."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness._paired import Evidence
from harness.records import Control, Probe, Standard
from harness.stats import evidence, multiplicity, significance
from harness.stats.crossed import Crossed

Array = NDArray[np.float64]
SHOWN = 0.05
"""1 - confidence of the interval that is printed beside a tested control."""
Found = tuple[Control, float | None]
"""A control, and the p value of being beyond its limit where Holm must settle it."""


def at_most(blank: Control, name: str, share: Array, limit: float, alpha: float) -> Found:
    """Tests that a share, one number a scenario, is at most a limit."""
    return _tested(replace(blank, limit=f"≤ {limit:g}"), name, share, limit, alpha, (0.0, 1.0))


def within(blank: Control, name: str, differences: Evidence, limit: float, alpha: float) -> Found:
    """Tests that a difference, one number a scenario, lies within a limit."""
    blank = replace(blank, limit=f"±{limit:g}")
    return _tested(blank, name, differences, limit, alpha, (-1.0, 1.0))


def unlimited(blank: Control, name: str, differences: Array, note: str) -> Found:
    """Shows a difference that is held to no limit and voids nothing."""
    seen = significance.fail_interval(differences, level_alpha=SHOWN, limits=(-1.0, 1.0))
    return replace(
        blank,
        name=name,
        estimate=seen.estimate,
        low=seen.low,
        high=seen.high,
        limit="仅展示 shown only",
        voids=False,
        clusters=len(differences),
        note=note,
    ), None


def _tested(
    blank: Control, name: str, d: Evidence, limit: float, alpha: float, span: tuple[float, float]
) -> Found:
    """Tests at alpha whether the limit is kept; at which level it is broken `decide` says."""
    clusters = len(d.differences if isinstance(d, Crossed) else d)
    control = replace(blank, name=name, clusters=clusters)
    if not clusters:
        return replace(control, note="未测得 nothing was measured"), None
    inside = evidence.inside(d, margin=limit, alpha=alpha, limits=span)
    seen = evidence.fail_interval(d, level_alpha=SHOWN, limits=span)
    holds = True if inside else None
    p = evidence.p_beyond(d, margin=limit, limits=span)
    control = replace(control, estimate=seen.estimate, low=seen.low, high=seen.high, holds=holds)
    return control, p


def shown(blank: Control, name: str, effect: Array, limit: float, alpha: float) -> Found:
    """Demands that an effect be shown to reach a limit."""
    words = f"95 % 下界 lower bound ≥ {limit:g}"
    control = replace(blank, name=name, limit=words, clusters=len(effect))
    if not len(effect):
        return replace(control, holds=False, note="未测得 nothing was measured"), None
    seen = significance.mean_interval(effect, level_alpha=2 * alpha, limits=(-1.0, 1.0))
    return replace(
        control, estimate=seen.estimate, low=seen.low, high=seen.high, holds=seen.low >= limit
    ), None


def at_least(blank: Control, share: Array, limit: float, alpha: float) -> Found:
    """Tests that two option orders agree at least so often: that they part no oftener than that."""
    parted, span = 1 - share, (0.0, 1.0)
    seen = significance.fail_interval(parted, level_alpha=alpha, limits=span)
    return replace(
        blank,
        name="position",
        estimate=1 - seen.estimate,
        low=1 - seen.high,
        high=1 - seen.low,
        limit=f"95 % 上界 upper bound ≥ {limit:g}",
        holds=True if 1 - seen.low >= limit else None,
        clusters=len(share),
        note="两种选项顺序给出同一内容的频率 how often two option orders give the same content",
    ), significance.p_beyond(parted, margin=1 - limit, limits=span)


def decide(found: Sequence[Found], standard: Standard) -> list[Control]:
    """Settles the tested controls by Holm within each name."""
    decided = [control for control, _ in found]
    families: dict[str, dict[int, float]] = {}
    for i, (control, p) in enumerate(found):
        if p is not None:
            families.setdefault(control.name, {})[i] = p
    for family in families.values():
        adjusted = multiplicity.holm(np.array(list(family.values())))
        for i, p_adjusted in zip(family, adjusted, strict=True):
            if p_adjusted <= standard.alpha:
                decided[i] = replace(decided[i], holds=False)
    return decided


def blank_of(probe: Probe, language: str, outcome: str) -> Control:
    """Returns a control of a block that says nothing yet."""
    return Control(
        probe=probe.name,
        attribute=probe.attribute,
        format=probe.format,
        language=language,
        outcome=outcome,
        name="",
        group="all",
        estimate=None,
        low=None,
        high=None,
        limit="",
        holds=None,
        voids=True,
        clusters=0,
    )
