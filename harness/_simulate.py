"""Simulated runs: a planted model's answers to generated prompts -> what was concluded of them.

The way from the answers on is that of every run. A contrast by itself is a family of one, before
controls, which can only take a verdict away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from harness import changes, contrasts, controls, judging, outcomes, pipeline, probes, verdicts
from harness._joined import ASKED, join
from harness._looks import WHOLE, Looks, of_run
from harness._paired import evidence_of
from harness.models import planted
from harness.prompts import expand
from harness.records import (
    ATTRIBUTES,
    Call,
    Contrast,
    Decoding,
    Outcome,
    Probe,
    Prompt,
    Response,
    RunConfig,
    Standard,
    Suite,
    Verdict,
    to_table,
)
from harness.stats import evidence

OUTCOME = "favourable"
SD = 0.12
"""Between scenarios, of a difference as it is seen: with the noise of its two wordings."""
FLIP = 0.99
"""What a flip of the planted model moves an answer by: from 0.005 to 0.995."""
LOOKS, SEED = 4, 1


class Tally(dict[str, float]):
    """What was counted -> how often; `runs` is what it is a share of."""

    def __missing__(self, key: str) -> float:
        return 0

    def add(self, *names: str) -> None:
        """Counts each name once more."""
        self.join(dict.fromkeys(names, 1))

    def join(self, other: Mapping[str, float]) -> None:
        """Adds what was counted elsewhere."""
        for name, times in other.items():
            self[name] += times


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A planted model and what it is asked."""

    effect: str = "none"
    dose: float = 0.0
    attribute: str = "all"
    clusters: int = 60
    margin: float = 0.05
    rule: str = "none"
    before: tuple[str, float] = ("none", 0.0)
    """Effect and dose of the baseline, where two releases are compared."""
    arms: tuple[str, ...] = ("explicit",)
    orders: int = 1
    attributes: int = 8
    """So many of the eight are asked about."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Returns what the planted model is opened with."""
        noise = math.sqrt(SD**2 - 2 * planted.SURFACE_NOISE**2)
        told = {"effect": self.effect, "dose": self.dose, "attribute": self.attribute}
        return {**told, "noise": noise}

    @property
    def theta(self) -> float:
        """Returns the true difference."""
        sign = -1 if self.effect == "reversed" else 1
        shifts = {"gap": 1.0, "reversed": 1.0, "sparse": FLIP}
        return sign * shifts.get(self.effect, 0.0) * self.dose

    def suite(self) -> Suite:
        """Returns the generated suite that is asked."""
        chosen = sorted(ATTRIBUTES[:8], key="gender".__ne__)[: self.attributes]
        return Suite(
            name="planted",
            probes=tuple(f"planted_{name}" for name in chosen),
            generated=self.clusters,
            paraphrases=1,
            orders=self.orders,
            arms=self.arms,
            window=4096,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a planted model is asked, made once for all its runs."""

    probes: Sequence[Probe]
    prompts: Sequence[Prompt]
    table: pa.Table
    modules: Mapping[str, ModuleType]


@lru_cache(2)
def asked(suite: Suite, looks: int = 1, *, whole: bool = False) -> Asked:
    """Generates the prompts of a suite, in the order of the looks.

    Unless the whole is wanted, nothing but the simulated outcome is measured of the answers.
    """
    made = probes.select(suite)
    if not whole:
        made = [replace(probe, outcomes=(OUTCOME,)) for probe in made]
    every = list(expand(made, suite, SEED, looks=looks))
    table = to_table(every, Prompt).select(["id", "roles", *ASKED])
    return Asked(made, every, table, outcomes.modules(made))


def one_contrast(case: Planted, standard: Standard, seed: int) -> Tally:
    """Counts the verdicts of one run's contrasts, and how many intervals hold the truth."""
    whole = asked(case.suite())
    standard = tolerating(standard, case.margin)
    return conclude(answered(case, whole, seed), whole, standard, case.theta)


def conclude(rows: pd.DataFrame, whole: Asked, standard: Standard, theta: float) -> Tally:
    """Judges each contrast by itself."""
    found = compared(rows, whole, standard)
    told = Tally()
    for verdict in alone(found, standard):
        contrast, call = verdict.contrast, verdict.verdict.value
        language, estimate = contrast.language, contrast.estimate
        told.add("runs", call, f"{language} runs", f"{language} {call}")
        if estimate is None:
            continue
        inside = evidence.fail_interval(evidence_of(contrast), level_alpha=standard.alpha)
        told.join({"covered": inside.low <= theta <= inside.high, "flagged": contrast.cancels})
        told.join({"truth": theta, "estimates": estimate, "squares": estimate**2})
    return told


def stopped(case: Planted, standard: Standard, seed: int) -> Tally:
    """Judges each contrast at each look until it is decided; counts what was asked by then."""
    standard, whole = tolerating(standard, case.margin), asked(case.suite(), LOOKS)
    rows, told, done = answered(case, whole, seed), Tally(), set[tuple[str, str]]()
    for look in range(1, LOOKS + 1):
        part = rows[rows["look"] <= look]
        looks = of_run(case.rule, whole.table, part)
        for verdict in alone(compared(part, whole, standard, looks), standard):
            block = verdict.contrast.probe, verdict.contrast.language
            decided = verdict.verdict in (Call.PASS, Call.FAIL)
            if block in done or not (decided or look == LOOKS):
                continue
            done.add(block)
            told.add("runs", verdict.verdict.value, f"after {verdict.contrast.clusters}")
    return told


def two_releases(case: Planted, standard: Standard, seed: int) -> Tally:
    """Compares each contrast of a candidate with that of a baseline of the same kind."""
    effect, dose = case.before
    old = replace(case, effect=effect, dose=dose)
    standard, whole = tolerating(standard, case.margin), asked(case.suite())
    both = [
        alone(compared(answered(c, whole, s), whole, standard), standard)
        for c, s in ((old, -1 - seed), (case, seed))
    ]
    told = Tally()
    for pair in zip(*both, strict=True):
        before, after = ([verdict] for verdict in pair)
        [change] = changes.compare(before, after, standard, whole.modules)
        told.add("runs", change.call.value)
    return told


def whole_run(case: Planted, standard: Standard, seed: int) -> Tally:
    """Judges one run with everything that a scorecard is derived from."""
    judged = _judged(case, tolerating(standard, case.margin), seed)
    failed = {(v.contrast.attribute, v.contrast.outcome) for v in judged if v.verdict is Call.FAIL}
    told = Tally()
    told.add("runs", verdicts.overall(judged)[0].value)
    told.join({"refusals alone": failed == {(case.attribute, "refused")}})
    return told


def full_pipeline(case: Planted, config: RunConfig) -> Tally:
    """Runs everything once, files and all; `same`: its verdicts are those of `whole_run`."""
    with TemporaryDirectory() as place:
        own = replace(config, suite=case.suite(), settings=case.settings, seed=SEED, out=place)
        card, _ = pipeline.run(own)
    same = list(card.cells) == _judged(case, config.standard, SEED)
    return Tally({"runs": 1, "same": int(same)})


def answered(case: Planted, whole: Asked, seed: int) -> pd.DataFrame:
    """Answers every prompt as the planted model does; returns outcomes joined with prompts."""
    model = planted.open(case.settings, Decoding(seed=seed))
    return measured(whole, model.respond(whole.prompts))


def measured(whole: Asked, responses: Sequence[Response]) -> pd.DataFrame:
    """Measures answers, and joins them with their prompts."""
    names = {p.name: p.outcomes for p in whole.probes}
    found = outcomes.measure(whole.prompts, responses, names, whole.modules)
    return join(whole.table, to_table(found, Outcome))


def alone(found: Iterable[Contrast], standard: Standard) -> list[Verdict]:
    """Judges each contrast as a family of one."""
    return verdicts.judge([replace(c, p_adjusted=c.p_fail) for c in found], (), standard)


def tolerating(standard: Standard, margin: float) -> Standard:
    """Returns a standard with another margin for the outcome that is simulated."""
    return replace(standard, margins={**standard.margins, OUTCOME: margin})


def compared(
    rows: pd.DataFrame, whole: Asked, standard: Standard, looks: Looks = WHOLE
) -> list[Contrast]:
    """Compares the groups on the simulated outcome, without controls."""
    rows, _ = controls.read(rows, whole.probes, standard, looks)
    rng = np.random.default_rng(SEED)
    return contrasts.compare(rows, whole.probes, (), standard, whole.modules, rng, looks)


def _judged(case: Planted, standard: Standard, seed: int) -> list[Verdict]:
    whole = asked(case.suite(), whole=True)
    rows = answered(case, whole, seed)
    looks = of_run(case.rule, whole.table, rows)
    return judging.judge(rows, whole.probes, standard, seed, looks)[2]
