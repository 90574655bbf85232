"""From answers to a scorecard: measure, compare, judge. No model is called here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd
import pyarrow as pa

from harness import (
    contrasts,
    controls,
    examples,
    outcomes,
    pairwise,
    runs,
    scorecards,
    store,
    verdicts,
)  # fmt: skip
from harness._joined import ASKED, join
from harness._looks import Looks, of_run
from harness.find import plugin
from harness.records import (
    Control,
    Example,
    Outcome,
    Probe,
    Prompt,
    Published,
    Response,
    Scorecard,
    Standard,
    Verdict,
    from_table,
    to_table,
)  # fmt: skip


def score(begun: runs.Run, standard: Standard, notes: Sequence[str] = ()) -> Scorecard:
    """Measures, compares and judges what was answered, and stores outcomes and contrasts."""
    folder, loaded = begun.folder, runs.probes_of(begun.head)
    observe(begun, loaded)
    scorecard = derive(begun, loaded, standard, notes)
    folder.write_table(store.CONTRASTS, contrasts.table([v.contrast for v in scorecard.cells]))
    return scorecard


def observe(begun: runs.Run, loaded: Sequence[Probe]) -> None:
    """Measures what was answered, window by window, and stores the outcomes."""
    windows = (measure(p, r, loaded) for p, r in _windows(begun.folder))
    begun.folder.write_rows(store.OUTCOMES, windows)


def measure(prompts: pa.Table, responses: pa.Table, loaded: Sequence[Probe]) -> pa.Table:
    """Measures the outcomes of one window."""
    names = {p.name: p.outcomes for p in loaded}
    asked, given = from_table(prompts, Prompt), from_table(responses, Response)
    return to_table(outcomes.measure(asked, given, names, outcomes.modules(loaded)), Outcome)


def derive(
    begun: runs.Run, loaded: Sequence[Probe], standard: Standard, notes: Sequence[str] = ()
) -> Scorecard:
    """Derives every verdict from the stored outcomes; writes nothing."""
    folder, head = begun.folder, begun.head
    rows, looks, planned = joined(begun)
    answered = rows["prompt"].nunique()
    rows, checks, judged = judge(rows, loaded, standard, head["seed"], looks)
    pairs = pairwise.largest(rows, loaded, standard, outcomes.modules(loaded))
    shown = show(folder, rows, examples.wanted(judged))
    saved = scorecards.Saved(planned=planned, asked=answered)
    card = scorecards.assemble(head, judged, checks, pairs, shown, saved, notes)
    return replace(card, published=tuple(published(begun)))


def published(begun: runs.Run) -> list[Published]:
    """Recounts what a published set reports from the answers of its run; else nothing."""
    benchmark = begun.head["suite"].get("benchmark")
    if not benchmark:
        return []
    found: list[Published] = plugin("benchmarks", benchmark).publish(_answered(begun.folder))
    return found


def _windows(folder: store.Store) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yields each window of prompts with that of its responses."""
    return zip(
        folder.read_windows(store.PROMPTS), folder.read_windows(store.RESPONSES), strict=True
    )


def _answered(folder: store.Store) -> Iterator[tuple[Prompt, list[Response]]]:
    """Yields each prompt with its responses, window by window."""
    for asked, given in _windows(folder):
        responses = from_table(given, Response)
        own = {key: list(group) for key, group in groupby(responses, lambda r: r.prompt)}
        yield from ((p, own.get(p.id, [])) for p in from_table(asked, Prompt))


def joined(begun: runs.Run) -> tuple[pd.DataFrame, Looks, int]:
    """Joins the stored outcomes of a run with its prompts; also its looks and how many it planned."""
    folder = begun.folder
    asked = folder.read_table(store.PROMPTS, ("id", "roles", *ASKED), coded=ASKED)
    rows = join(asked, folder.read_table(store.OUTCOMES, coded=("prompt", "name", "seen")))
    return rows, of_run(begun.head["stopping"]["rule"], asked, rows), len(asked)


def judge(
    rows: pd.DataFrame, loaded: Sequence[Probe], standard: Standard, seed: int, looks: Looks
) -> tuple[pd.DataFrame, list[Control], list[Verdict]]:
    """Judges outcomes joined with their prompts; returns them with one reading left, too."""
    modules = outcomes.modules(loaded)
    rows, mass = controls.read(rows, loaded, standard, looks)
    checks = [*mass, *controls.check(rows, loaded, standard, modules, looks)]
    rng = np.random.default_rng(seed)
    compared = contrasts.compare(rows, loaded, checks, standard, modules, rng, looks)
    return rows, checks, verdicts.judge(compared, checks, standard)


def show(folder: store.Store, rows: pd.DataFrame, wanted: examples.Wanted) -> list[Example]:
    """Gathers the pairs to show, reading only the prompts and answers that they need."""
    ids = examples.prompts_of(wanted, rows)
    asked = from_table(folder.read_rows(store.PROMPTS, "id", ids), Prompt)
    given = from_table(folder.read_rows(store.RESPONSES, "prompt", ids), Response)
    first = {r.prompt: r for r in given if r.sample == 0}
    return examples.gather(wanted, rows, {p.id: p for p in asked}, first)
