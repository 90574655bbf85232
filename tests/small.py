"""Small runs of the planted model: one or two seconds each."""

import json
import shutil
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from harness import _generated
from harness.cli import main

SMALL = (
    "model=planted", "suite=planted", "suite.generated=6", "suite.languages=[en]",
    "suite.groups=2", "suite.window=64", "reports=[json]",
)  # fmt: skip


def evaluate(out: Path, *more: str) -> int:
    """Runs the small suite into a folder and returns the exit code."""
    return main(["eval", *SMALL, f"out={out}", *more])


@pytest.fixture(autouse=True)
def two_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves two attributes of eight in the generated suite, so that a run takes a second."""
    few = partial(_generated.generate, attributes=("gender", "age"))
    monkeypatch.setattr(_generated, "generate", few)


def once(*words: str) -> Path:
    """Runs an evaluation once, whatever its verdict; the folder is read alone."""
    return _once(words, isinstance(_generated.generate, partial))


@cache
def _once(words: Sequence[str], few: bool) -> Path:
    """`few` keeps what was run with two attributes apart from what was run with all."""
    folder = Path(mkdtemp()) / "run"
    assert main(["eval", *words, f"out={folder}"]) in (0, 1, 3, 4)
    return folder


def finished(out: Path) -> Path:
    """Returns a copy of one finished run."""
    shutil.copytree(once(*SMALL), out)
    return out


def scorecard(folder: Path) -> dict[str, Any]:
    """Reads a scorecard without what may differ between equal runs."""
    found: dict[str, Any] = json.loads((folder / "scorecard.json").read_text())
    del found["run"]["time"]
    return found
