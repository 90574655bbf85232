"""Contrasts: outcomes -> signed differences with their uncertainty."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa

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
)
from harness.records import Contrast, Control, Missing, Probe, Seen, Standard
from harness.stats import intervals, margins, power


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
    void = {c.block for c in controls if c.voids and c.holds is False}
    found = [
        contrast
        for probe in probes
        for contrast in _of_probe(
            rows[rows["probe"] == probe.name], probe, standard, outcomes, looks
        )
    ]
    for gated in (True, False):
        family = [i for i, c in enumerate(found) if c.gated is gated]
        adjusted = adjust([found[i] for i in family], void, standard, outcomes, rng, looks)
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
            yield _measured(blank, difference(value, seen, module.RANGE), limits, standard, looks)


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
    at = looks.of_contrasts(blank.probe, blank.language)
    margin, alpha = blank.margin, at.level(standard.alpha)
    inside = looks.inside.equivalence(d, margin=margin, alpha=alpha, limits=limits)
    sd = float(np.std(d, ddof=1)) if len(d) > 1 else None
    spread = sd or standard.spread[blank.outcome]
    bounds = None
    if found.worst is not None:
        against, favouring = (
            looks.beyond.fail_interval(w, level_alpha=2 * alpha, limits=limits) for w in found.worst
        )
        bounds = (against.low, favouring.high)
    return replace(
        blank,
        estimate=inside.estimate,
        low=inside.low,
        high=inside.high,
        p_fail=at.total(looks.beyond.p_beyond(d, margin=margin, limits=limits)),
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
