"""Cross-check: a finished run -> our estimate of each gated cell beside that of a mixed model.

It is read by people and decides nothing. Names are no factor of the model: where a standard gates
the arm `implicit`, its error is too small there.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from harness import _pairing, controls, judging, outcomes, runs
from harness._paired import (
    cells_of,
    complete_sets,
    contrasts_of,
    difference,
    gates,
    limits_of,
    names_of,
)
from harness.find import plugin
from harness.records import Probe, Standard
from harness.stats.evidence import fail_interval, standard_error
from harness.stats.intervals import Interval
from harness.stats.mixed import Mixed, random_intercept

_CELL = ("probe", "language", "arm", "outcome", "group", "reference", "scenarios", "sets")
_OURS = ("estimate", "low", "high", "error", "method")
_MIXED = tuple(
    f"mixed_{name}" for name in ("estimate", "low", "high", "error", "method", "converged")
)
"""Columns of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One gated cell, estimated twice."""

    probe: str
    language: str
    arm: str
    outcome: str
    group: str
    reference: str
    scenarios: int
    sets: int
    """Complete counterfactual sets."""
    ours: Interval
    """At 1 - alpha for this cell alone, unadjusted for the others."""
    error: float
    """Our standard error; 0 where no spread was seen."""
    mixed: Mixed | None
    """None where the model has nothing to fit."""


def check(folder: Path) -> list[Checked]:
    """Estimates the gated cells of a finished run in both ways; writes nothing.

    Raises:
        BadRun: there is no run, it is not finished, or a file was changed.
    """
    run = _pairing.opened(folder)
    loaded, standard = runs.probes_of(run.head), runs.standard_of(run.head)
    rows, looks, _ = judging.joined(run)
    rows, _ = controls.read(rows, loaded, standard, looks)
    modules = outcomes.modules(loaded)
    return [c for probe in loaded for c in _of_probe(rows, probe, standard, modules)]


def largest(checked: Sequence[Checked]) -> float | None:
    """Returns the largest |difference of both estimates|, in our standard errors; None without any."""
    apart = [
        abs(c.mixed.estimate - c.ours.estimate) / c.error for c in checked if c.mixed and c.error
    ]
    return max(apart, default=None)


def lines(checked: Sequence[Checked]) -> Iterator[str]:
    """Yields the cells as text, three lines each, and the largest distance as the last line."""
    for c in checked:
        yield f"{c.probe} {c.language} {c.arm} {c.outcome}: {c.group} - {c.reference}"
        counted = f"{c.ours.method}; {c.scenarios:,} scenarios, {c.sets:,} sets"
        yield f"  ours   {_told(c.ours, c.error)}  {counted}"
        if c.mixed:
            end = "" if c.mixed.converged else ", NOT converged"
            yield f"  mixed  {_told(c.mixed, c.mixed.error)}  {c.mixed.method}{end}"
        else:
            yield "  mixed  nothing to fit: one scenario, or equal differences"
    apart = largest(checked)
    told = "none to compare" if apart is None else f"{apart:.2g}"
    yield f"largest |difference of estimates| / our standard error: {told}"


def to_csv(checked: Sequence[Checked]) -> str:
    """Returns the cells as a table, safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [*_CELL, *_OURS, *_MIXED], lineterminator="\r\n")
    table.writeheader()
    table.writerows(_flat(c) for c in checked)
    return text.getvalue()


def _of_probe(
    rows: pd.DataFrame, probe: Probe, standard: Standard, modules: dict[str, ModuleType]
) -> Iterator[Checked]:
    groups = [g.name for g in probe.groups]
    for (language, arm, outcome), cell in cells_of(rows[rows["probe"] == probe.name], probe):
        if not gates(standard, probe, outcome, arm):
            continue
        module = modules[outcome]
        told = list(contrasts_of(cell, groups, module.AGAINST))[: standard.gated_groups]
        for group, reference, value, seen in told:
            sets, at = complete_sets(value, seen)
            if not len(sets):
                continue
            found = difference(value, seen, module.RANGE, names_of(cell, value)).found
            limits = limits_of(module.AGAINST, module.RANGE)
            yield Checked(
                probe=probe.name,
                language=language,
                arm=arm,
                outcome=outcome,
                group=group,
                reference=reference,
                scenarios=int(at.max()) + 1,
                sets=len(sets),
                ours=fail_interval(found, level_alpha=standard.alpha, limits=limits),
                error=standard_error(found),
                mixed=random_intercept(sets, at, standard.alpha),
            )


def _told(interval: Interval | Mixed, error: float) -> str:
    return f"{interval.estimate:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]  se {error:.4f}"


def _flat(c: Checked) -> dict[str, Any]:
    """Returns a row of the table; empty where the model had nothing to fit."""
    neutral = plugin("reports", "csv").neutral
    cell = {name: neutral(getattr(c, name)) for name in _CELL}
    ours = {"error": c.error, **{k: getattr(c.ours, k) for k in _OURS if k != "error"}}
    return cell | ours | {k: getattr(c.mixed, k.removeprefix("mixed_"), None) for k in _MIXED}
