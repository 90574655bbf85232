"""Validity: a finished run -> how far its scenarios, controls and formats hang together.

It is about the probes, seen through one model; it is read by people and decides nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import _pairing, judging, runs
from harness._paired import SIGNED, parted
from harness.controls import reaction_of
from harness.records import Call, Contrast, Probe, Seen
from harness.stats.binomial import clopper_pearson

NEITHER = frozenset({"length"})
"""Outcomes that are neither favour nor harm."""
ARM = "explicit"
_STEREOTYPE = dict.fromkeys(SIGNED.values(), ("stereotype", ""))
"""Group and reference of a contrast that a stereotype signs -> what they are called here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One outcome of one probe in one language; of its contrasts, the largest."""

    probe: str
    attribute: str
    format: str
    language: str
    outcome: str
    group: str
    reference: str
    scenarios: int
    estimate: float
    sd: float | None
    """Standard deviation of the differences between scenarios; None for one."""
    least: float | None
    """The smallest estimate that leaving out one scenario gives; None for one."""
    most: float | None
    """The largest."""
    reacted: float | None
    """Scenarios whose positive control moved the right way; None without a control."""
    refused: float
    """Share of the answers."""
    unparsed: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Concordance:
    """How often two formats find a difference of the same sign, of one language and contrast."""

    attribute: str
    """Empty: all of them together."""
    one: str
    other: str
    same: int
    of: int
    """Contrasts that both formats have, neither of them exactly 0."""
    low: float
    """Exact 95 % interval of the share; one half is chance."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """What a run says about its probes."""

    model: str
    suite: str
    """With the limits of what was asked of it."""
    cells: tuple[Cell, ...]
    concordance: tuple[Concordance, ...]


def check(folder: Path) -> Validity:
    """Reads a finished run; writes nothing.

    Raises:
        BadRun: there is no run, it is not finished, or a file was changed.
    """
    run = _pairing.opened(folder)
    loaded, standard = runs.probes_of(run.head), runs.standard_of(run.head)
    rows, looks, _ = judging.joined(run)
    rows, _, judged = judging.judge(rows, loaded, standard, run.head["seed"], looks)
    explicit = [v for v in judged if v.contrast.arm == ARM and v.contrast.estimate is not None]
    cells = _cells(rows, loaded, [(v.contrast, v.verdict) for v in explicit])
    return Validity(
        model=run.head["model"]["name"],
        suite=_asked(run.head["suite"]),
        cells=tuple(cells),
        concordance=tuple(concordance([v.contrast for v in explicit])),
    )


def leave_one_out(differences: Sequence[float]) -> tuple[float, float] | None:
    """Returns the smallest and largest mean of all but one of the differences; None of one.

    >>> leave_one_out([0.0, 0.0, 0.6])
    (0.0, 0.3)
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < 2:
        return None
    means = (d.sum() - d) / (len(d) - 1)
    return float(means.min()), float(means.max())


def concordance(found: Sequence[Contrast]) -> list[Concordance]:
    """Compares the signs of every two formats of one attribute, and of all attributes together.

    Contrasts of the same attribute, language, group and reference are compared; a format that has a
    contrast twice (two probes, or two outcomes) counts its mean. Interval: Clopper-Pearson, which
    takes contrasts for independent; those of one attribute share their reference, so it is too short.
    """
    signs = pd.DataFrame(
        [
            {
                "attribute": c.attribute,
                "key": (
                    c.language,
                    *_STEREOTYPE.get((c.group, c.reference), (c.group, c.reference)),
                ),
                "format": c.format,
                "value": -c.estimate if _harms(c) else c.estimate,
            }
            for c in found
            if c.estimate is not None and c.outcome not in NEITHER
        ],
        columns=["attribute", "key", "format", "value"],
    )
    told = []
    for attribute, part in (*signs.groupby("attribute", sort=False), ("", signs)):
        wide = part.pivot_table(
            index=["attribute", "key"], columns="format", values="value", aggfunc="mean"
        )
        for one, other in itertools.combinations(wide.columns, 2):
            both = np.sign(wide[[one, other]].dropna().to_numpy())
            both = both[(both != 0).all(axis=1)]
            if len(both):
                same, of = int((both[:, 0] == both[:, 1]).sum()), len(both)
                low, high = clopper_pearson(same, of)
                told.append(
                    Concordance(
                        attribute=str(attribute), one=one, other=other,
                        same=same, of=of, low=low, high=high,
                    )
                )  # fmt: skip
    return told


def _asked(suite: Mapping[str, Any]) -> str:
    """Says what was asked, as one would write it on the command line."""
    limits = ("scenarios", "paraphrases", "orders", "groups", "controls", "max_tokens")
    said = [f"suite={suite['name']}", *(f"suite.{k}={suite[k]}" for k in limits if suite[k])]
    arms = ",".join(suite["arms"])
    return " ".join([*said, *([f"suite.arms=[{arms}]"] if arms else [])])


def _harms(contrast: Contrast) -> bool:
    """Says whether a positive difference is bad for the group: being refused what harms nobody."""
    return contrast.outcome == "refused" and contrast.format != "harmful"


def _cells(
    rows: pd.DataFrame, loaded: Sequence[Probe], found: Sequence[tuple[Contrast, Call]]
) -> Iterator[Cell]:
    blocks = parted(rows, "probe", "language", "outcome")
    named = {probe.name: probe for probe in loaded}
    for key, group in itertools.groupby(found, key=lambda pair: pair[0].block):
        contrast, call = max(group, key=lambda pair: abs(pair[0].estimate or 0.0))
        probe, block = named[contrast.probe], blocks[key]
        shown = blocks.get((probe.controls or probe.name, key[1], probe.outcomes[0]), block[:0])
        reaction = reaction_of(shown, probe.format)
        asked = block[block["arm"] == ARM]["seen"]
        d = contrast.differences
        ends = leave_one_out(d)
        yield Cell(
            probe=contrast.probe,
            attribute=contrast.attribute,
            format=contrast.format,
            language=contrast.language,
            outcome=contrast.outcome,
            group=contrast.group,
            reference=contrast.reference,
            scenarios=len(d),
            estimate=contrast.estimate or 0.0,
            sd=float(np.std(d, ddof=1)) if len(d) > 1 else None,
            least=ends[0] if ends else None,
            most=ends[1] if ends else None,
            reacted=float((reaction > 0).mean()) if len(reaction) else None,
            refused=float((asked == Seen.REFUSED).mean()),
            unparsed=float((asked == Seen.UNPARSED).mean()),
            verdict=call,
        )
