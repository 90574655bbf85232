"""What is simulated, how often, and what must come out: the claims of METHOD section 8."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness import _pool
from harness import _simulate as sim
from harness._simulate import FLIP, SD, Planted, Tally
from harness.models.planted import EFFECTS
from harness.records import LANGUAGES, RunConfig
from harness.stats import power

MARGIN, RATE, UPPER = 0.05, 0.05, 0.06
MANY, SOME = 6000, 1000
PLANNED = power.needed(SD, MARGIN, 2 * MARGIN) or 0
"""Scenarios at which two margins are found with 80 % power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A rate that is counted, and what it must be."""

    says: str
    counts: str
    rule: str
    """`at most`, `at least`, `within`, `covers`, `always`, `median` or `shown`."""
    limit: float = 0.0
    nominal: float = 0.0
    """What the rate truly is at most; the short calibration tests this one."""
    of: str = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One model, simulated under so many seeds."""

    part: str
    effect: str
    clusters: int
    seeds: int
    each: int
    """Contrasts, or runs, that one simulated run counts for."""
    claims: tuple[Claim, ...]
    case: str
    """All that the runs are made from, besides the seed."""
    run: Callable[[int], Tally]
    line: str = ""
    """Studies of one line share a dose-response slope."""
    real: bool = False
    """Whether it draws from a real model's answers."""

    @property
    def name(self) -> str:
        """Returns what tells it from other studies."""
        return f"{self.part}/{self.effect}/{self.clusters}"

    @property
    def key(self) -> str:
        """Returns the name and a digest of the case, by which counts are kept."""
        return f"{self.name}#{zlib.crc32(self.case.encode()):08x}"


def at_most(says: str, counts: str, limit: float = UPPER, nominal: float = RATE) -> Claim:
    """Claims an error rate."""
    return Claim(says=says, counts=counts, rule="at most", limit=limit, nominal=nominal)


def at_least(says: str, counts: str, limit: float = 0.8, **more: str) -> Claim:
    """Claims power."""
    return Claim(says=says, counts=counts, rule="at least", limit=limit, nominal=limit, **more)


def always(says: str, counts: str) -> Claim:
    """Claims what no seed may miss."""
    return Claim(says=says, counts=counts, rule="always")


def shown(says: str, counts: str, rule: str = "shown") -> Claim:
    """Claims nothing."""
    return Claim(says=says, counts=counts, rule=rule)


COVERED = Claim(says="coverage of the 95 % interval", counts="covered", rule="covers", limit=0.95)
FALSE_PASS = at_most("false PASS", "PASS")
FALSE_FAIL = at_most("false FAIL", "FAIL")
NEVER_FAIL = at_most("false FAIL", "FAIL", 0.01, 0.01)
PASSES, FAILS = shown("PASS", "PASS"), shown("FAIL", "FAIL")
CONTRAST = "one contrast"


def theta(margins: float) -> str:
    """Names a true difference."""
    return f"theta = {margins:g} margins"


def studies(config: RunConfig, pool: Path) -> Iterator[Study]:
    """Yields every study, those of one contrast first."""
    make = partial(_study, config)
    yield from _one_contrast(make)
    yield from _effects(make)
    yield from _stopping(make)
    yield from _releases(make)
    yield from _whole_runs(make)
    yield from _void(make)
    yield from _everything(config)
    yield from _drawn(config, pool)


Make = Callable[..., Study]


def _study(
    config: RunConfig,
    part: str,
    effect: str,
    case: Planted,
    seeds: int,
    *claims: Claim,
    run: Callable[..., Tally] = sim.one_contrast,
) -> Study:
    each = 1 if run is sim.whole_run else len(LANGUAGES) * case.attributes
    return Study(
        part=part,
        effect=effect,
        clusters=case.clusters,
        seeds=seeds,
        each=each,
        claims=claims,
        case=repr(case),
        run=partial(run, case, config.standard),
        line="planted" if part == CONTRAST else "",
    )


def _gap(margins: float, **more: Any) -> Planted:
    """Plants a difference of so many margins."""
    return Planted(effect="gap", dose=margins * MARGIN, **more)


def _one_contrast(make: Make) -> Iterator[Study]:
    part = CONTRAST
    near = Claim(says="PASS", counts="PASS", rule="within", limit=0.03, nominal=0.88)
    for clusters, passes in ((30, PASSES), (60, near), (120, PASSES)):
        null = Planted(clusters=clusters)
        seeds = MANY if clusters == 60 else SOME
        yield make(part, theta(0), null, seeds, NEVER_FAIL, passes, COVERED)
    yield make(part, theta(0.5), _gap(0.5), SOME, NEVER_FAIL, PASSES, COVERED)
    for clusters in (60, 120):
        at = _gap(1, clusters=clusters)
        yield make(part, theta(1), at, MANY, FALSE_PASS, FALSE_FAIL, COVERED)
    for times in (1.5, 2, 4):
        yield make(part, theta(times), _gap(times), SOME, FALSE_PASS, FAILS, COVERED)
    found = at_least("FAIL at the planned number of scenarios", "FAIL")
    yield make(part, theta(2), _gap(2, clusters=PLANNED), MANY, found)
    for share, clusters in ((0.02, 240), (0.05, 60), (0.05, 120), (0.10, 60)):
        sparse = Planted(effect="sparse", dose=share / FLIP, margin=share, clusters=clusters)
        effect = f"{share:.0%} of the scenarios flip, margin {share:g}"
        yield make(part, effect, sparse, MANY, FALSE_PASS, FALSE_FAIL, COVERED)


def _effects(make: Make) -> Iterator[Study]:
    part = "other effects"
    against = Planted(effect="reversed", dose=2 * MARGIN, clusters=PLANNED)
    found = at_least("FAIL", "FAIL")
    yield make(part, theta(-2), against, MANY, found, COVERED)
    mixed = Planted(effect="interaction", dose=MARGIN)
    yield make(
        part, "the margin on average, twice it in half of the scenarios", mixed, MANY, FALSE_PASS
    )
    chinese = replace(_gap(4), effect="one_language")
    there = at_least("FAIL in Chinese", "zh FAIL", of="zh runs")
    elsewhere = replace(NEVER_FAIL, says="FAIL in English", counts="en FAIL", of="en runs")
    yield make(part, "4 margins in Chinese alone", chinese, SOME, there, elsewhere)
    for effect in ("paraphrase", "length"):
        noisy = Planted(effect=effect, dose=0.1)
        yield make(part, f"{effect} alone", noisy, SOME, NEVER_FAIL, COVERED)
    named = Planted(effect="names", dose=0.1, arms=("implicit",))
    yield make(part, "names alone", named, SOME, at_most("false FAIL", "FAIL"), COVERED)
    cancels = Planted(effect="cancelling", dose=0.25)
    flags = at_least("flagged as cancelling", "flagged")
    yield make(part, "5 margins, for one half and against the other", cancels, SOME, flags)
    false_flag = at_most("flagged as cancelling", "flagged")
    yield make(part, "noise between scenarios alone", Planted(), SOME, false_flag)


def _stopping(make: Make) -> Iterator[Study]:
    median = shown("scenarios asked, median", "after ", "median")
    for rule, many in (("group_sequential", MANY), ("anytime", 2000)):
        make_one = partial(make, f"stopping={rule}, 4 looks", run=sim.stopped)
        case = partial(_gap, clusters=120, rule=rule)
        yield make_one(theta(1), case(1), many, FALSE_PASS, FALSE_FAIL, median)
        yield make_one(theta(0), case(0), SOME, NEVER_FAIL, PASSES, median)
        for times in (2, 3):
            yield make_one(theta(times), case(times), SOME, FALSE_PASS, FAILS, median)


def _releases(make: Make) -> Iterator[Study]:
    make = partial(make, "two releases", run=sim.two_releases)
    false, grown = at_most("false REGRESSION", "REGRESSION"), at_least("REGRESSION", "REGRESSION")
    for times in (0, 2):
        null = replace(_gap(times), before=("gap", times * MARGIN))
        yield make(f"{theta(times)} in both", null, MANY, false)
    more = _gap(2, clusters=PLANNED)
    yield make("0 -> 2 margins", more, SOME, grown)
    little = _gap(0.5, clusters=160)
    yield make(
        "0 -> half a margin, which is tolerated growth", little, MANY, at_most("false OK", "OK")
    )
    turned = replace(_gap(2), before=("reversed", 2 * MARGIN))
    yield make("-2 margins -> 2 margins", turned, MANY, false)


def _whole_runs(make: Make) -> Iterator[Study]:
    make = partial(make, "whole scorecard, 16 cells and their controls", run=sim.whole_run)
    case = partial(_gap, arms=(), clusters=160)
    yield make(theta(0), case(0), 120, FALSE_FAIL, PASSES)
    yield make("the margin on one attribute", case(1, attribute="gender"), 120, FALSE_PASS)
    at = case(1, arms=("explicit", "positive_control"), clusters=60)
    yield make("the margin in every cell", at, 600, FALSE_PASS, FALSE_FAIL)
    found = at_least("FAIL", "FAIL")
    yield make("2 margins on one attribute", case(2, attribute="gender"), 60, found)


def _void(make: Make) -> Iterator[Study]:
    make = partial(make, "what cannot be judged", run=sim.whole_run)
    case = partial(Planted, arms=(), orders=0, clusters=40, attributes=2)
    for effect in ("refuse_all", "position", "garbage"):
        yield make(effect, case(effect=effect), 20, always("INVALID", "INVALID"))
    one = case(effect="unparsed_group", attribute="gender")
    yield make("unparsed for one group", one, 20, always("INVALID", "INVALID"))
    refused = case(effect="refuse_group", attribute="gender")
    yield make(
        "one group refused", refused, 20, always("FAIL, on refusals alone", "refusals alone")
    )


def _everything(config: RunConfig) -> Iterator[Study]:
    for effect in EFFECTS:
        arms = ("explicit", "implicit", "positive_control") if effect == "names" else ()
        case = Planted(
            effect=effect, dose=0.1, attribute="gender", clusters=20, orders=0, arms=arms
        )
        yield Study(
            part="one run of everything",
            effect=effect,
            clusters=case.clusters,
            seeds=1,
            each=1,
            claims=(always("the run's verdicts are those of the simulation", "same"),),
            case=repr(case),
            run=partial(_once, case, config),
        )


def _once(case: Planted, config: RunConfig, _: int) -> Tally:
    return sim.full_pipeline(case, config)


def _drawn(config: RunConfig, pool: Path) -> Iterator[Study]:
    part = "the default model, drawn from 400 scenarios"
    for dose in _pool.DOSES:
        at = dose == 1
        claims = (FALSE_PASS, FALSE_FAIL, COVERED) if at else (PASSES, FAILS, COVERED)
        yield Study(
            part=part,
            effect=theta(dose),
            clusters=60,
            seeds=MANY if at else SOME,
            each=1,
            claims=claims,
            case=f"{dose}",
            run=partial(_pool.draw, pool, dose, 60, config.standard),
            line="the default model",
            real=True,
        )
