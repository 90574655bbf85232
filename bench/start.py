"""Times how soon `art4` answers: its help, its list of probes, all prompts, the first answer: `python -m bench.start`.

    python -m bench.start [RUNS]

Each is a fresh process, the files it reads in the disk cache; floors are run by turns with it. The
first prompt counts once its answer is stored: the default model, the suite smoke in windows of eight.
Wall-clock seconds; medians of RUNS (5) interleaved runs go to docs/performance/start.json.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._table import Row, Watch, show, write

Timed = Callable[[], float]
"""Does something once; returns the seconds that it took."""
POLL = 0.002


def command(*words: str) -> Timed:
    """Times a command of Python until it ends."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return time.perf_counter() - began

    return run


def first_prompt() -> float:
    """Times a run until its first answer is stored, and ends it then."""
    with TemporaryDirectory() as place:
        words = ["-m", "harness", "eval", "suite.window=8", f"out={place}/run"]
        began = time.perf_counter()
        running = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not any(Path(place).glob("run/windows/[!.]*.parquet")):
                if running.poll() is not None:
                    raise SystemExit(f"error: the run ended with {running.returncode}")
                time.sleep(POLL)
            return time.perf_counter() - began
        finally:
            running.kill()
            running.wait()


EXPAND = """
from harness import cli, probes, prompts
suite = cli.configured(["suite=full", "model=planted"]).suite
print(sum(1 for _ in prompts.expand(probes.select(suite), suite, 0)))
"""
WORKS: dict[str, tuple[Timed, str, Timed, float]] = {
    "art4 --help": (command("-m", "harness", "--help"), "python -c pass", command("-c", "pass"), 0.5),
    "art4 probes list": (
        command("-m", "harness", "probes", "list"), "python -c 'import yaml, rich.progress'",
        command("-c", "import yaml, rich.progress"), 1,
    ),
    "all probes loaded, all prompts of `full` made": (
        command("-c", EXPAND), "python -c 'import yaml, jsonschema'",
        command("-c", "import yaml, jsonschema"), 20,
    ),
    "the first prompt, default model": (
        first_prompt, "import torch, transformers",
        command("-c", "import torch, transformers; transformers.AutoModelForCausalLM"), 10,
    ),
}  # fmt: skip
"""What is timed: itself, its floor, and the seconds it may take."""


def measure(runs: int) -> Iterator[Row]:
    """Times everything by turns, after one run that counts for nothing."""
    found: dict[tuple[str, str], list[float]] = {}
    watches = {work: Watch() for work in WORKS}
    for turn in range(runs + 1):
        for work, (own, floor, bare, _) in WORKS.items():
            with watches[work]:
                took = {"art4": own(), floor: bare()}
            for tool, seconds in took.items() if turn else ():
                found.setdefault((work, tool), []).append(seconds)
    middle = {key: statistics.median(taken) for key, taken in found.items()}
    for work, (_, floor, _, limit) in WORKS.items():
        named, least, value = work + watches[work].note, middle[work, floor], middle[work, "art4"]
        yield Row(work=named, tool=floor, value=least, unit="s", ratio=None, limit="", holds=None)
        yield Row(
            work=named, tool="art4", value=value, unit="s", ratio=value / least,
            limit=f"< {limit:g}", holds=value < limit,
        )  # fmt: skip


def main() -> None:
    """Measures, shows a table and writes it."""
    rows = []
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        rows.append(row)
        show(row)
    write("start", rows)


if __name__ == "__main__":
    main()
