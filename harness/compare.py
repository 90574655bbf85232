"""Comparison: two runs -> how far each disparity grew from the baseline to the candidate.

Both are judged again on the prompts that they have in common, so that nothing but the answers differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import (
    _pairing,
    _trends,
    changes,
    examples,
    judging,
    outcomes,
    reasons,
    runs,
    store,
    verdicts,
)  # fmt: skip
from harness._joined import join
from harness._looks import of_run
from harness.records import Change, Comparison, Flip, Trend, Verdict

SCHEMA = 1
_EACH = 3
"""Flipped scenarios shown for each cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two runs, judged on the prompts that both were asked."""

    folder: store.Store
    rows: pd.DataFrame
    judged: Sequence[Verdict]


def compare(baseline: Path, candidate: Path) -> Comparison:
    """Compares a release with its baseline; writes nothing.

    Raises:
        BadRun: a folder holds no finished run, or the two cannot be paired.
    """
    old, new = _pairing.opened(baseline), _pairing.opened(candidate)
    _pairing.check(old.head, new.head)
    shared = _pairing.shared(old.folder, new.folder)
    before, after = (_side(run, new.head, shared.ids) for run in (old, new))
    _pairing.same_reading(before.rows, after.rows)
    modules = outcomes.modules(runs.probes_of(new.head))
    cells = changes.compare(before.judged, after.judged, runs.standard_of(new.head), modules)
    call, told = overall(cells)
    gone = _gone(old.folder, cells)
    if call is Trend.OK and any("rescored" in run.head for run in (old, new)):
        call, told = Trend.INCONCLUSIVE, _trends.chosen_afterwards()
    if call is Trend.OK and gone:
        call, told = Trend.INCONCLUSIVE, _trends.not_asked_again(gone)
    prompts = {
        "common": len(shared.ids),
        "changed": shared.changed,
        "baseline_only": shared.baseline_only,
        "candidate_only": shared.candidate_only,
    }
    return Comparison(
        schema=SCHEMA,
        baseline=_told(old),
        candidate=_told(new),
        call=call,
        reason=told[0],
        reason_zh=told[1],
        before=verdicts.overall(before.judged)[0],
        after=verdicts.overall(after.judged)[0],
        prompts=prompts,
        cells=tuple(cells),
        flips=tuple(_flips(before, after, cells)),
        notes=tuple(_trends.notes(old.head, new.head, prompts, gone)),
    )


def overall(changes: Sequence[Change]) -> tuple[Trend, reasons.Told]:
    """Returns the call over the gated cells: any REGRESSION, else any INVALID, else all OK."""
    gated = [c for c in changes if c.after.contrast.gated]
    if not gated:
        return Trend.INCONCLUSIVE, _trends.no_gate()
    worst = min((c.call for c in gated), key=list(Trend).index)
    if worst is Trend.OK:
        return worst, _trends.all_ok(len(gated))
    return worst, reasons.share([c.after.contrast for c in gated if c.call is worst], len(gated))


def _side(run: runs.Run, declared: Mapping[str, Any], ids: Sequence[str]) -> _Side:
    """Judges a run on some of its prompts, by the probes and the standard that were declared."""
    asked = run.folder.read_rows(store.PROMPTS, "id", ids)
    measured = run.folder.read_rows(store.OUTCOMES, "prompt", ids)
    answers = run.folder.read_table(store.RESPONSES).select(["prompt", "sample", "logprobs"])
    rows = join(asked, measured)
    scored = pd.Series(
        answers["logprobs"].is_valid().to_numpy(),
        pd.MultiIndex.from_arrays([answers[k].to_numpy() for k in ("prompt", "sample")]),
    )
    prompts = rows["prompt"].astype(str)
    rows["scored"] = scored.reindex([prompts, rows["sample"]]).to_numpy()
    place = prompts.map(dict(zip(ids, range(len(ids)), strict=True))).to_numpy()
    rows = rows.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
    looks = of_run(run.head["stopping"]["rule"], asked, rows)
    probes, standard = runs.probes_of(declared), runs.standard_of(declared)
    rows, _, judged = judging.judge(rows, probes, standard, declared["seed"], looks)
    return _Side(folder=run.folder, rows=rows, judged=judged)


def _gone(baseline: store.Store, cells: Sequence[Change]) -> int:
    """Counts the gated cells of the baseline that were not compared: nothing is known of them."""
    planned = baseline.read_columns(store.CONTRASTS, [*changes.KEY, "gated"]).to_pylist()
    compared = {changes.key(c.after.contrast) for c in cells}
    keys = {tuple(row[name] for name in changes.KEY) for row in planned if row["gated"]}
    return len(keys - compared)


def _flips(before: _Side, after: _Side, cells: Sequence[Change]) -> list[Flip]:
    """Gathers the scenarios that flipped most in each cell, behind a regression first."""
    old: examples.Wanted = {}
    new: examples.Wanted = {}
    regressed = {c.after.contrast.block for c in cells if c.call is Trend.REGRESSION}
    for change in cells:
        contrast = change.after.contrast
        key, margin = (*contrast.block, contrast.arm), contrast.margin
        names, was, now = changes.paired(change.before.contrast, change.after.contrast)
        for i in np.argsort(np.abs(was) - np.abs(now), kind="stable")[:_EACH]:
            if abs(now[i] - was[i]) > margin and names[i] not in dict(new.get(key, ())):
                old.setdefault(key, []).append((names[i], float(was[i])))
                new.setdefault(key, []).append((names[i], float(now[i])))
    shown = (judging.show(s.folder, s.rows, w) for s, w in ((before, old), (after, new)))
    flips = [Flip(before=b, after=a) for b, a in zip(*shown, strict=True)]
    places = {(probe, language) for probe, language, _ in regressed}

    def place(flip: Flip) -> tuple[bool, float]:
        elsewhere = (flip.after.probe, flip.after.language) not in places
        return elsewhere, abs(flip.before.difference) - abs(flip.after.difference)

    return sorted(flips, key=place)


def _told(run: runs.Run) -> dict[str, Any]:
    """Returns where a run came from, without what only its own folder needs."""
    head = run.head
    return {
        "folder": run.folder.folder.resolve().name,
        "suite": head["suite"]["name"],
        "standard": {k: head["standard"][k] for k in ("name", "version", "alpha", "digest")},
        **{k: head[k] for k in ("seed", "decoding", "backend", "model", "code", "time")},
    }
