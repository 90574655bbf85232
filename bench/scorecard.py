"""Times the way from stored outcomes to a scorecard: 10^4, 10^5 and 10^6 prompts.

    python -m bench.scorecard

The outcomes are those of the planted model on the generated suite, its scenarios tiled under new
names. Each size is judged by a process of its own, so that the peak of memory is its own.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from bench._table import Row, Watch, peak, show, write
from harness import cli, judging, outcomes, prompts, runs, store
from harness._generated import generate
from harness.models import planted
from harness.records import Decoding, Outcome, Prompt, Response, to_table

SIZES = (10_000, 100_000, 1_000_000)
SECONDS, BYTES = 30, 2 * 2**30
"""What a million prompts may take."""
SCENARIOS = 40
"""Asked in earnest, then tiled."""


def prepare(folder: Path, size: int) -> None:
    """Writes a run of about so many prompts that is asked and measured, and not judged yet."""
    config = cli.configured(["suite=planted", "model=planted", f"out={folder}"])
    made, decoding = generate(SCENARIOS), Decoding(seed=1)
    model = planted.open({}, decoding)
    begun = runs.begin(config, made, decoding, model.describe())
    asked = list(prompts.expand(made, replace(config.suite, paraphrases=1), seed=1))
    answers = model.respond(asked)
    names = {p.name: p.outcomes for p in made}
    seen = outcomes.measure(asked, answers, names, outcomes.modules(made))
    times = max(1, round(size / len(asked)))
    for name, table, keys in (
        (store.PROMPTS, to_table(asked, Prompt), ("id", "scenario", "item")),
        (store.RESPONSES, to_table(answers, Response), ("prompt",)),
        (store.OUTCOMES, to_table(seen, Outcome), ("prompt",)),
    ):
        begun.folder.write_rows(name, _tiled(table, keys, times))


def _tiled(table: pa.Table, keys: tuple[str, ...], times: int) -> Iterator[pa.Table]:
    for tile in range(times):
        part = table
        for key in keys:
            renamed = pc.binary_join_element_wise(table[key], f"#{tile}", "")
            part = part.set_column(part.schema.get_field_index(key), key, renamed)
        yield part


def judge(folder: Path) -> dict[str, float]:
    """Judges a run; returns its prompts, seconds, and bytes beyond what the imports take."""
    begun = runs.reopen(folder)
    before = peak()
    started = time.perf_counter()
    judging.derive(begun, runs.probes_of(begun.head), runs.standard_of(begun.head))
    took = time.perf_counter() - started
    grown = peak() - before
    count = begun.folder.open_table(store.PROMPTS).metadata.num_rows
    return {"prompts": count, "seconds": took, "bytes": grown}


def measure() -> Iterator[Row]:
    """Judges a run of each size in a process of its own."""
    with TemporaryDirectory() as place:
        for size in SIZES:
            folder, watch = Path(place) / str(size), Watch()
            prepare(folder, size)
            command = [sys.executable, "-m", "bench.scorecard", str(folder)]
            with watch:
                done = subprocess.run(command, check=True, capture_output=True, text=True)
            n, seconds, grown = json.loads(done.stdout).values()
            work = f"{n:,} prompts{watch.note}"
            for value, unit, most in (
                (1e6 * seconds / n, "s a million", SECONDS),
                (grown / 2**20, "MiB beyond the imports", BYTES / 2**20),
            ):
                asked = size == SIZES[-1]  # what a run always costs weighs on fewer
                yield Row(
                    work=work, tool="art4", value=value, unit=unit,
                    ratio=value / most if asked else None, limit=f"<= {most:g}" if asked else "",
                    holds=value <= most if asked else None,
                )  # fmt: skip


def main() -> None:
    """Measures, shows a table and writes it."""
    rows = []
    for row in measure():
        rows.append(row)
        show(row)
    write("scorecard", rows)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(judge(Path(sys.argv[1]))))
    else:
        main()
