"""What is shown beside a contrast and decides nothing: how far scenarios differ, and the ratio."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness._again import same_group
from harness._paired import Differences, Named, averaged
from harness.records import Contrast
from harness.stats.heterogeneity import Heterogeneity, between_scenarios, beyond_noise, exceeds
from harness.stats.ratio import log_ratio

LEAST = 10
"""Scenarios below which neither is shown, and below which nothing tells noise from difference."""
WAY = 0.1
"""Share of the scenarios that lies beyond the margin in either direction where a bias may cancel."""
RATED = ("favourable", "chosen", "selected")
"""Outcomes that are a rate at which somebody is favoured, so that their ratio means something."""
_ALPHA = 0.05
_RESAMPLES = 499

Array = NDArray[np.float64]


def beside(
    contrast: Contrast,
    value: pd.DataFrame,
    told: Differences,
    again: tuple[pd.DataFrame, pd.DataFrame],
    against: str,
    declared: float,
    rng: np.random.Generator,
) -> Contrast:
    """Fills in heterogeneity and the impact ratio of a contrast of enough scenarios.

    Args:
        contrast: what was measured of it.
        value: answers, one row a counterfactual set, the group's own first.
        told: what became of these sets.
        again: the rows that A/A is made of: of the judged arm, and of `same_group` or none.
        against: what the outcome compares a group with.
        declared: between-scenario sd of the outcome in the standard.
        rng: source of signs and orders.
    """
    if contrast.clusters < LEAST:
        return contrast
    own, rest = _sides(value, told, against)
    wide = exceeds(told.values, declared) <= _ALPHA
    resamples = _RESAMPLES if wide else 1  # p is read where the spread is wide
    told_noise = same_group(*again, against, contrast.group)
    found = _heterogeneity(
        contrast, told, told_noise, _replicates(value, own - rest), rng, resamples
    )
    filled = replace(
        contrast,
        spread=math.sqrt(max(found.variance, 0.0)),
        beyond=found.share,
        cancels=wide and found.p <= _ALPHA and found.lesser >= WAY,
    )
    if contrast.outcome not in RATED:
        return filled
    at = value.index.get_level_values("scenario")[told.complete]
    mine, theirs = (averaged(side[told.complete], at)[1] for side in (own, rest))
    return _rated(filled, mine, theirs, rng)


def _sides(value: pd.DataFrame, told: Differences, against: str) -> tuple[Array, Array]:
    """Returns what stands for the group and for its reference in each set; NaN if incomplete.

    Of two roles, how often each is chosen over both ways round: their rates add up to one.
    """
    numbers = np.where(told.complete[:, None], value.to_numpy(dtype=float), np.nan)
    own, others = numbers[:, 0], numbers[:, 1:]
    if not others.shape[1]:
        return own, np.zeros_like(own)
    rest = others.mean(axis=1)
    return ((1 + own - rest) / 2, (1 - own + rest) / 2) if against == "roles" else (own, rest)


def _replicates(value: pd.DataFrame, differences: Array) -> Array:
    """Puts the differences of sets into a table: scenarios, and the sets of each in their order."""
    at = pd.factorize(value.index.get_level_values("scenario"))[0]
    nth = pd.Series(at).groupby(at).cumcount().to_numpy()
    table = np.full((at.max() + 1, nth.max() + 1), np.nan)
    table[at, nth] = differences
    return table


def _heterogeneity(
    contrast: Contrast,
    told: Differences,
    again: Named,
    replicates: Array,
    rng: np.random.Generator,
    resamples: int,
) -> Heterogeneity:
    """Takes noise from A/A, else from the sets of a scenario, else from nowhere: then it is none."""
    names, gaps = again
    noise = pd.Series(gaps, pd.Index(names)).reindex(list(told.scenarios)).to_numpy(dtype=float)
    if (~np.isnan(noise)).sum() < LEAST:
        if ((~np.isnan(replicates)).sum(axis=1) > 1).sum() >= LEAST:
            return between_scenarios(
                replicates, margin=contrast.margin, rng=rng, resamples=resamples
            )
        noise = np.zeros(len(told.values))
    return beyond_noise(told.values, noise, margin=contrast.margin, rng=rng, resamples=resamples)


def _rated(contrast: Contrast, own: Array, rest: Array, rng: np.random.Generator) -> Contrast:
    drawn = rng.permutation(len(own))  # bets need an order that was drawn
    found = log_ratio(own[drawn], rest[drawn])
    if found is None:
        return contrast
    rated = replace(contrast, ratio=math.exp(found.estimate))
    if contrast.names:  # the interval counts scenarios alone
        return rated
    high = math.exp(found.high) if found.high < math.inf else None
    return replace(rated, ratio_low=math.exp(found.low), ratio_high=high)
