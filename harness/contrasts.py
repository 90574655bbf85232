"""Contrasts: outcomes -> signed differences with their uncertainty."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from harness._paired import JUDGED, Differences, contrasts_of, difference, gates, limits_of
from harness.records import Contrast, Control, Missing, Pairwise, Probe, Seen, Standard
from harness.stats import intervals, margins, multiplicity, power, significance

Array = NDArray[np.float64]


def compare(
    rows: pd.DataFrame,
    probes: Sequence[Probe],
    controls: Sequence[Control],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
) -> list[Contrast]:
    """Compares the groups of every cell; FAIL is adjusted over all gated cells of the run.

    A cell that its controls void enters the adjustment with p = 1: it was planned, so it counts.
    """
    void = {c.block for c in controls if c.voids and c.holds is False}
    found = [
        contrast
        for probe in probes
        for contrast in _of_probe(rows[rows["probe"] == probe.name], probe, standard, outcomes)
    ]
    for gated in (True, False):
        family = [i for i, c in enumerate(found) if c.gated is gated]
        p = np.array([_p(found[i], void) for i in family])
        levels = multiplicity.holm_level(p, standard.alpha)
        for i, adjusted, level in zip(family, multiplicity.holm(p), levels, strict=True):
            found[i] = _adjust(found[i], float(adjusted), float(level), outcomes)
    return found


def table(contrasts: Sequence[Contrast]) -> pa.Table:
    """Returns contrasts as an Arrow table, with the difference of each scenario."""
    return pa.Table.from_pylist([asdict(c) for c in contrasts])


def largest_differences(
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
        if len(probe.groups) < 3:
            continue
        for key, cell in _cells(rows[rows["probe"] == probe.name], probe):
            against, span = outcomes[key[2]].AGAINST, outcomes[key[2]].RANGE
            if against == "zero":
                continue
            pairs = list(itertools.combinations([g.name for g in probe.groups], 2))
            candidates = []
            for pair in pairs:
                both = cell[cell["own"].isin(pair)]
                for group, reference, value, seen in contrasts_of(both, pair, against):
                    d = difference(value, seen, span).values
                    if len(d):
                        alpha = standard.alpha / len(pairs)
                        limits = limits_of(against, span)
                        found_interval = significance.fail_interval(
                            d, level_alpha=alpha, limits=limits
                        )
                        candidates.append((group, reference, found_interval))
            if candidates:
                group, reference, seen_interval = max(candidates, key=lambda c: abs(c[2].estimate))
                found.append(
                    Pairwise(
                        probe=probe.name,
                        language=key[0],
                        arm=key[1],
                        outcome=key[2],
                        group=group,
                        reference=reference,
                        estimate=seen_interval.estimate,
                        low=seen_interval.low,
                        high=seen_interval.high,
                    )
                )
    return found


def _cells(rows: pd.DataFrame, probe: Probe) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    for language in probe.languages:
        for arm in JUDGED:
            for outcome in probe.outcomes:
                cell = rows[
                    (rows["language"] == language)
                    & (rows["arm"] == arm)
                    & (rows["outcome"] == outcome)
                ]
                if len(cell):
                    yield (language, arm, outcome), cell


def _of_probe(
    rows: pd.DataFrame, probe: Probe, standard: Standard, outcomes: Mapping[str, ModuleType]
) -> Iterator[Contrast]:
    groups = [g.name for g in probe.groups]
    for (language, arm, outcome), cell in _cells(rows, probe):
        module = outcomes[outcome]
        limits = limits_of(module.AGAINST, module.RANGE)
        seen_kinds = cell["seen"].value_counts()
        missing = Missing(
            **{
                kind: int(seen_kinds.get(kind, 0))
                for kind in (Seen.REFUSED, Seen.UNPARSED, Seen.FAILED)
            }
        )
        reading = next(iter(cell["reading"].unique()))
        for at, (group, reference, value, seen) in enumerate(
            contrasts_of(cell, groups, module.AGAINST)
        ):
            blank = Contrast(
                probe=probe.name,
                probe_digest=probe.digest,
                attribute=probe.attribute,
                format=probe.format,
                language=language,
                arm=arm,
                outcome=outcome,
                group=group,
                reference=reference,
                gated=at < standard.gated_groups and gates(standard, probe, outcome, arm),
                margin=standard.margins[outcome],
                estimate=None,
                low=None,
                high=None,
                low_fail=None,
                high_fail=None,
                p_fail=None,
                p_adjusted=None,
                method=reading,
                clusters=0,
                n_eff=0.0,
                missing=missing,
                detectable=None,
                needed=None,
                passes_from=None,
                fails_to=None,
                differences=(),
                scenarios=(),
            )
            yield _measured(blank, difference(value, seen, module.RANGE), limits, standard)


def _measured(
    blank: Contrast, found: Differences, limits: tuple[float, float], standard: Standard
) -> Contrast:
    d = found.values
    if not len(d):
        return blank
    margin, alpha = blank.margin, standard.alpha
    inside = intervals.equivalence(d, margin=margin, alpha=alpha, limits=limits)
    sd = float(np.std(d, ddof=1)) if len(d) > 1 else None
    spread = sd or standard.spread[blank.outcome]
    bounds = None
    if found.worst is not None:
        against, favouring = (
            significance.fail_interval(w, level_alpha=2 * alpha, limits=limits) for w in found.worst
        )
        bounds = (against.low, favouring.high)
    return replace(
        blank,
        estimate=inside.estimate,
        low=inside.low,
        high=inside.high,
        p_fail=significance.p_beyond(d, margin=margin, limits=limits),
        method="; ".join(filter(None, (inside.method, blank.method))),
        clusters=len(d),
        n_eff=intervals.effective_clusters(d),
        detectable=power.detectable(spread, len(d), margin) if len(d) > 1 else None,
        needed=power.needed(spread, margin, inside.estimate),
        passes_from=margins.passes_from(d, alpha=alpha, limits=limits),
        differences=tuple(d.tolist()),
        scenarios=found.scenarios,
        bounds=bounds,
    )


def _p(contrast: Contrast, void: set[tuple[str, str, str]]) -> float:
    return 1.0 if contrast.p_fail is None or contrast.block in void else contrast.p_fail


def _adjust(
    contrast: Contrast, p_adjusted: float, level: float, outcomes: Mapping[str, ModuleType]
) -> Contrast:
    if contrast.estimate is None:
        return contrast
    module = outcomes[contrast.outcome]
    limits = limits_of(module.AGAINST, module.RANGE)
    d = np.array(contrast.differences)
    beyond = significance.fail_interval(d, level_alpha=level, limits=limits)
    return replace(
        contrast,
        low_fail=beyond.low,
        high_fail=beyond.high,
        p_adjusted=p_adjusted,
        fails_to=margins.fails_to(d, level_alpha=level, limits=limits),
    )
