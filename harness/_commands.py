"""What the commands of `art4` do once their words are read."""

import argparse
import json
import os
import shutil
import signal
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from harness import probes
from harness.find import plugin
from harness.records import RunConfig, Scorecard, Standard

if TYPE_CHECKING:
    from harness.models._base import Foreseen
    from harness.plan import Plan


def evaluate(config: RunConfig) -> str:
    """Runs a suite, shows the scorecard and returns the verdict."""
    from harness import pipeline

    scorecard, folder = pipeline.run(config, _progress, _announce)
    return _tell(scorecard, folder)


def plan(config: RunConfig, earlier: str | None, target: str) -> int:
    """Plans a run, and asks nothing."""
    from harness import _plan_shown, _planning, pipeline, store

    loaded = probes.select(config.suite, config.probe_paths, config.benchmark)
    pipeline.check(loaded, config)
    model = foreseen(config)
    size = _planning.survey(config, loaded, model.count)
    made = _planning.foresee(config, loaded, size, model, earlier)
    if target:
        text = json.dumps(asdict(made), ensure_ascii=False, indent=1, allow_nan=False)
        store.write_text(Path(target), text + "\n")
    _plan_shown.show(made, Console(highlight=False))
    return 0


def foreseen(config: RunConfig) -> "Foreseen":
    """Says what is known of the model without opening it."""
    from harness import _opening
    from harness.models._base import Foreseen

    backend = plugin("models", config.model)
    if not hasattr(backend, "foresee"):
        return Foreseen(name=config.model)
    model: Foreseen = backend.foresee(config.settings, _opening.decoding_of(config))
    return model


def rescore(asked: argparse.Namespace, chosen: Standard | None) -> str:
    """Judges stored answers again and returns the verdict: by a standard chosen now it never PASSes."""
    from harness import judging, pipeline, runs, store

    old = runs.reopen(Path(asked.run_folder))
    old.folder.check_intact((store.RUN, store.PROMPTS, store.RESPONSES))
    runs.check(old)
    declared = runs.standard_of(old.head)
    standard = chosen or declared
    out = Path(asked.out or f"{asked.run_folder.rstrip('/')}-rescored-{standard.name}")
    store.free(out, "--out")
    made = store.create(out)
    for name in (store.PROMPTS, store.RESPONSES):
        shutil.copy2(old.folder.path(name), made.path(name))
    after = "rescored" in old.head or standard.digest != declared.digest
    notes = [
        "margins chosen after the answers were seen: this verdict proves nothing",
        "容差是在看到回答之后选定的：此结论不能证明任何事",
    ] * after
    head = {**old.head, "standard": asdict(standard)} | ({"rescored": True} if after else {})
    if head["stopping"]["rule"] != "none":
        head["stopping"] = {"standard": asdict(declared), **old.head["stopping"]}
    made.write_json(store.RUN, head)
    run = runs.reopen(out)
    scorecard = judging.score(run, standard, notes)
    writers = [
        plugin("reports", n) for n in ("json", "markdown", "html", "junit", "figures", "csv")
    ]
    pipeline.write(scorecard, run, writers, _progress)
    verdict = _tell(scorecard, out)
    return "INCONCLUSIVE" if after and verdict == "PASS" else verdict


def report(asked: argparse.Namespace) -> int:
    """Writes reports again from scorecard.json, never from one that was edited."""
    from harness import pipeline, runs, store

    store.may_change(Path(asked.run_folder))
    run = runs.reopen(Path(asked.run_folder))
    names = asked.reports.split(",")
    writers = [plugin("reports", name) for name in names]
    run.folder.check_intact(store.EVIDENCE)
    scorecard = plugin("reports", "json").read(run.folder.path("scorecard.json"))
    pipeline.write(scorecard, run, writers, _progress)
    for name in names:
        say(f"wrote {name} in {run.folder.folder}")
    return 0


def compare(asked: argparse.Namespace, config: RunConfig | None) -> str:
    """Compares a release with its baseline and returns the call; with `config`, evaluates it first."""
    from harness import _pairing, pipeline, runs, store
    from harness import compare as comparing

    baseline = Path(asked.baseline)
    writers = [plugin("comparisons", name) for name in asked.reports.split(",")]
    head = _pairing.opened(baseline).head
    if asked.out:
        store.free(Path(asked.out), "--out")
    if config:
        given = {word.partition("=")[0].partition(".")[0] for word in asked.candidate}
        scorecard, candidate = pipeline.run(runs.like(config, head, given), _progress)
        _tell(scorecard, candidate)
    else:
        candidate = Path(asked.candidate[0])
    out = Path(asked.out) if asked.out else _beside(baseline, candidate)
    store.free(out, "--out")
    comparison = comparing.compare(baseline, candidate)
    store.create(out)
    for writer in writers:
        with store.guarded(out):
            writer.write(comparison, out)
    plugin("comparisons", "terminal").show(comparison, Console(highlight=False))
    say(f"\n{out}")
    return comparison.call


def calibrate(asked: argparse.Namespace, config: RunConfig) -> int:
    """Measures how often the harness errs."""
    from harness import _calibration_shown, _studies
    from harness import calibrate as measuring

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else it would leave its processes
    work = Path(asked.work)
    if asked.list:
        for study in _studies.studies(config, work):
            say(study.name)
        return 0
    out = Path(asked.out) if asked.out else None
    before = _calibration_shown.read(out) if out and asked.only != "*" else []
    rows = measuring.calibrate(
        config,
        work,
        short=asked.short,
        only=asked.only,
        jobs=asked.jobs or os.cpu_count() or 1,
        progress=_progress,
    )
    if out:
        every = list(_studies.studies(config, work))
        _calibration_shown.write(measuring.ordered([*before, *rows], every), out)
    say(_calibration_shown.markdown(rows))
    return 0 if all(row.holds for row in rows) else 1


def _beside(baseline: Path, candidate: Path) -> Path:
    """Names the folder of a comparison, in the results folder of the candidate."""
    from harness import store

    old, new = baseline.resolve(), candidate.resolve()
    above = new.parent.parent if new.parent.name == store.REFERENCE else new.parent
    return above / f"{old.name}-vs-{new.name}"


def verify(asked: argparse.Namespace) -> int:
    """Checks a run: manifest, one answer for each prompt, and verdicts that follow from it."""
    from harness import verify as checks

    found = checks.examine(Path(asked.run_folder))
    for line in found:
        say(f"not as it should be: {line}")
    if not found:
        say(
            "verified: the files are those of the manifest, every prompt has one answer, every"
            " answer its outcomes, and every verdict follows from them"
        )
    return 1 if found else 0


def crosscheck(asked: argparse.Namespace) -> int:
    """Shows the gated cells of a run beside a mixed model; what they say moves no verdict."""
    from harness import crosscheck as checking
    from harness import store

    if asked.out:
        store.free(Path(asked.out), "--out")
    checked = checking.check(Path(asked.run_folder))
    for line in checking.lines(checked):
        say(line)
    if asked.out:
        text = checking.to_csv(checked).encode("utf-8-sig")
        store.whole(Path(asked.out), lambda path: path.write_bytes(text))
    return 0


def validity(asked: argparse.Namespace) -> int:
    """Shows what a run says about its probes."""
    from harness import _validity_shown, store
    from harness import validity as checking

    if asked.out:
        store.outside(Path(asked.out), "--out")
    found = checking.check(Path(asked.run_folder))
    if asked.out:
        _validity_shown.write(found, Path(asked.out))
    else:
        say(_validity_shown.markdown(found))
    return 0


def _tell(scorecard: Scorecard, folder: Path) -> str:
    plugin("reports", "terminal").show(scorecard, Console(highlight=False))
    say(f"\n{folder}/scorecard.html")
    return scorecard.verdict.value


def _progress(steps: Sequence[Any], doing: str) -> Iterable[Any]:
    """Shows a bar on a terminal, one line elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        return track(steps, doing, console=console)
    console.print(doing)
    return steps


def _announce(made: "Plan") -> None:
    from harness._plan_shown import brief

    for line in brief(made):
        Console(stderr=True, highlight=False).print(line, markup=False, soft_wrap=True)


def say(line: str) -> None:
    """Prints a line of what a command answers."""
    print(line)  # noqa: T201
