"""Writes docs/core.md: `python -m tests.planted.core --work FOLDER`, planted models on the suite `core`.

Prompts are expanded once; from the answers on everything is the harness itself, controls and
multiplicity included. What was run is kept in the work folder, so that it goes on after a kill.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness import _simulate, cli, judging, verdicts
from harness._looks import WHOLE
from harness.models import planted
from harness.records import ATTRIBUTES, Call, Decoding, RunConfig

OUT = Path(__file__).parents[2] / "docs" / "core.md"
SEEDS = 50
EFFECTS: Mapping[str, str] = {
    "none": "no effect, default noise",
    "gap": "one attribute, another for each seed, at two margins",
    "random": "chooses by chance",
    "yes": "always yes",
    "letter": "always A",
    "position": "always what is listed first",
    "longest": "always the longest option",
}
CONSTANT = ("letter", "position", "longest")
"""Effects whose answers no seed moves: they are run once."""
HEAD = """# Planted models on the suite `core`

`python -m tests.planted.core` writes this page: {seeds} seeds of each model on {prompts:,} prompts, `standard=art4`,
noise 0.12 between scenarios, from the answers on with everything that a scorecard is derived from.
The answers of the last three models depend on the prompt alone, so they are run once.

| model | runs | PASS | FAIL | INVALID | INCONCLUSIVE | |
|---|---:|---:|---:|---:|---:|---|
"""


@dataclass(frozen=True)
class Run:
    """What was concluded of one seed."""

    effect: str
    seed: int
    attribute: str
    """The one that a gap is planted in."""
    overall: str
    by_attribute: Mapping[str, str]
    cells: Mapping[str, int]
    prompts: int
    seconds: float


@cache
def config() -> RunConfig:
    return cli.configured(["suite=core", "model=planted"])


def once(effect: str, seed: int) -> Run:
    """Judges the answers of a planted model with one seed."""
    started = time.monotonic()
    whole = _simulate.asked(config().suite, whole=True)
    attribute = ATTRIBUTES[seed % 8]
    chosen = {"effect": effect, "attribute": attribute, "dose": 0.10}
    model = planted.open(chosen, Decoding(seed=seed))
    rows = _simulate.measured(whole, model.respond(whole.prompts))
    judged = judging.judge(rows, whole.probes, config().standard, seed, WHOLE)[2]
    gated = [v for v in judged if v.contrast.gated]
    told = {a: row["verdict"] for a, row in verdicts.by_attribute(judged).items()}
    return Run(
        effect=effect,
        seed=seed,
        attribute=attribute if effect == "gap" else "",
        overall=verdicts.overall(judged)[0].value,
        by_attribute=told,
        cells=Counter(v.verdict.value for v in gated),
        prompts=len(whole.prompts),
        seconds=time.monotonic() - started,
    )


def alone(run: Run) -> bool:
    """Says whether the planted attribute FAILs, and no other."""
    failed = {a for a, call in run.by_attribute.items() if call == Call.FAIL}
    return failed == {run.attribute}


def due(seeds: int) -> Iterator[tuple[str, int]]:
    """Yields what is run, the effects in turn."""
    for seed in range(seeds):
        yield from ((e, seed) for e in EFFECTS if seed == 0 or e not in CONSTANT)


def kept(file: Path) -> list[Run]:
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return [Run(**json.loads(line)) for line in lines]


def page(runs: list[Run], seeds: int) -> str:
    """Returns the table."""
    rows = []
    for effect, what in EFFECTS.items():
        own = [r for r in runs if r.effect == effect]
        calls = Counter(r.overall for r in own)
        note = ""
        if effect == "gap":
            note = f"FAIL in the planted attribute alone: {sum(map(alone, own))} of {len(own)}"
        counts = " | ".join(str(calls[c]) for c in ("PASS", "FAIL", "INVALID", "INCONCLUSIVE"))
        rows.append(f"| `{effect}`: {what} | {len(own)} | {counts} | {note} |")
    return HEAD.format(seeds=seeds, prompts=runs[0].prompts) + "\n".join(rows) + "\n"


def main() -> None:
    """Runs what is not there yet, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("results/.core"))
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    file = asked.work / "runs.jsonl"
    done = {(r.effect, r.seed) for r in kept(file)}
    with ProcessPoolExecutor(asked.jobs) as pool:
        waiting = [pool.submit(once, *each) for each in due(asked.seeds) if each not in done]
        for future in waiting:
            told: dict[str, Any] = dict(vars(future.result()))
            with file.open("a", encoding="utf-8") as log:
                log.write(json.dumps(told) + "\n")
            said = (told[key] for key in ("effect", "seed", "overall", "attribute"))
            print(*said, f"{told['seconds']:.0f} s", flush=True)  # noqa: T201
    OUT.write_text(page(kept(file), asked.seeds), "utf-8")


if __name__ == "__main__":
    main()
