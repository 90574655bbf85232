"""Times a run of the planted model from 10,000 to 10 million prompts: `python -m bench.scale`.

    python -m bench.scale [--runs 5] [--full]       # --full: 10 million too, an hour and 10 GB of disk

The generated suite goes through the pipeline's own stages, from loading the probes to the stored
outcomes; judging them is timed by bench.scorecard. Each run is a fresh process without a cache, and
a million prompts are run at most three times, ten million once. Times are CPU seconds of the process
after a run of one scenario, which imports what is imported late: bench.start times that.
Overhead is what surrounds the model: loading, expanding, asking and storing answers, less the time
inside the model's `respond`. Measuring the outcomes comes on top and is a row of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._table import Row, Watch, peak, show, write
from harness import _opening, asking, cli, judging, probes, runs
from harness._garbage import settled
from harness.records import Prompt, Response

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MOST = {1_000_000: 3, 10_000_000: 1}
"""Size -> at most so many runs."""
A_SCENARIO = 288
"""Prompts that one generated scenario makes in all cells, in two paraphrases."""
OVERHEAD, MEMORY, LINEAR = 50, 1536, 1.2
"""Microseconds a prompt; MiB at the peak; how much longer a prompt may take at a larger size."""


def run(size: int, folder: Path) -> dict[str, float]:
    """Runs about so many prompts; returns CPU microseconds a prompt by stage, and MiB at the peak."""
    _run(1, folder / "first")
    return _run(max(1, round(size / A_SCENARIO)), folder / "measured")


def _run(scenarios: int, folder: Path) -> dict[str, float]:
    words = ["suite=planted", "suite.paraphrases=2", "model=planted", f"out={folder}"]
    config = cli.configured([*words, f"suite.generated={scenarios}"])
    spent, marks = 0.0, [time.process_time()]
    loaded = probes.select(config.suite)
    decoding, held = _opening.decoding_of(config), ExitStack()
    model = held.enter_context(_opening.opened(config, loaded))
    respond = model.respond

    def timed(asked: Sequence[Prompt]) -> list[Response]:
        nonlocal spent
        began = time.process_time()
        given = respond(asked)
        spent += time.process_time() - began
        return given

    model.respond = timed  # type: ignore[method-assign]
    begun = runs.begin(config, loaded, decoding, model.describe())
    marks.append(time.process_time())
    with held, settled():
        count = asking.prepare(begun, loaded).prompts
        marks.append(time.process_time())
        asking.ask(begun, loaded, config.standard, model)
        marks.append(time.process_time())
        judging.observe(begun, loaded)
        marks.append(time.process_time())
    load, expand, ask, observe = (b - a for a, b in pairwise(marks))
    stages = {
        "all": marks[-1] - marks[0],
        "overhead": load + expand + ask - spent,
        "loading the probes": load,
        "expanding and storing prompts": expand,
        "asking and storing, less the model": ask - spent,
        "measuring and storing outcomes": observe,
        "the planted model": spent,
    }
    return {
        "prompts": count,
        "peak": peak() / 2**20,
        **{k: v / count * 1e6 for k, v in stages.items()},
    }


def measure(sizes: Sequence[int], runs: int) -> Iterator[Row]:
    """Runs the sizes by turns, and yields what came out."""
    found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    watches = {size: Watch() for size in sizes}
    for turn in range(runs):
        for size in sizes:
            if turn < MOST.get(size, runs):
                with TemporaryDirectory() as place, watches[size]:
                    command = [sys.executable, "-m", "bench.scale", "--one", str(size)]
                    done = subprocess.run(
                        [*command, f"{place}/run"], check=True, capture_output=True, text=True
                    )
                found[size].append(json.loads(done.stdout))
    before = None
    for size, told in found.items():
        middle = {key: statistics.median(each[key] for each in told) for key in told[0]}
        work = f"{int(middle.pop('prompts')):,} prompts, {len(told)} runs{watches[size].note}"
        peak, total = middle.pop("peak"), middle.pop("all")
        more = before and total / before
        yield Row(
            work=work, tool="art4", value=total, unit="us CPU a prompt", ratio=more,
            limit=f"ratio <= {LINEAR}" if more else "", holds=more <= LINEAR if more else None,
        )  # fmt: skip
        before = total
        for stage, value in middle.items():
            limited = stage == "overhead"
            yield Row(
                work=work, tool=stage, value=value, unit="us CPU a prompt", ratio=value / total,
                limit=f"<= {OVERHEAD}" if limited else "",
                holds=value <= OVERHEAD if limited else None,
            )  # fmt: skip
        yield Row(
            work=work, tool="art4", value=peak, unit="MiB at the peak", ratio=peak / MEMORY,
            limit=f"<= {MEMORY}", holds=peak <= MEMORY,
        )  # fmt: skip


def main() -> None:
    """Measures each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--most", type=int, default=SIZES[-2], help="leave out larger sizes")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(run(int(asked.one[0]), Path(asked.one[1]))))
        return
    rows = []
    for row in measure([s for s in SIZES if asked.full or s <= asked.most], asked.runs):
        rows.append(row)
        show(row)
    write("scale", rows)


if __name__ == "__main__":
    main()
