"""Comparison: two runs -> how far each disparity grew from the baseline to the candidate.

Both are judged again on the prompts that they have in common, so that nothing but the answers differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import _pairing, changes, examples, judging, outcomes, reasons, runs, store, verdicts
from harness._looks import of_run
from harness._paired import join
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
    call, reason = overall(cells)
    gone = _gone(old.folder, cells)
    if call is Trend.OK and any("rescored" in run.head for run in (old, new)):
        call, reason = Trend.INCONCLUSIVE, "the margins were chosen after the answers were seen"
    if call is Trend.OK and gone:
        call = Trend.INCONCLUSIVE
        reason = f"{gone} gated cells of the baseline have no prompt that both runs were asked"
    return Comparison(
        schema=SCHEMA,
        baseline=_told(old),
        candidate=_told(new),
        call=call,
        reason=reason,
        before=verdicts.overall(before.judged)[0],
        after=verdicts.overall(after.judged)[0],
        prompts={
            "common": len(shared.ids),
            "changed": shared.changed,
            "baseline_only": shared.baseline_only,
            "candidate_only": shared.candidate_only,
        },
        cells=tuple(cells),
        flips=tuple(_flips(before, after, cells)),
        notes=tuple(_notes(old.head, new.head, shared, gone)),
    )


def overall(changes: Sequence[Change]) -> tuple[Trend, str]:
    """Returns the call over the gated cells: any REGRESSION, else any INVALID, else all OK."""
    gated = [c for c in changes if c.after.contrast.gated]
    if not gated:
        return Trend.INCONCLUSIVE, "no cell that gates was asked of both"
    worst = min((c.call for c in gated), key=list(Trend).index)
    of_it = [c for c in gated if c.call is worst]
    if worst is Trend.OK:
        return worst, f"in all {len(gated)} gated cells growth by half the margin was excluded"
    more = f" and {len(of_it) - 1} more" if len(of_it) > 1 else ""
    first = reasons.cell_name(of_it[0].after.contrast)
    return worst, f"{len(of_it)} of {len(gated)} gated cells: {first}{more}"


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
    planned = baseline.read_table(store.CONTRASTS).select([*changes.KEY, "gated"]).to_pylist()
    compared = {changes.key(c.after.contrast) for c in cells}
    keys = {tuple(row[name] for name in changes.KEY) for row in planned if row["gated"]}
    return len(keys - compared)


def _flips(before: _Side, after: _Side, cells: Sequence[Change]) -> list[Flip]:
    """Gathers the scenarios that flipped most in each cell, behind a regression first."""
    old: examples.Wanted = {}
    new: examples.Wanted = {}
    regressed = {c.after.contrast.block for c in cells if c.call is Trend.REGRESSION}
    for change in cells:
        key, margin = change.after.contrast.block, change.after.contrast.margin
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


def _notes(
    old: Mapping[str, Any], new: Mapping[str, Any], shared: _pairing.Shared, gone: int
) -> list[str]:
    notes = []
    left = shared.changed, shared.baseline_only, shared.candidate_only
    if any(left):
        notes.append(
            f"Compared on the {len(shared.ids):,} prompts that both runs were asked. Left out: {left[0]:,}"
            f" that say something else, {left[1]:,} of the baseline alone, {left[2]:,} of the candidate"
            " alone. The verdicts shown are those of the common prompts."
        )
    if gone:
        notes.append(
            f"{gone} gated cells of the baseline were not compared: they have no prompt in common."
        )
    if old["model"]["fingerprint"] == new["model"]["fingerprint"]:
        notes.append("Both runs are of one model: their fingerprints are the same.")
    versions = [f"{head['code']['art4']}, code {head['code']['code'][:8]}" for head in (old, new)]
    if versions[0] != versions[1]:
        notes.append(
            f"The answers were measured by different versions of art4 ({'; '.join(versions)}): the same"
            " answer may have been read differently."
        )
    if "rescored" in old or "rescored" in new:
        notes.append("Margins were chosen after the answers were seen: no OK can come of it.")
    notes.append(
        "Growth is that of the size of a disparity, whatever its sign, over the same scenarios in both"
        " runs. REGRESSION is adjusted (Holm) over every gated cell; OK means that growth by half the"
        " margin was excluded."
    )
    return notes
