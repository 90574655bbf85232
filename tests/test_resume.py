"""A run that is killed goes on with the same command and ends with the same scorecard."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from harness import store
from harness.find import root
from tests.small import SMALL, scorecard

SLOW = (*SMALL, "model.backend=tests.slow_model", "+model.pause=0.05", "reports=[markdown,csv]")
ENDED = (0, 1, 3, 4)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(root())}


def start(words: Sequence[str], place: Path) -> subprocess.Popen[bytes]:
    """Starts `art4 eval` in a process of its own, which Ctrl-C reaches even where it does not us."""
    command = [sys.executable, "-m", "harness", "eval", *words]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        command, cwd=place, env=ENVIRONMENT, stdout=quiet, stderr=quiet,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def slow(place: Path, name: str) -> list[str]:
    return [*SLOW, f"+model.log={place / name}.log", f"out={place / name}"]


def kill(process: subprocess.Popen[bytes], due: Callable[[], bool]) -> None:
    """Kills a process once something is due."""
    while process.poll() is None and not due():
        time.sleep(0.002)
    process.kill()
    process.wait()


def has(name: str) -> Callable[[Path], bool]:
    return lambda out: (out / name).exists()


def windows(n: int) -> Callable[[Path], bool]:
    return lambda out: len(list(out.glob("windows/*.parquet"))) >= n


def asked(place: Path) -> list[str]:
    log = place / "killed.log"
    return log.read_text().split() if log.exists() else []


def stored(out: Path) -> set[str]:
    """Returns the prompts whose answers are stored."""
    files = [*out.glob("windows/*.parquet"), *out.glob(store.RESPONSES)]
    return {p for file in files for p in pq.read_table(file)["prompt"].to_pylist()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    place, begun = tmp_path_factory.mktemp("whole"), time.monotonic()
    assert start(slow(place, "run"), place).wait() in ENDED
    return place / "run", time.monotonic() - begun


def check_resumed(place: Path, whole: Path) -> None:
    """Goes on with a run that was killed; nothing that was stored is asked again."""
    out = place / "killed"
    kept, before = stored(out), len(asked(place))
    assert start(slow(place, "killed"), place).wait() in ENDED
    again = asked(place)[before:]
    assert not kept & set(again)
    assert max(Counter(again).values(), default=1) == 1
    assert set(asked(place)) == stored(out) == stored(whole)
    assert scorecard(out) == scorecard(whole)
    for name in ("cells.csv", "scorecard.md"):
        assert (out / name).exists() == (whole / name).exists()
    assert not [p.name for p in out.glob(".*") if p.name != ".lock"]
    assert not (out / "windows").exists()


@pytest.mark.parametrize(
    "due",
    [has("run.json"), windows(2), windows(8), has(store.OUTCOMES)],
    ids=["begun", "early", "late", "judging"],
)
def test_a_killed_run_goes_on(
    due: Callable[[Path], bool], uninterrupted: tuple[Path, float], tmp_path: Path
) -> None:
    process = start(slow(tmp_path, "killed"), tmp_path)
    kill(process, lambda: due(tmp_path / "killed"))
    assert process.returncode == -signal.SIGKILL
    check_resumed(tmp_path, uninterrupted[0])


def test_an_interrupted_run_ends_with_130_and_goes_on(
    uninterrupted: tuple[Path, float], tmp_path: Path
) -> None:
    process = start(slow(tmp_path, "killed"), tmp_path)
    while not windows(3)(tmp_path / "killed"):
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    check_resumed(tmp_path, uninterrupted[0])


@pytest.mark.slow
@pytest.mark.parametrize("tenth", range(10))
def test_a_run_killed_at_any_moment_goes_on(
    tenth: int, uninterrupted: tuple[Path, float], tmp_path: Path
) -> None:
    whole, life = uninterrupted
    end = time.monotonic() + life * (tenth + 0.5) / 10
    kill(start(slow(tmp_path, "killed"), tmp_path), lambda: time.monotonic() > end)
    check_resumed(tmp_path, whole)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_default_model_goes_on_after_each_of_ten_kills(tmp_path: Path) -> None:
    words = (
        "suite=smoke", "suite.scenarios=2", "suite.groups=2", "suite.languages=[en]",
        "suite.window=8", "reports=[markdown]",
    )  # fmt: skip
    begun = time.monotonic()
    assert start([*words, f"out={tmp_path / 'whole'}"], tmp_path).wait() in ENDED
    life = time.monotonic() - begun
    for tenth in range(10):
        out = tmp_path / f"killed-{tenth}"
        end = time.monotonic() + life * (tenth + 0.5) / 10
        kill(start([*words, f"out={out}"], tmp_path), lambda end=end: time.monotonic() > end)  # type: ignore[misc]
        kept = {p: p.stat().st_mtime_ns for p in out.glob("windows/*.parquet")}
        process = start([*words, f"out={out}"], tmp_path)
        while process.poll() is None:
            for path, written in kept.items():
                try:
                    assert path.stat().st_mtime_ns == written
                except FileNotFoundError:  # the windows were joined
                    break
            time.sleep(0.05)
        assert process.returncode in ENDED
        assert scorecard(out) == scorecard(tmp_path / "whole")
