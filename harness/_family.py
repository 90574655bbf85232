"""FAIL over a family of cells: p values adjusted for multiplicity, and intervals that agree."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np

from harness._looks import Looks
from harness._paired import evidence_of, limits_of
from harness.records import Contrast, Standard
from harness.stats import joint, margins, multiplicity


def adjust(
    cells: Sequence[Contrast],
    void: Sequence[bool],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
    rng: np.random.Generator,
    looks: Looks,
) -> list[Contrast]:
    """Adjusts the cells of one family, by Holm or by the largest |t| as the standard says.

    Cells that a control voids and cells without differences enter with p = 1: they were planned, so
    they count. Scenarios of one probe and language are the same clusters in all its cells. Where
    names cue the groups, a sign of a scenario flips no name, so the cell keeps its own p.
    """
    p = np.array(
        [1.0 if c.p_fail is None or gone else c.p_fail for c, gone in zip(cells, void, strict=True)]
    )
    if standard.multiplicity == "holm":
        adjusted, levels = multiplicity.holm(p), multiplicity.holm_level(p, standard.alpha)
    else:
        adjusted, levels = joint.max_t(
            [() if c.names else c.differences for c in cells],
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
    tests, at = looks.judging(contrast.probe, contrast.language, named=contrast.names > 0)
    found, level = evidence_of(contrast), 2 * at.level(level / 2)
    beyond = tests.fail_interval(found, level_alpha=level, limits=limits)
    return replace(
        contrast,
        low_fail=beyond.low,
        high_fail=beyond.high,
        p_adjusted=p_adjusted,
        fails_to=margins.fails_to(found, level_alpha=level, limits=limits, tests=tests),
    )
