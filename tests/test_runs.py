"""Run folders: a new one, the interrupted one, or a refusal."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import provenance, runs, store
from harness.cli import main
from harness.errors import BadRun
from harness.records import RunConfig
from tests.small import SMALL, evaluate, finished


def test_a_foreign_folder_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    assert evaluate(tmp_path) == 2
    assert "is not empty and holds no run" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_what_a_kill_left_in_an_empty_folder_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".run.json.77").write_text("half")
    assert evaluate(tmp_path / "run") == 4


@pytest.mark.parametrize(
    ("override", "key"),
    [("seed=2", "seed"), ("model.effect=gap", "model"), ("suite.samples=2", "suite, decoding")],
)
def test_the_folder_of_another_run_is_refused(
    override: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run")
    assert evaluate(run, override) == 2
    told = capsys.readouterr().err
    assert "holds another run: it differs in" in told
    assert all(part in told for part in key.split(", "))


def test_an_interrupted_run_is_found_by_itself_and_a_finished_one_is_not(tmp_path: Path) -> None:
    words = ["eval", *SMALL, f"results={tmp_path}"]
    assert main(words) == 4
    (first,) = (p.parent for p in tmp_path.glob("*/run.json"))
    (first / store.MANIFEST).unlink()
    assert main(words) == 4
    assert len(list(tmp_path.glob("*/run.json"))) == 1
    assert main(words) == 4
    assert len(list(tmp_path.glob("*/run.json"))) == 2
    log = [json.loads(line) for line in (tmp_path / runs.LOG).read_text().splitlines()]
    counts = sorted(json.loads(p.read_text())["time"]["count"] for p in tmp_path.glob("*/run.json"))
    assert len(log) == 2
    assert counts == [1, 2]


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    head, started = runs.reopen(finished(tmp_path / "run")).head, datetime.now(UTC)
    config = RunConfig(
        suite=runs.suite_of(head),
        standard=runs.standard_of(head),
        model="planted",
        settings={},
        seed=1,
        results=str(tmp_path),
        out="",
        reports=(),
    )
    with ThreadPoolExecutor(8) as pool:
        made = [pool.submit(runs._new, config, {"name": "m"}, started) for _ in range(8)]
    assert len({each.result() for each in made}) == 8


def test_a_run_that_another_process_began_a_moment_ago_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other, create = finished(tmp_path / "other") / store.RUN, store.create

    def late(folder: Path) -> store.Store:
        made = create(folder)
        shutil.copy(other, folder)
        return made

    monkeypatch.setattr(store, "create", late)
    assert evaluate(tmp_path / "run", "seed=2") == 2
    assert "holds another run: it differs in seed" in capsys.readouterr().err
    assert (tmp_path / "run" / store.RUN).read_bytes() == other.read_bytes()


def test_a_log_that_was_cut_inside_a_letter_still_counts(tmp_path: Path) -> None:
    line = b'{"fingerprint": "f"}\n'
    (tmp_path / runs.LOG).write_bytes(line + "护".encode()[:2] + b"\n" + line)
    assert runs._count(tmp_path / runs.LOG, "f") == 2


def test_a_second_process_on_one_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run")
    (run / store.MANIFEST).unlink()
    with store.Store(run).locked():
        assert evaluate(run) == 2
    assert "another process is writing this run" in capsys.readouterr().err


def test_a_run_reads_back_its_standard_and_its_probes(tmp_path: Path) -> None:
    head = runs.reopen(finished(tmp_path / "run")).head
    assert runs.standard_of(head).name == "art4"
    assert len(runs.probes_of(head)) == 8
    assert all(not probe.scenarios for probe in runs.probes_of(head))


def test_a_folder_without_a_run_cannot_be_reopened(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    shutil.copy(run / "scorecard.json", tmp_path)
    with pytest.raises(BadRun, match="holds no run"):
        runs.reopen(tmp_path)


def test_a_damaged_run_nearby_stops_no_new_one(tmp_path: Path) -> None:
    for number, damaged in enumerate(("{", "[]", '{"code": 5}')):
        (tmp_path / f"broken{number}").mkdir()
        (tmp_path / f"broken{number}" / "run.json").write_text(damaged)
    assert main(["eval", *SMALL, f"results={tmp_path}"]) == 4


def test_a_commit_that_left_the_code_as_it_was_does_not_part_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(tmp_path / "run")
    (run / store.MANIFEST).unlink()
    code = provenance.code()
    monkeypatch.setattr(provenance, "code", lambda: {**code, "commit": "another"})
    assert evaluate(run) == 4
    (run / store.MANIFEST).unlink()
    monkeypatch.setattr(provenance, "code", lambda: {**code, "code": "other"})
    assert evaluate(run) == 2
