"""FAIL over a family of cells: p values adjusted for multiplicity, and intervals that agree."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np

from harness._looks import Looks
from harness._paired import limits_of
from harness.records import Contrast, Standard
from harness.stats import joint, margins, multiplicity


def adjust(
    cells: Sequence[Contrast],
    void: Collection[tuple[str, str, str]],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
    rng: np.random.Generator,
    looks: Looks,
) -> list[Contrast]:
    """Adjusts the cells of one family, by Holm or by the largest |t| as the standard says.

    Cells of a void block and cells without differences enter with p = 1: they were planned, so they
    count. Scenarios of one probe and language are the same clusters in all its cells.
    """
    p = np.array([1.0 if c.p_fail is None or c.block in void else c.p_fail for c in cells])
    if standard.multiplicity == "holm":
        adjusted, levels = multiplicity.holm(p), multiplicity.holm_level(p, standard.alpha)
    else:
        adjusted, levels = joint.max_t(
            [c.differences for c in cells],
            [[(c.probe, c.language, s) for s in c.scenarios] for c in cells],
            margins=[c.margin for c in cells],
            p=p,
            rng=rng,
            alpha=standard.alpha,
        )
    return [
        _adjusted(*each, outcomes, looks)
        for each in zip(cells, adjusted.tolist(), levels.tolist(), strict=True)
    ]


def _adjusted(
    contrast: Contrast,
    p_adjusted: float,
    level: float,
    outcomes: Mapping[str, ModuleType],
    looks: Looks,
) -> Contrast:
    if contrast.estimate is None:
        return contrast
    module = outcomes[contrast.outcome]
    limits = limits_of(module.AGAINST, module.RANGE)
    d = np.array(contrast.differences)
    level = 2 * looks.of_contrasts(contrast.probe, contrast.language).level(level / 2)
    beyond = looks.beyond.fail_interval(d, level_alpha=level, limits=limits)
    return replace(
        contrast,
        low_fail=beyond.low,
        high_fail=beyond.high,
        p_adjusted=p_adjusted,
        fails_to=margins.fails_to(d, level_alpha=level, limits=limits),
    )
