"""Pairwise: outcomes -> the largest difference between two groups, beside what contrasts judge."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

import pandas as pd

from harness._paired import SIGNED, cells_of, contrasts_of, difference, limits_of, names_of
from harness.records import Pairwise, Probe, Standard
from harness.stats import evidence
from harness.stats.intervals import Interval


def largest(
    rows: pd.DataFrame,
    probes: Sequence[Probe],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
) -> list[Pairwise]:
    """Returns the largest difference between two groups of each cell of three groups or more.

    Its interval is simultaneous (Bonferroni over the pairs): two groups that both PASS against the
    mean of the others may differ by up to twice the margin.
    """
    found = []
    for probe in probes:
        groups = [g.name for g in probe.groups]
        cells = cells_of(rows[rows["probe"] == probe.name], probe) if len(groups) > 2 else ()
        for (language, arm, outcome), cell in cells:
            pairs = list(_pairs(cell, groups, outcomes[outcome], standard.alpha))
            if pairs:
                group, reference, seen = max(pairs, key=lambda pair: abs(pair[2].estimate))
                found.append(
                    Pairwise(
                        probe=probe.name,
                        language=language,
                        arm=arm,
                        outcome=outcome,
                        group=group,
                        reference=reference,
                        estimate=seen.estimate,
                        low=seen.low,
                        high=seen.high,
                    )
                )
    return found


def _pairs(
    cell: pd.DataFrame, groups: Sequence[str], outcome: ModuleType, alpha: float
) -> Iterator[tuple[str, str, Interval]]:
    """Yields the difference of every two groups; none where an outcome is itself a difference."""
    if outcome.AGAINST in SIGNED:
        return
    pairs = list(itertools.combinations(groups, 2))
    level, limits = alpha / len(pairs), limits_of(outcome.AGAINST, outcome.RANGE)
    for pair in pairs:
        both = cell[cell["own"].isin(pair)]
        for group, reference, value, seen in contrasts_of(both, pair, outcome.AGAINST):
            told = difference(value, seen, outcome.RANGE, names_of(both, value))
            if len(told.values):
                found = evidence.fail_interval(told.found, level_alpha=level, limits=limits)
                yield group, reference, found
