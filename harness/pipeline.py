"""The run, top to bottom: load, expand, respond, measure, compare, judge, write."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness import (
    _opening,
    _planning,
    asking,
    judging,
    outcomes,
    plan,
    probes,
    prompts,
    runs,
    store,
)
from harness._garbage import settled
from harness.asking import Progress, quiet
from harness.errors import BadConfig
from harness.find import plugin
from harness.models._base import Foreseen, Model
from harness.records import Probe, RunConfig, Scorecard

Tell = Callable[[plan.Plan], None]
"""Says what a run will spend and what it can show, before it asks anything."""


def run(
    config: RunConfig, progress: Progress = quiet, tell: Tell | None = None
) -> tuple[Scorecard, Path]:
    """Runs a suite on a model, or goes on with a run that was interrupted; returns its folder too.

    Raises:
        HarnessError: a name, file, setting or ability is wrong; before the first prompt is sent.
    """
    loaded = probes.select(config.suite, config.probe_paths, config.benchmark)
    writers = [plugin("reports", name) for name in config.reports]
    check(loaded, config)
    with _opening.opened(config, loaded) as model:
        return _run(config, loaded, model, writers, progress, tell)


def _run(
    config: RunConfig,
    loaded: Sequence[Probe],
    model: Model,
    writers: Sequence[Any],
    progress: Progress,
    tell: Tell | None,
) -> tuple[Scorecard, Path]:
    with store.guarded(Path(config.out or config.results)):
        begun = runs.begin(config, loaded, _opening.decoding_of(config), model.describe())
    folder = begun.folder
    with folder.locked(), settled():
        if begun.finished:
            return plugin("reports", "json").read(folder.path("scorecard.json")), folder.folder
        size = asking.prepare(begun, loaded)
        if tell:
            tell(_planning.foresee(config, loaded, size, Foreseen.of(model)))
        asking.ask(begun, loaded, config.standard, model, progress)
        scorecard = judging.score(begun, config.standard)
        write(scorecard, begun, writers, progress)
    return scorecard, folder.folder


def write(
    scorecard: Scorecard, begun: runs.Run, writers: Sequence[Any], progress: Progress = quiet
) -> None:
    """Writes the reports, then the manifest, which marks the run as finished."""
    for writer in progress(writers, "writing reports"):
        with store.guarded(begun.folder.folder):
            writer.write(scorecard, begun.folder.folder)
    begun.folder.finish()


def check(loaded: Sequence[Probe], config: RunConfig) -> None:
    """Refuses a suite that asks nothing, and a standard that says nothing of what is measured.

    Raises:
        BadConfig: there is no prompt, or a margin or a spread is missing.
    """
    standard = config.standard
    prompts.check(loaded, config.suite, config.seed)
    for name in outcomes.modules(loaded):
        declared = name in standard.margins and name in standard.spread
        if not declared and not any(name in also for also in outcomes.ALSO.values()):
            raise BadConfig(
                f"no margin for the outcome {name!r}",
                where=f"conf/standard/{standard.name}.yaml: margins and spread",
                expected=f"a margin and a spread for {name}",
                fix=f"add standard.margins.{name}=... and standard.spread.{name}=...",
            )
