"""The run, top to bottom: load, expand, respond, measure, compare, judge, write."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness import (
    _planning,
    contrasts,
    controls,
    examples,
    outcomes,
    pairwise,
    plan,
    probes,
    prompts,
    runs,
    scorecards,
    store,
    verdicts,
)  # fmt: skip
from harness._looks import Looks, of_run
from harness._paired import ASKED, join
from harness.errors import BadConfig, BadModel
from harness.find import plugin
from harness.models._base import Foreseen, Model
from harness.records import (
    Control,
    Decoding,
    Example,
    Outcome,
    Probe,
    Prompt,
    Response,
    RunConfig,
    Scorecard,
    Standard,
    Verdict,
    from_table,
    to_table,
)  # fmt: skip

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Shows how far a loop has come: what is looped over, and what is being done."""


Tell = Callable[[plan.Plan], None]
"""Says what a run will spend and what it can show, before it asks anything."""


def quiet(steps: Sequence[Any], doing: str) -> Iterable[Any]:  # noqa: ARG001
    """Shows no progress."""
    return steps


def run(
    config: RunConfig, progress: Progress = quiet, tell: Tell | None = None
) -> tuple[Scorecard, Path]:
    """Runs a suite on a model, or goes on with a run that was interrupted; returns its folder too.

    Raises:
        HarnessError: a name, file, setting or ability is wrong; before the first prompt is sent.
    """
    suite = config.suite
    loaded = probes.select(suite, config.probe_paths)
    writers = [plugin("reports", name) for name in config.reports]
    check(loaded, config.standard)
    decoding = Decoding(
        samples=suite.samples,
        temperature=suite.temperature,
        max_tokens=suite.max_tokens,
        seed=config.seed,
    )
    model: Model = plugin("models", config.model).open(config.settings, decoding)
    _can(model, loaded)
    size = _planning.survey(config, loaded)
    with store.guarded(Path(config.out or config.results)):
        begun = runs.begin(config, loaded, decoding, model.describe(), size.prompts)
    folder = begun.folder
    with folder.locked():
        if begun.finished:
            return plugin("reports", "json").read(folder.path("scorecard.json")), folder.folder
        if tell:
            tell(_planning.foresee(config, loaded, size, Foreseen.of(model)))
        if not folder.has(store.PROMPTS):
            asked = prompts.expand(loaded, suite, config.seed)
            folder.write_rows(store.PROMPTS, _windows(asked, suite.window))
        ask(folder, model, plugin("engines", config.engine), progress)
        scorecard = score(begun, config.standard)
        write(scorecard, begun, writers, progress)
    return scorecard, folder.folder


def ask(folder: store.Store, model: Model, engine: Any, progress: Progress = quiet) -> None:
    """Asks every window that is not stored yet; each is stored whole or not at all."""
    if folder.has(store.RESPONSES):
        return
    source, done = folder.open_table(store.PROMPTS), folder.windows()
    doing = f"asking {source.metadata.num_rows:,} prompts"
    left = (n for n in progress(range(source.num_row_groups), doing) if n not in done)
    engine.answer(
        model,
        ((n, partial(_read, source, n)) for n in left),
        lambda n, responses: folder.put_window(n, to_table(map(_storable, responses), Response)),
    )
    folder.join_windows()


def score(begun: runs.Run, standard: Standard, notes: Sequence[str] = ()) -> Scorecard:
    """Measures, compares and judges what was answered; spends no model call."""
    folder, loaded = begun.folder, runs.probes_of(begun.head)
    modules = outcomes.modules(loaded)
    names = {p.name: p.outcomes for p in loaded}
    both = zip(
        folder.read_windows(store.PROMPTS), folder.read_windows(store.RESPONSES), strict=True
    )
    measured = (
        outcomes.measure(from_table(p, Prompt), from_table(r, Response), names, modules)
        for p, r in both
    )
    folder.write_rows(store.OUTCOMES, (to_table(window, Outcome) for window in measured))
    scorecard = derive(begun, loaded, standard, notes)
    folder.write_table(store.CONTRASTS, contrasts.table([v.contrast for v in scorecard.cells]))
    return scorecard


def derive(
    begun: runs.Run, loaded: Sequence[Probe], standard: Standard, notes: Sequence[str] = ()
) -> Scorecard:
    """Derives every verdict from the stored outcomes; writes nothing."""
    folder = begun.folder
    asked = folder.read_table(store.PROMPTS, ("id", "roles", *ASKED))
    rows = join(asked, folder.read_table(store.OUTCOMES))
    looks = of_run(begun.head["stopping"]["rule"], asked, rows)
    rows, checks, judged = judge(rows, loaded, standard, begun.head["seed"], looks)
    pairs = pairwise.largest(rows, loaded, standard, outcomes.modules(loaded))
    shown = show(folder, rows, examples.wanted(judged))
    return scorecards.assemble(begun.head, judged, checks, pairs, shown, notes)


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


def write(
    scorecard: Scorecard, begun: runs.Run, writers: Sequence[Any], progress: Progress = quiet
) -> None:
    """Writes the reports, then the manifest, which marks the run as finished."""
    for writer in progress(writers, "writing reports"):
        with store.guarded(begun.folder.folder):
            writer.write(scorecard, begun.folder.folder)
    begun.folder.finish()


def _read(source: pq.ParquetFile, number: int) -> list[Prompt]:
    return from_table(source.read_row_group(number), Prompt)


def _storable(response: Response) -> Response:
    """Puts a question mark for each half of a character, which no file in UTF-8 can hold."""
    said = {k: getattr(response, k) for k in ("text", "reasoning", "error")}
    kept = {k: v and v.encode(errors="replace").decode() for k, v in said.items()}
    return response if kept == said else replace(response, **kept)


def _windows(asked: Iterator[Prompt], size: int) -> Iterator[pa.Table]:
    while window := list(islice(asked, size)):
        yield to_table(window, Prompt)


def check(loaded: Sequence[Probe], standard: Standard) -> None:
    """Refuses a standard that says nothing of what is measured.

    Raises:
        BadConfig: a margin or a spread is missing.
    """
    for name in outcomes.modules(loaded):
        declared = name in standard.margins and name in standard.spread
        if not declared and not any(name in also for also in outcomes.ALSO.values()):
            raise BadConfig(
                f"no margin for the outcome {name!r}",
                where=f"conf/standard/{standard.name}.yaml: margins and spread",
                expected=f"a margin and a spread for {name}",
                fix=f"add standard.margins.{name}=... and standard.spread.{name}=...",
            )


def _can(model: Model, loaded: Sequence[Probe]) -> None:
    """Refuses a model that cannot do what the suite asks."""
    for probe in loaded:
        if probe.ask not in model.abilities:
            raise BadModel(
                f"{model.describe()['name']} cannot {probe.ask.value}",
                where=f"probe {probe.name}, key ask",
                expected=f"a probe that asks it to {' or '.join(sorted(model.abilities))}",
                fix="choose another suite, or another model",
            )
