"""Runs a published set on answers that a test gives."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import cli

DATA = Path(os.environ.get("HARNESS_DATA", "../shared/data"))
Told = dict[tuple[str, str], dict[str, Any]]


def upstream(name: str) -> Path:
    """Returns where upstream's data lie; skips the test where they do not."""
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not there: set HARNESS_DATA to the folder of real data")
    return DATA / name


def run(place: Path, name: str, data: Path, answers: Mapping[str, str], *more: str) -> Path:
    """Replays answers (id -> text) to a set's data; returns the folder of the run."""
    file = place / "answers.jsonl"
    lines = (json.dumps({"id": k, "said": v}, ensure_ascii=False) for k, v in answers.items())
    file.write_text("\n".join(lines), "utf-8")
    out = place / "run"
    words = [f"suite={name}", f"benchmark.path={data}", "model=replay", f"model.path={file}"]
    settings = ["model.id=id", "model.text=said", f"out={out}", "reports=[json]"]
    assert cli.main(["eval", *words, *settings, *more]) in (0, 1, 3, 4)
    assert cli.main(["verify", str(out)]) == 0
    return out


def scorecard(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "scorecard.json").read_text("utf-8"))
    return found


def published(folder: Path) -> Told:
    """Returns what a run published, by part and metric."""
    return {(row["part"], row["metric"]): row for row in scorecard(folder)["published"]}


def values(told: Told, *parts: str) -> dict[tuple[str, str], float | None]:
    """Returns the values of some parts, or of all."""
    return {key: row["value"] for key, row in told.items() if not parts or key[0] in parts}
