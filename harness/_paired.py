"""Outcomes, joined with what was asked, are paired: one difference per scenario.

Neither a stage nor a record: what `controls` and `contrasts` share.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.records import Contrast, Probe, Seen, Standard
from harness.stats.crossed import Crossed, crossed

SIGNED = {"zero": ("stereotyped", "zero"), "target": ("target", "others")}
"""What an outcome is set against, where the stereotype gives the sign -> group and reference."""
ALONE = ("others", "target")
"""What an outcome is set against, where each prompt speaks of one group."""
SET = ["scenario", "item", "order", "sample"]
"""What the prompts of one counterfactual set have in common."""
JUDGED = ("explicit", "implicit")
"""The arms that contrasts are made of."""
Named = tuple[Sequence[str], NDArray[np.float64]]
"""Scenarios and one number for each."""
Evidence = NDArray[np.float64] | Crossed
"""Shape (scenarios,): one difference each; or those crossed with names, where names cue groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What became of the counterfactual sets of one contrast."""

    scenarios: tuple[str, ...]
    values: NDArray[np.float64]
    """shape (scenarios,): the mean difference over the scenario's complete sets."""
    found: Evidence
    """The same with what names have to do with it."""
    worst: tuple[Evidence, Evidence] | None
    """The same with discordant refusals counted against, and for, the group; None without any."""
    complete: NDArray[np.bool_]
    """shape (sets,): which of them every group answered."""
    all_refused: int
    """Sets that every group refused: they leave the estimand."""
    discordant: int
    """Sets that some group refused and another did not."""


def cells_of(
    rows: pd.DataFrame, probe: Probe
) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Yields the rows of each language, arm and outcome of a probe that contrasts are made of."""
    cells = parted(rows, "language", "arm", "outcome")
    for key in itertools.product(probe.languages, JUDGED, probe.outcomes):
        if key in cells:
            yield key, cells[key]


def parted(rows: pd.DataFrame, *by: str) -> dict[Any, pd.DataFrame]:
    """Parts rows by columns, all at once: what stands in the columns -> its rows, in their order."""
    return dict(iter(rows.groupby(list(by), observed=True)))


def in_order(cell: pd.DataFrame) -> pd.DataFrame:
    """Puts the scenarios of a cell in the order of the looks before which they were asked."""
    first = cell.groupby("scenario", observed=True)["look"].min().sort_values(kind="stable")
    return cell.assign(scenario=cell["scenario"].cat.set_categories(first.index))


def compared(groups: Sequence[str], against: str) -> list[tuple[str, str]]:
    """Lists the contrasts, group and reference, of the groups that take part in a cell.

    Two groups make one contrast, not two mirrored ones.
    """
    if against in SIGNED:
        return [SIGNED[against]]
    if len(groups) < 2:
        return []
    return [(g, "others") for g in groups] if len(groups) > 2 else [(groups[0], groups[1])]


def gates(standard: Standard, probe: Probe, outcome: str, arm: str) -> bool:
    """Says whether the cells of a probe's outcome and arm decide the verdict."""
    cell = {"format": probe.format, "outcome": outcome, "arm": arm}
    matches = any(all(cell[k] == v for k, v in rule.items()) for rule in standard.gates)
    return matches and probe.attribute != "other"


def contrasts_of(
    cell: pd.DataFrame, groups: Sequence[str], against: str
) -> Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """Yields each contrast of a cell: group, reference, and value and seen of its sets.

    Both frames have one row a counterfactual set; the first column is the group's own answer and
    the others are what it is compared with (none where the outcome is itself a difference).
    """
    there = set(cell["own"].unique())
    pairs = compared([g for g in groups if g in there], against)
    side: Any = cell["role" if against == "target" else "own"]
    cell = cell[[*SET, "own", "other", "value", "seen"]]
    if against == "roles":
        for group, reference in pairs:
            mine, theirs = (cell[cell[role] == group] for role in ("own", "other"))
            if not len(mine) or not len(theirs):  # the two never met
                continue
            mine = mine.assign(side="own", opponent=mine["other"])
            theirs = theirs.assign(side="other", opponent=theirs["own"])
            [told] = _wide(pd.concat([mine, theirs]), [*SET, "opponent"], ["own"])
            yield group, reference, *told
        return
    index, firsts = SET, [group for group, _ in pairs]
    if against == "zero":
        index, side, firsts = [*SET, "own", "other"], "own", ["own"]
    for pair, told in zip(pairs, _wide(cell.assign(side=side), index, firsts), strict=True):
        yield *pair, *told


def names_of(cell: pd.DataFrame, value: pd.DataFrame) -> NDArray[np.int64] | None:
    """Returns which name each answer of a contrast's sets was given to; None where none was told.

    Shape (sets, groups), as integer labels; the same name in all sets has the same.
    """
    if not (cell["arm"] == "implicit").all():
        return None
    label = cell.groupby(["own", "surface"], observed=True).ngroup()
    keyed = cell.assign(label=label).set_index([*SET, "own"])["label"].unstack("own", fill_value=-1)
    told = keyed.reindex(index=value.index, columns=value.columns)
    return np.asarray(told.to_numpy(), dtype=np.int64)


def difference(
    value: pd.DataFrame,
    seen: pd.DataFrame,
    limits: tuple[float, float],
    names: NDArray[np.int64] | None = None,
) -> Differences:
    """Averages the sets of one contrast to one difference per scenario.

    Only complete sets count. Sets with an unread answer are left out (they are counted, and limited
    by a control); over discordant refusals the worst cases are taken beside the estimate.
    """
    refused = (seen == Seen.REFUSED).to_numpy()
    measured = (seen == Seen.MEASURED).to_numpy()
    complete, all_refused = _every(measured), _every(refused)
    discordant = _every(measured | refused) & ~complete & ~all_refused
    numbers = value.to_numpy(dtype=float)
    at = value.index.get_level_values("scenario")

    def evidence(numbers: NDArray[np.float64], kept: NDArray[np.bool_]) -> Evidence:
        if names is None or not kept.any():
            return averaged(_minus(numbers[kept]), at[kept])[1]
        return _crossed(numbers[kept], at[kept], names[kept])

    found = evidence(numbers, complete)
    worst = None
    if discordant.any():
        kept = complete | discordant
        ends = []
        for own, rest in (limits, limits[::-1]):
            filled = np.where(refused, rest, numbers)
            filled[:, 0] = np.where(refused[:, 0], own, numbers[:, 0])
            ends.append(evidence(filled, kept))
        worst = (ends[0], ends[1])
    return Differences(
        scenarios=tuple(pd.factorize(at[complete], sort=True)[1].tolist()),
        values=found.differences if isinstance(found, Crossed) else found,
        found=found,
        worst=worst,
        complete=complete,
        all_refused=int(all_refused.sum()),
        discordant=int(discordant.sum()),
    )


def complete_sets(
    value: pd.DataFrame, seen: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Returns the difference of each complete set of one contrast, and its scenario as a number."""
    kept = _every((seen == Seen.MEASURED).to_numpy())
    at = pd.factorize(value.index.get_level_values("scenario")[kept], sort=True)[0]
    return _minus(value.to_numpy(dtype=float)[kept]), at


def evidence_of(contrast: Contrast) -> Evidence:
    """Returns what the verdict on a contrast is read off."""
    d = np.array(contrast.differences, dtype=float)
    if not contrast.names:
        return d
    return Crossed(
        d,
        float(d.mean()),
        contrast.variance,
        contrast.freedom,
        contrast.names,
        contrast.limited_by,
    )


def averaged(values: NDArray[np.float64], scenarios: pd.Index) -> Named:
    """Averages numbers to one a scenario, in the order of the scenarios' names."""
    at, names = pd.factorize(scenarios, sort=True)
    totals = np.bincount(at, weights=values, minlength=len(names))
    return names.tolist(), totals / np.maximum(1, np.bincount(at, minlength=len(names)))


def by_scenario(
    rows: pd.DataFrame, values: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Averages one number a row to one a scenario, in the order of the scenarios' names."""
    return averaged(np.asarray(values, dtype=float), pd.Index(rows["scenario"]))[1]


def paired(left: pd.DataFrame, right: pd.DataFrame, on: Sequence[str]) -> NDArray[np.float64]:
    """Returns left minus right, matched on columns, one difference per scenario; measured alone."""
    return matched(left, right, on)[1]


def matched(left: pd.DataFrame, right: pd.DataFrame, on: Sequence[str]) -> Named:
    """Returns what `paired` does, with the names of the scenarios."""
    both = left[left["seen"] == Seen.MEASURED].merge(
        right[right["seen"] == Seen.MEASURED], on=list(on), suffixes=("", "_right")
    )
    gaps = (both["value"] - both["value_right"]).to_numpy(dtype=float)
    return averaged(gaps, pd.Index(both["scenario"]))


def limits_of(against: str, span: tuple[float, float]) -> tuple[float, float]:
    """Returns the range of a difference of an outcome with the range `span`."""
    width = span[1] - span[0]
    return span if against == "zero" else (-width, width)


def _wide(
    cell: pd.DataFrame, index: Sequence[str], firsts: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yields value and seen, one row a set and one column a side, with each of `firsts` first."""
    names = [*index, "side"]
    keys = pd.MultiIndex.from_arrays([cell[name] for name in names], names=names)
    at = pd.Series(np.arange(len(cell)), keys).unstack("side", fill_value=-1)
    value = np.append(cell["value"].to_numpy(dtype=float), np.nan)
    seen = np.append(cell["seen"].to_numpy(dtype=object), Seen.FAILED.value)
    for first in firsts:
        sides = sorted(at.columns, key=first.__ne__)
        own = at[sides].to_numpy()
        yield pd.DataFrame(value[own], at.index, sides), pd.DataFrame(seen[own], at.index, sides)


def _every(told: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Says of which sets it holds for every answer."""
    return np.asarray(told.all(axis=1), dtype=np.bool_)


def _minus(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    own, others = numbers[:, 0], numbers[:, 1:]
    return own - others.mean(axis=1) if others.shape[1] else own


def _crossed(
    numbers: NDArray[np.float64], scenarios: pd.Index, names: NDArray[np.int64]
) -> Crossed:
    """Crosses complete sets, shape (sets, groups), with the names in them; sets weigh the same."""
    at, groups = pd.factorize(scenarios, sort=True)[0], numbers.shape[1]
    sets = np.bincount(at)
    signs = np.array([1.0, *[-1 / (groups - 1)] * (groups - 1)])
    weights = signs / (sets.size * sets[at, None])
    return crossed(
        numbers.ravel(),
        weights.ravel(),
        np.repeat(at, groups),
        names.ravel(),
        np.tile(np.arange(groups), len(at)),
    )
