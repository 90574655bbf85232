"""Whole runs on an endpoint: from the command to the scorecard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.cli import main
from harness.find import root
from tests.models.fault_server import QUICK, FaultServer
from tests.test_resume import ENDED, kill, start, stored

DECISIONS = (
    "model=chat", "model.name=m", "suite=planted", "suite.languages=[en]", "suite.groups=2",
    "suite.probes=[planted_gender]", "suite.window=16", "reports=[json]",
    *(f"model.{key}={QUICK[key]}" for key in ("backoff", "read_timeout", "timeout")),
)  # fmt: skip


def words(server: FaultServer, out: Path, *more: str) -> list[str]:
    return [*DECISIONS, f"model.url={server.url}", f"out={out}", *more]


def card(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "scorecard.json").read_text())
    return found


def by_merit(key: str) -> Mapping[str, Any]:
    """Answers as a working service does, whoever is asked about."""
    return {"content": "Yes, that is right." if len(key) % 2 else "No."}


def test_a_run_on_an_endpoint_is_verified_and_names_what_was_asked(tmp_path: Path) -> None:
    with FaultServer(answer=by_merit) as server:
        code = main(
            ["eval", *words(server, tmp_path / "run", "suite.generated=4", "model.system=Hi.")]
        )
    assert code in ENDED
    assert main(["verify", str(tmp_path / "run")]) == 0
    model = card(tmp_path / "run")["run"]["model"]
    assert (model["name"], model["system"], model["decisions"]) == ("m", "Hi.", "text")
    assert model["server"] == {"model": "m-1", "fingerprint": "fp"}


def test_failures_of_one_group_alone_make_its_cells_invalid(tmp_path: Path) -> None:
    def fault(key: str, _: int) -> str:
        return "500" if "group A." in key else ""

    with FaultServer(fault, answer=by_merit) as server:
        more = ("suite.generated=40", "model.attempts=1")
        code = main(["eval", *words(server, tmp_path / "run", *more)])
    assert code == 4
    found = card(tmp_path / "run")
    assert {cell["verdict"] for cell in found["cells"]} == {"INVALID"}
    assert sum(cell["missing"]["failed"] for cell in found["cells"]) > 0
    voids = {c["name"] for c in found["controls"] if c["voids"] and c["holds"] is False}
    assert "unparsed_gap" in voids


def test_pairs_are_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultServer() as server:
        given = words(server, tmp_path / "run", "suite=smoke", "suite.probes=[gender_pair]")
        assert main(["eval", *given]) == 2
        assert sum(server.asked.values()) == 2  # what the server can do
    told = capsys.readouterr().err
    assert "format pair" in told
    assert "suite.probes" in told
    assert not (tmp_path / "run").exists()


def test_a_budget_stops_between_windows_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(answer=by_merit) as server:
        given = words(server, tmp_path / "run", "suite.generated=4", "model.max_calls=40")
        codes = [main(["eval", *given])]
        assert "model.max_calls" in capsys.readouterr().err
        kept = stored(tmp_path / "run")
        assert len(kept) == 32
        while codes[-1] == 2 and len(codes) < 30:
            codes.append(main(["eval", *given]))
    assert codes[-1] in ENDED
    asked = pq.read_table(tmp_path / "run/prompts.parquet")["messages"].to_pylist()
    most = {message[0]["content"] for message in asked}
    assert {server.answered[text] for text in most} <= {1, 2}  # control arms may repeat a text
    assert len(stored(tmp_path / "run")) == len(asked)


@pytest.mark.parametrize("name", ["m", "org/m-1.5:free"])
def test_make_takes_a_name_and_an_address(tmp_path: Path, name: str) -> None:
    model = f"MODEL={name}@http://127.0.0.1:9/v1"
    command = ["make", "-n", "-C", str(root()), "eval", model, "READY=", "ARGS=suite=smoke"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"""model=chat 'model.name="{name}"' 'model.url=http://127.0.0.1:9/v1'""" in " ".join(
        told.replace("\\\n", " ").split()
    )
    line = told.split("art4 eval")[1].split(";")[0].replace("\\\n", " ")
    place = {**os.environ, "PYTHONPATH": str(root())}
    shown = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m harness eval --cfg job {line}"],
        capture_output=True, text=True, env=place, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert f"name: {name}" in shown.stdout


@pytest.mark.slow
def test_a_run_killed_at_ten_moments_asks_nothing_again_that_is_stored(tmp_path: Path) -> None:
    with FaultServer(answer=by_merit, latency=0.05) as server:
        begun = time.monotonic()
        assert (
            start(words(server, tmp_path / "whole", "suite.generated=8"), tmp_path).wait() in ENDED
        )
        life = time.monotonic() - begun
        for tenth in range(10):
            out = tmp_path / f"killed-{tenth}"
            given = words(server, out, "suite.generated=8")
            end = time.monotonic() + life * (tenth + 0.5) / 10
            kill(start(given, tmp_path), lambda end=end: time.monotonic() > end)  # type: ignore[misc]
            kept = {p: p.stat().st_mtime_ns for p in out.glob("windows/*.parquet")}
            before = sum(server.asked.values())
            assert start(given, tmp_path).wait() in ENDED
            due = len(stored(tmp_path / "whole")) - 16 * len(kept)
            finished = 4 if (out / "responses.parquet").exists() else 0
            assert sum(server.asked.values()) - before <= max(due, 0) + finished
            assert card(out)["cells"] == card(tmp_path / "whole")["cells"]
