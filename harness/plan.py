"""Plans: a suite, a standard and a model -> what verdicts take, before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from harness import _chances, _obstacles, _spreads, outcomes
from harness._asked import Asked, Block
from harness._chances import Aim
from harness._costs import Costs
from harness._paired import JUDGED, compared, gates, limits_of
from harness._spreads import Cell, Spread
from harness.models._base import Foreseen
from harness.records import Ask, Probe, Standard

_NAMES = "; names are taken to vary as much as scenarios (the standard gives no spread.names)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One gated cell, and what its verdict takes."""

    probe: str
    attribute: str
    format: str
    language: str
    arm: str
    outcome: str
    group: str
    reference: str
    margin: float
    clusters: int
    """Scenarios that it has."""
    needed: int | None
    """Scenarios with which all gated cells PASS together (80 %), were there no difference."""
    needed_fail: int | None
    """Scenarios with which it FAILs (80 %), were the difference two margins."""
    passes: float
    """Probability of PASS with the scenarios that it has, were there no difference."""
    fails: float
    """Probability of FAIL with them, were the difference two margins."""
    sd: float
    """Between-scenario standard deviation that is planned with."""
    source: str
    """Where it comes from."""
    names: int
    """Names of each group; 0 where groups are mentioned."""
    needed_names: int | None
    void: tuple[str, ...]
    """Why it will be INVALID, whatever the answers."""
    unresolved: tuple[str, ...]
    """The controls that are too small, so that a PASS becomes INCONCLUSIVE."""
    too_few: tuple[str, ...]
    """What is too few for a PASS, at this spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run takes, and what it can show."""

    suite: str
    standard: str
    model: str
    cells: tuple[Planned, ...]
    """Those that decide the verdict."""
    shown_only: int
    """Cells that are asked but decide nothing."""
    all_pass: float
    """Probability that every gated cell PASSes, were there no difference and they independent."""
    costs: Costs


def make(
    suite: str,
    asked: Asked,
    probes: Sequence[Probe],
    standard: Standard,
    model: Foreseen,
    costs: Costs,
    spreads: Mapping[Cell, Spread] | None = None,
) -> Plan:
    """Plans the gated cells of a suite; `spreads` are those that an earlier run has seen."""
    modules = outcomes.modules(probes)
    found = list(_contrasts(asked, probes, modules))
    gated = [
        (block, outcome, pair)
        for block, outcome, at, pair in found
        if at < standard.gated_groups and gates(standard, block.probe, outcome, block.first.arm)
    ]
    given = _Given(asked, standard, model, spreads or {}, len(gated))
    cells = tuple(
        _cell(block, outcome, pair, modules[outcome], given) for block, outcome, pair in gated
    )
    return Plan(
        suite=suite,
        standard=standard.name,
        model=model.name,
        cells=cells,
        shown_only=len(found) - len(gated),
        all_pass=math.prod(cell.passes for cell in cells) if cells else 0.0,
        costs=costs,
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """What all cells of a plan share."""

    asked: Asked
    standard: Standard
    model: Foreseen
    spreads: Mapping[Cell, Spread]
    contrasts: int


def _contrasts(
    asked: Asked, probes: Sequence[Probe], modules: Mapping[str, ModuleType]
) -> Iterator[tuple[Block, str, int, tuple[str, str]]]:
    """Yields every contrast that a run will make, with its place among the groups."""
    for probe in probes:
        for language in probe.languages:
            for arm in JUDGED:
                block = asked.blocks.get((probe.name, language, arm))
                if block:
                    yield from _of_block(block, modules)


def _of_block(
    block: Block, modules: Mapping[str, ModuleType]
) -> Iterator[tuple[Block, str, int, tuple[str, str]]]:
    groups = [g.name for g in block.probe.groups if g.name in block.surfaces]
    for outcome in block.probe.outcomes:
        for at, pair in enumerate(compared(groups, modules[outcome].AGAINST)):
            yield block, outcome, at, pair


def _cell(
    block: Block, outcome: str, pair: tuple[str, str], module: ModuleType, given: _Given
) -> Planned:
    probe, language, arm = block.probe, block.first.language, block.first.arm
    asked, standard, clusters = given.asked, given.standard, len(block.scenarios)
    spread = _spread(block, outcome, pair, module, given)
    limits = limits_of(module.AGAINST, module.RANGE)
    names = min(map(len, block.surfaces.values())) if arm == "implicit" else 0
    aim = Aim(
        margin=standard.margins[outcome],
        reach=max(-limits[0], limits[1]),
        alpha=standard.alpha,
        contrasts=given.contrasts,
        names=names,
        name_sd=standard.spread.get("names", spread.sd),
    )
    chances = _chances.of(spread, aim, clusters)
    void = tuple(_obstacles.void(block, outcome, module, asked, standard, given.model))
    unresolved = tuple(_obstacles.unresolved(block, outcome, module, asked, standard))
    return Planned(
        probe=probe.name,
        attribute=probe.attribute,
        format=probe.format,
        language=language,
        arm=arm,
        outcome=outcome,
        group=pair[0],
        reference=pair[1],
        margin=aim.margin,
        clusters=clusters,
        needed=chances.needed,
        needed_fail=chances.needed_fail,
        passes=0.0 if void or unresolved else chances.passes,
        fails=0.0 if void else chances.fails,
        sd=spread.sd,
        source=spread.source + (_NAMES if names and "names" not in standard.spread else ""),
        names=names,
        needed_names=chances.needed_names,
        void=void,
        unresolved=unresolved,
        too_few=tuple(_obstacles.too_few(chances, clusters, aim)),
    )


def _spread(
    block: Block, outcome: str, pair: tuple[str, str], module: ModuleType, given: _Given
) -> Spread:
    """Returns the cell's own spread, else its outcome's, else what the standard assumes."""
    first = block.first
    by_degrees = block.probe.ask is Ask.CHOOSE and outcomes.by_degrees(module, first)
    seen = given.spreads.get((first.probe, first.language, first.arm, outcome, *pair))
    seen = seen or given.spreads.get((outcome,))
    if seen:
        return replace(seen, flips=not by_degrees)
    return _spreads.declared(given.standard, outcome, by_degrees)
