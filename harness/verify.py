"""Verification: whether a run is whole, and whether its verdicts follow from what it stored."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from harness import judging, outcomes, runs, stopping, store
from harness.errors import BadRun
from harness.find import plugin
from harness.records import Ask, Outcome, Prompt, Response, schemas

_DERIVED = (
    "verdict",
    "reason",
    "reason_zh",
    "attributes",
    "cells",
    "controls",
    "pairwise",
    "suspects",
    "published",
)
"""What a scorecard says because of the outcomes alone."""
_CLOSE = 1e-9
"""How far numbers may differ between machines."""


def examine(folder: Path) -> list[str]:
    """Returns what is wrong with a run, one line each; nothing is written.

    Raises:
        BadRun: the folder holds no run.
    """
    run = runs.reopen(folder)
    if not run.finished:
        return [f"the run is not finished: there is no {store.MANIFEST}"]
    found = list[str]()
    try:
        found += _files(run.folder)
        runs.check(run)
        return [*found, *(_rows(run) or _verdicts(run))]
    except BadRun as error:
        return [*found, error.what]


def _files(folder: store.Store) -> list[str]:
    """Compares the files with the manifest."""
    stated, present = folder.stated(), folder.digests()
    changed = [name for name in stated if present.get(name, stated[name]) != stated[name]]
    return [
        *(f"{name} was changed" for name in changed),
        *(f"{name} is missing" for name in sorted(stated.keys() - present.keys())),
        *(f"{name} is not in the manifest" for name in sorted(present.keys() - stated.keys())),
    ]


def _rows(run: runs.Run) -> list[str]:
    """Counts: each prompt once, each sample of it answered once, each outcome measured once."""
    prompts = _table(run, store.PROMPTS, Prompt)
    responses = _table(run, store.RESPONSES, Response)
    measured = _table(run, store.OUTCOMES, Outcome)
    ids = _column(prompts, "id")
    probe_of = dict(zip(ids, _column(prompts, "probe"), strict=True))
    names = {probe.name: probe.outcomes for probe in runs.probes_of(run.head)}
    foreign = sorted({probe for probe in probe_of.values() if probe not in names})
    if foreign:
        return [f"prompts of a probe that was not declared: {', '.join(foreign)}"]
    samples = run.head["decoding"]["samples"]
    due = _due(run, prompts, measured)
    asks = [pair for pair in zip(ids, _column(prompts, "ask"), strict=True) if pair[0] in due]
    wanted = [(p, n) for p, ask in asks for n in range(1 if ask == Ask.CHOOSE else samples)]
    scored = [logprobs.is_valid for logprobs in responses["logprobs"]]
    given = list(zip(_column(responses, "prompt"), _column(responses, "sample"), strict=True))
    declared = [
        (prompt, sample, each)
        for (prompt, sample), by_choice in zip(given, scored, strict=True)
        for name in names.get(probe_of.get(prompt, ""), ())
        for each in (name, *(outcomes.ALSO.get(name, ()) if by_choice else ()))
    ]
    seen = zip(*(_column(measured, name) for name in ("prompt", "sample", "name")), strict=True)
    return [
        *_counted("prompt", set(ids), ids),
        *_counted("response", set(wanted), given),
        *_counted("outcome", set(declared), seen),
    ]


def _due(run: runs.Run, prompts: pa.Table, measured: pa.Table) -> set[str]:
    """Returns the prompts that had to be asked: all, but for those of blocks that were decided."""
    keys = ("id", "probe", "language", "look")
    asked = list(zip(*(_column(prompts, key) for key in keys), strict=True))
    told = run.head["stopping"]
    whole = {prompt for prompt, *_ in asked}
    if told["rule"] == "none" or not whole.issuperset(_column(measured, "prompt")):
        return whole
    standard = runs.standard_of({"standard": told.get("standard") or run.head["standard"]})
    ends = stopping.stops(prompts, measured, runs.probes_of(run.head), standard, run.head)
    return {p for p, probe, lang, look in asked if look <= ends.get((probe, lang), look)}


def _counted(kind: str, wanted: set[Any], found: Iterable[Hashable]) -> list[str]:
    """Says which of the wanted keys are missing or doubled, and which keys nobody wanted."""
    counts = Counter(found)
    astray = {
        "missing": wanted - counts.keys(),
        "doubled": {key for key, n in counts.items() if n > 1},
        "foreign": counts.keys() - wanted,
    }
    return [
        f"{len(keys):,} {kind}{'s' * (len(keys) > 1)} {what}, such as {min(keys, key=str)}"
        for what, keys in astray.items()
        if keys
    ]


def _verdicts(run: runs.Run) -> list[str]:
    """Judges the stored outcomes again and compares each verdict and number."""
    stated = run.folder.read_json("scorecard.json")
    scorecard = judging.derive(run, runs.probes_of(run.head), runs.standard_of(run.head))
    derived = plugin("reports", "json").to_dict(scorecard)
    return [f"scorecard.json: {line}" for key in _DERIVED for line in _differ(stated, derived, key)]


def _differ(stated: Mapping[str, Any], derived: Mapping[str, Any], key: str) -> list[str]:
    """Says where two scorecards differ under a key, cell by cell."""
    old, new = stated.get(key), derived[key]
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return [] if _same(old, new) else [f"{key} do not follow from the outcomes"]
    lines = []
    for at, (one, other) in enumerate(zip(old, new, strict=True)):
        if not _same(one, other):
            lines.append(f"{key}[{at}]{_told(one, other)} does not follow from the outcomes")
    return lines


def _told(one: Any, other: Any) -> str:
    """Names the fields in which two cells differ."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return ""
    keys = [key for key in other | one if not _same(one.get(key), other.get(key))]
    return f" ({', '.join(keys)})"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    if numbers:
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(one == other)


def _table(run: runs.Run, name: str, kind: type) -> pa.Table:
    try:
        table = run.folder.read_table(name)
    except pa.ArrowException as error:
        raise _damaged(run, name, str(error)) from error
    if not table.schema.equals(schemas()[kind]):
        raise _damaged(run, name, "its columns are not those of a run")
    return table


def _column(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table[name].to_pylist()
    return values


def _damaged(run: runs.Run, name: str, why: str) -> BadRun:
    return BadRun(
        f"{name} cannot be read: {why}",
        where=str(run.folder.path(name)),
        expected="a file as `art4 eval` wrote it",
        fix="run the suite again",
    )
