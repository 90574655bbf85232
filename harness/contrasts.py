"""Contrasts: outcomes -> signed differences with their uncertainty."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa

from harness._beside import beside
from harness._family import adjust
from harness._looks import WHOLE, Looks
from harness._paired import (
    Differences,
    cells_of,
    contrasts_of,
    difference,
    gates,
    in_order,
    limits_of,
    names_of,
    parted,
)
from harness.records import Contrast, Control, Missing, Probe, Seen, Standard
from harness.stats import intervals, margins, names_power, power
from harness.stats.crossed import Crossed

_SEED = 0
"""Of what is shown beside a contrast: the same everywhere, so no cell depends on another's draws."""


def compare(
    rows: pd.DataFrame,
    probes: Sequence[Probe],
    controls: Sequence[Control],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
    rng: np.random.Generator,
    looks: Looks = WHOLE,
) -> list[Contrast]:
    """Compares the groups of every cell; FAIL is adjusted over all gated cells of the run.

    Cells that are only shown are a family of their own.
    """
    missed = [c for c in controls if c.holds is False]
    found = [
        contrast
        for probe in probes
        for contrast in _of_probe(
            rows[rows["probe"] == probe.name], probe, standard, outcomes, looks
        )
    ]
    for gated in (True, False):
        family = [i for i, c in enumerate(found) if c.gated is gated]
        cells = [found[i] for i in family]
        void = [any(control.concerns(c) for control in missed) for c in cells]
        adjusted = adjust(cells, void, standard, outcomes, rng, looks)
        for i, contrast in zip(family, adjusted, strict=True):
            found[i] = contrast
    return found


def table(contrasts: Sequence[Contrast]) -> pa.Table:
    """Returns contrasts as an Arrow table, with the difference of each scenario."""
    return pa.Table.from_pylist([asdict(c) for c in contrasts])


def _of_probe(
    rows: pd.DataFrame,
    probe: Probe,
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
    looks: Looks,
) -> Iterator[Contrast]:
    groups = [g.name for g in probe.groups]
    again_of = parted(rows[rows["arm"] == "same_group"], "language", "outcome")
    for (language, arm, outcome), cell in cells_of(rows, probe):
        module = outcomes[outcome]
        cell = in_order(cell) if looks.rule == "anytime" else cell
        limits = limits_of(module.AGAINST, module.RANGE)
        seen_kinds = cell["seen"].value_counts()
        missing = Missing(
            **{
                kind: int(seen_kinds.get(kind, 0))
                for kind in (Seen.REFUSED, Seen.UNPARSED, Seen.FAILED)
            }
        )
        again = again_of.get((language, outcome), rows[:0]) if arm == "explicit" else rows[:0]
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
                planned=looks.scenarios(probe.name, language),
                n_eff=0.0,
                missing=missing,
                detectable=None,
                needed=None,
                passes_from=None,
                fails_to=None,
                differences=(),
                scenarios=(),
            )
            told = difference(value, seen, module.RANGE, names_of(cell, value))
            measured = _measured(blank, told, limits, standard, looks)
            declared, rng = standard.spread[outcome], np.random.default_rng(_SEED)
            yield beside(measured, value, told, (cell, again), module.AGAINST, declared, rng)


def _measured(
    blank: Contrast,
    found: Differences,
    limits: tuple[float, float],
    standard: Standard,
    looks: Looks,
) -> Contrast:
    d = found.values
    if not len(d):
        return blank
    tests, at = looks.judging(blank.probe, blank.language, named=isinstance(found.found, Crossed))
    margin, alpha = blank.margin, at.level(standard.alpha)
    inside = tests.equivalence(found.found, margin=margin, alpha=alpha, limits=limits)
    bounds = None
    if found.worst is not None:
        against, favouring = (
            tests.fail_interval(w, level_alpha=2 * alpha, limits=limits) for w in found.worst
        )
        bounds = (against.low, favouring.high)
    return replace(
        _planned(blank, found, inside.estimate, standard),
        estimate=inside.estimate,
        low=inside.low,
        high=inside.high,
        p_fail=at.total(tests.p_beyond(found.found, margin=margin, limits=limits)),
        method="; ".join(filter(None, (inside.method, blank.method))),
        clusters=len(d),
        n_eff=intervals.effective_clusters(d),
        passes_from=margins.passes_from(found.found, alpha=alpha, limits=limits, tests=tests),
        differences=tuple(d.tolist()),
        scenarios=found.scenarios,
        bounds=bounds,
    )


def _planned(blank: Contrast, told: Differences, estimate: float, standard: Standard) -> Contrast:
    """Says what this many scenarios and names can show, and what limits it."""
    d, found, margin, alpha = told.values, told.found, blank.margin, standard.alpha
    sd = intervals.standard_error(d) * math.sqrt(len(d))
    assumed = standard.spread[blank.outcome]
    spread = sd or assumed
    detectable = power.detectable(spread, len(d), margin, alpha=alpha) if len(d) > 1 else None
    needed = power.to_settle(d, margin, assumed=assumed, alpha=alpha)
    if not isinstance(found, Crossed):
        return replace(blank, detectable=detectable, needed=needed)
    if sd:  # the same formula, at the error and the degrees of freedom of both factors
        units = found.freedom + 1
        error = math.sqrt(found.variance * units)
        detectable = power.detectable(error, units, margin, alpha=alpha)
    beside = names_power.needed_beside(
        found.floor, spread, found.names, margin, estimate, alpha=alpha
    )
    return replace(
        blank,
        detectable=detectable,
        needed=beside and needed and max(beside, needed),
        names=found.names,
        limited_by=found.limit,
        variance=found.variance,
        freedom=found.freedom,
    )
