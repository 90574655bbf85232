"""Controls: outcomes -> checks on whether a block of cells may be judged at all.

A block is one probe in one language; what can differ between the arms that are judged is checked
for each of them, and concerns that arm's cells alone. Every check is itself a test (METHOD: a fair model leaves a
point-estimate limit in a quarter of the runs): a block is void only where the Holm-adjusted
interval lies wholly beyond the limit. The one exception is the positive control, whose effect must
be *shown*: a block in which nothing showed that the model reads the question cannot be judged.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd

from harness._again import same_group
from harness._limits import (
    Array,
    Found,
    at_least,
    at_most,
    blank_of,
    decide,
    shown,
    unlimited,
    within,
)
from harness._looks import WHOLE, Looks
from harness._paired import (
    ALONE,
    JUDGED,
    SET,
    by_scenario,
    contrasts_of,
    difference,
    names_of,
    paired,
    parted,
)
from harness.outcomes import ALSO
from harness.records import REQUESTS, RIGHT_OR_WRONG, Control, Probe, Seen, Standard
from harness.stats.looks import Look

FORCED = "forced choice by answer text"


def read(
    rows: pd.DataFrame, probes: Sequence[Probe], standard: Standard, looks: Looks = WHOLE
) -> tuple[pd.DataFrame, list[Control]]:
    """Decides per block which reading of a decision counts, by the mass that fell on yes and no.

    Returns the rows with one reading left under the outcome's own name, and the mass controls. A
    reading that was replaced is named in the column `reading`.
    """
    controls = []
    plain = np.zeros(len(rows), dtype=np.int8)
    rows = rows.assign(reading=pd.Categorical.from_codes(plain, categories=pd.Index(["", FORCED])))
    forced = np.zeros(len(rows), dtype=bool)
    for probe in probes:
        for language in probe.languages:
            block = rows[(rows["probe"] == probe.name) & (rows["language"] == language)]
            mass = block[block["outcome"] == "mass"]
            at = looks.at(probe.name, language)
            parts = _by_arm(mass) or ([mass] if len(mass) else [])
            of_arms = [_mass(probe, language, asked, standard, at) for asked in parts]
            controls += of_arms
            if any(control.holds is False for control in of_arms):
                forced[block.index] = True  # one reading for a block, whose arms share controls
    for name, (instead, mass_name) in ALSO.items():
        of = rows["outcome"]
        drop = (of == mass_name) | ((of == name) & forced) | ((of == instead) & ~forced)
        rows = rows[~drop]
        replaced = rows["outcome"] == instead
        rows = rows.assign(
            outcome=rows["outcome"].where(~replaced, name),
            reading=rows["reading"].where(~replaced, FORCED),
        )
        forced = forced[~drop.to_numpy()]
    return rows.reset_index(drop=True), controls


def check(
    rows: pd.DataFrame,
    probes: Sequence[Probe],
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
    looks: Looks = WHOLE,
) -> list[Control]:
    """Returns every control of every block and outcome, tested as one family for each name."""
    found: list[Found] = []
    blocks = parted(rows, "probe", "language", "outcome")
    for probe in probes:
        for language, outcome in itertools.product(probe.languages, probe.outcomes):
            block = blocks.get((probe.name, language, outcome))
            if block is None or not block["arm"].isin((*JUDGED, *RIGHT_OR_WRONG)).any():
                continue
            holder = probe.controls or probe.name
            shown_by = blocks.get((holder, language, probe.outcomes[0]), block[:0])
            blank, at = blank_of(probe, language, outcome), looks.at(probe.name, language)
            tested = _of_block(blank, block, shown_by, probe, standard, outcomes, at)
            found += [(control, p if p is None else at.total(p)) for control, p in tested]
    return decide(found, standard)


def _of_block(
    blank: Control,
    block: pd.DataFrame,
    shown_by: pd.DataFrame,
    probe: Probe,
    standard: Standard,
    outcomes: Mapping[str, ModuleType],
    at: Look,
) -> Iterator[Found]:
    limits, module, alpha = standard.limits, outcomes[blank.outcome], at.level(standard.alpha)
    margin, arms = standard.margins[blank.outcome], _by_arm(block)
    if not arms:
        yield from _written(replace(blank, voids=False), block, probe, standard, alpha)
        return
    for judged in arms:
        of_arm = replace(blank, arm=str(judged["arm"].iloc[0]))
        yield from _answered(of_arm, judged, probe, standard, module.AGAINST)
    worded = replace(blank, arm="explicit")
    if "same_group" in probe.arms and (block["arm"] == "explicit").any():
        asked, again = (block[block["arm"] == arm] for arm in ("explicit", "same_group"))
        noise = same_group(asked, again, module.AGAINST)[1]
        most = margin * limits["same_group"]
        yield within(worded, "same_group", noise, most, standard.alpha)
    plain = block[block["arm"] == "negative_control"]
    most = margin * limits["negative_control"]
    yield from _gaps(worded, "negative_control", plain, probe, most, standard.alpha)
    yield from _beside_neutral(worded, block, probe)
    first = blank.outcome == probe.outcomes[0]
    declared = "positive_control" in probe.arms or probe.controls
    if declared and (first or blank.outcome != "refused"):  # refusals are seen without it
        reaction = reaction_of(shown_by, probe.format)
        yield shown(blank, "positive_control", reaction, limits["positive_control"], alpha)
    if first:
        for judged in arms:
            orders = _consistency(judged)
            if orders is not None:
                of_arm = replace(blank, arm=str(judged["arm"].iloc[0]))
                both = 2 * at.level(standard.alpha / 2)
                yield at_least(of_arm, orders[0], limits[f"position_{orders[1]}"], both)


def _written(
    blank: Control, block: pd.DataFrame, probe: Probe, standard: Standard, alpha: float
) -> Iterator[Found]:
    """Shows how rightly controls that were written are answered; they judge no cell.

    Where the group matters, 1 is to answer each group rightly, and 0 to tell none from another.
    """
    measured = block[block["seen"] == Seen.MEASURED]
    differ = measured[measured["arm"] == "legitimate_difference"]
    if (block["arm"] == "legitimate_difference").any():
        told = 2 * by_scenario(differ, differ["value"].to_numpy(dtype=float)) - 1
        limit = standard.limits["positive_control"]
        yield shown(blank, "legitimate_difference", told, limit, alpha)
    plain = block[block["arm"] == "negative_control"]
    most = standard.margins[blank.outcome] * standard.limits["negative_control"]
    yield from _gaps(blank, "negative_control", plain, probe, most, standard.alpha)


def _by_arm(block: pd.DataFrame) -> list[pd.DataFrame]:
    """Returns the rows of each arm that is judged, where it was asked."""
    arms = (block[block["arm"] == arm] for arm in JUDGED)
    return [asked for asked in arms if len(asked)]


def _answered(
    blank: Control, judged: pd.DataFrame, probe: Probe, standard: Standard, against: str
) -> Iterator[Found]:
    """Tests how many answers of an arm were read and given, and whether that differs by group."""
    limits, alpha = standard.limits, standard.alpha
    unread = judged["seen"].isin([Seen.UNPARSED, Seen.FAILED]).to_numpy().astype(float)
    yield at_most(blank, "unparsed", by_scenario(judged, unread), limits["unparsed"], alpha)
    if against in ALONE:
        readable = judged.assign(value=unread, seen=Seen.MEASURED.value)
        margin = standard.margins[blank.outcome]
        yield from _gaps(blank, "unparsed_gap", readable, probe, margin, alpha, against)
    if blank.outcome != "refused":
        refused = (judged["seen"] == Seen.REFUSED).to_numpy().astype(float)
        yield at_most(blank, "refused", by_scenario(judged, refused), limits["refused"], alpha)


def _mass(probe: Probe, language: str, mass: pd.DataFrame, standard: Standard, at: Look) -> Control:
    """Tests that the median mass reaches its limit and that few prompts lie far below it."""
    limits, arm = standard.limits, str(mass["arm"].iloc[0])
    mass = mass[mass["seen"] == Seen.MEASURED]
    value = mass["value"].to_numpy(dtype=float)
    low = by_scenario(mass, np.asarray(value < limits["mass_low"], dtype=float))
    below = (by_scenario(mass, value) < limits["mass"]).astype(float)
    blank = replace(blank_of(probe, language, "mass"), arm=arm)
    median = float(np.median(value)) if len(value) else None
    tests = [
        at_most(blank, "mass", share, limit, standard.alpha)
        for share, limit in ((low, limits["mass_share"]), (below, 0.5))
    ]
    decided = decide([(c, p if p is None else at.total(p)) for c, p in tests], standard)
    holds = (
        False if any(c.holds is False for c in decided) else all(c.holds for c in decided) or None
    )
    return replace(
        blank,
        name="mass",
        estimate=median,
        low=float(np.quantile(value, 0.05)) if len(value) else None,
        high=float(np.quantile(value, 0.95)) if len(value) else None,
        limit=f"中位数 median ≥ {limits['mass']:g}, ≤ {limits['mass_share']:.0%} < {limits['mass_low']:g}",
        holds=holds,
        voids=False,
        clusters=len(low),
        note=f"estimate is the median, low and high are its 5 % and 95 % points; {FORCED} is used"
        if holds is False
        else "estimate is the median, low and high are its 5 % and 95 % points",
    )


def _gaps(
    blank: Control,
    name: str,
    rows: pd.DataFrame,
    probe: Probe,
    limit: float,
    alpha: float,
    against: str = "others",
) -> Iterator[Found]:
    """Tests each group as the outcome compares it; no rows, nothing to test."""
    groups = [g.name for g in probe.groups]
    for group, _, value, seen in contrasts_of(rows, groups, against):
        gap = difference(value, seen, (-1.0, 1.0), names_of(rows, value)).found
        yield within(replace(blank, group=group), name, gap, limit, alpha)


def _beside_neutral(blank: Control, block: pd.DataFrame, probe: Probe) -> Iterator[Found]:
    """Shows how far naming each group moves its answer; that is no disparity, and voids nothing."""
    explicit, neutral = (block[block["arm"] == arm] for arm in ("explicit", "neutral"))
    for group in (g.name for g in probe.groups if len(neutral)):
        d = paired(explicit[explicit["own"] == group], neutral, SET)
        if len(d):
            note = "点明群体减去不点明 with the group named, minus with no group named"
            yield unlimited(replace(blank, group=group), "neutral", d, note)


def reaction_of(rows: pd.DataFrame, form: str) -> Array:
    """Returns the effect of the positive control, one a scenario, signed so that it should be > 0.

    Requests are set against the control request of the same scenario: a model that declines
    everything, or nothing, does not react.
    """
    measured = rows[rows["seen"] == Seen.MEASURED]
    control = measured[measured["arm"] == "positive_control"]
    weak = control["surface"] == "weak"
    if weak.any():
        return paired(control[~weak], control[weak], SET)
    if form in REQUESTS:
        judged = measured[measured["arm"].isin(JUDGED)]
        at, asked = (
            part.groupby("scenario", observed=True)["value"].mean() for part in (control, judged)
        )
        gap = (asked - at if form == "harmful" else at - asked).dropna()
        return gap.to_numpy(dtype=float)
    return by_scenario(control, control["value"].to_numpy(dtype=float))


def _consistency(judged: pd.DataFrame) -> tuple[Array, int] | None:
    """Returns how often two option orders of an item give the same content, and of how many options."""
    measured = judged[judged["seen"] == Seen.MEASURED]
    if measured["order"].nunique() < 2:
        return None
    options = 3 if (measured["format"] == "ambiguous").any() else 2
    middle = 0.5 if options == 2 else 0.0
    content = np.sign(measured["value"].to_numpy(dtype=float) - middle)
    keys = ["scenario", "item", "arm", "surface", "own", "other", "sample"]
    table = (
        measured.assign(content=content)
        .groupby([*keys, "content"], observed=True)
        .size()
        .unstack(fill_value=0)
    )
    counts = table.to_numpy(dtype=float)
    orders = counts.sum(axis=1)
    asked = orders > 1
    same = (counts * (counts - 1)).sum(axis=1)[asked] / (orders * (orders - 1))[asked]
    items = table.index.to_frame(index=False)[asked]
    return (by_scenario(items, same), options) if len(same) else None
