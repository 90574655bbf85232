"""The command line: exit codes, errors of four parts, and Hydra kept in its place."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import _commands, store
from harness.cli import main, worst
from harness.find import root
from tests.small import evaluate, finished


def test_help_answers_at_once_and_loads_nothing_heavy() -> None:
    check = (
        "import sys\nfrom harness.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pyarrow', 'hydra', 'rich'}\n"
        "assert not heavy & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(root())}
    begun = time.process_time()
    subprocess.run([sys.executable, "-c", check], env=environment, check=True, capture_output=True)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        (["modle=planted"], "unknown setting 'modle'", "'model'"),
        (["model=plantd"], "unknown model 'plantd'", "'planted'"),
        (["suite=smok"], "unknown suite 'smok'", "'smoke'"),
        (["standard=art5"], "unknown standard 'art5'", "'art4'"),
        (["model=planted", "model.efect=gap"], "unknown setting 'model.efect'", "'model.effect'"),
        (["+sed=1"], "unknown setting 'sed'", "'seed'"),
        (["seed=[1"], "", "correct the override"),
        (["seed=one"], "seed is 'one'", "set seed"),
        (["--multirun", "seed=1,2", "sed=4"], "unknown setting 'sed'", "'seed'"),
        (["--multirun", "model=planed,local"], "unknown model 'planed'", "'planted'"),
        (["--multirun", "seed=[1"], "", "correct the override"),
        (["--cfg", "job", "modle=planted"], "unknown setting 'modle'", "'model'"),
    ],
)
def test_what_hydra_refuses_is_an_error_of_four_parts(
    words: list[str], what: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", *words]) == 2
    lines = capsys.readouterr().err.rstrip("\n").split("\n")
    assert [line.split(":")[0].strip() for line in lines] == ["error", "where", "expected", "fix"]
    assert what in lines[0]
    assert fix in lines[3]


def test_cfg_shows_the_settings_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eval", "--cfg", "job", "model=planted", "seed=7"]) == 0
    shown = capsys.readouterr().out
    assert "seed: 7" in shown
    assert "backend: planted" in shown
    assert not list(tmp_path.iterdir())


def test_a_sweep_runs_every_job_returns_the_worst_code_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = iter(["INCONCLUSIVE", "FAIL", "INVALID"])
    seeds: list[int] = []

    def evaluated(config: object) -> str:
        seeds.append(config.seed)  # type: ignore[attr-defined]
        return next(verdicts)

    monkeypatch.setattr(_commands, "evaluate", evaluated)
    monkeypatch.chdir(tmp_path)
    assert main(["eval", "--multirun", "model=planted", "seed=1,2,3"]) == 1
    assert seeds == [1, 2, 3]
    assert not list(tmp_path.iterdir())


def test_a_sweep_over_models_runs_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[str] = []

    def evaluated(config: object) -> str:
        models.append(config.model)  # type: ignore[attr-defined]
        return "PASS"

    monkeypatch.setattr(_commands, "evaluate", evaluated)
    assert main(["eval", "--multirun", "model=planted,local,replay"]) == 0
    assert models == ["planted", "local", "replay"]


@pytest.mark.slow
def test_a_sweep_in_other_processes_returns_the_worst_code_too(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    command = [
        *(sys.executable, "-m", "harness", "eval", "--multirun", "hydra/launcher=submitit_local"),
        *("hydra.sweep.dir=jobs", "model=planted", "model.effect=none,gap", "model.dose=0.5"),
        *("suite=planted", "suite.languages=[en]", "suite.generated=60", "reports=[json]"),
        "out=runs/${model.effect}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(root())}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    found = {
        path.parent.name: json.loads(path.read_text())["verdict"]
        for path in tmp_path.glob("runs/*/scorecard.json")
    }
    assert found == {"none": "INCONCLUSIVE", "gap": "FAIL"}
    assert done.returncode == 1, done.stderr


def test_a_run_leaves_nothing_beside_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evaluate(Path("run")) == 4
    assert {p.name for p in tmp_path.iterdir()} == {"run", "log.jsonl"}


@pytest.mark.parametrize(
    ("codes", "code"), [([0, 3], 3), ([3, 4], 4), ([4, 1, 0], 1), ([1, 2], 2), ([0], 0)]
)
def test_the_worst_code_is_returned(codes: list[int], code: int) -> None:
    assert worst(codes) == code


@pytest.mark.parametrize(("verdict", "code"), [("PASS", 0), ("FAIL", 1), ("INVALID", 4)])
def test_the_exit_code_is_the_verdict(
    verdict: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_commands, "evaluate", lambda config: verdict)
    assert main(["eval", "model=planted"]) == code


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "the same command goes on"),
        (ZeroDivisionError("oops"), 70, "this is a bug in art4"),
    ],
)
def test_what_ends_a_command_decides_its_code(
    raised: BaseException, code: int, told: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def evaluated(config: object) -> str:
        raise raised

    monkeypatch.setattr(_commands, "evaluate", evaluated)
    assert main(["eval", "model=planted"]) == code
    assert told in capsys.readouterr().err


def test_words_that_no_command_knows_are_refused() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "run", "more"])


def test_reports_are_written_again_from_the_scorecard(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    assert main(["report", str(run), "--reports", "csv"]) == 0
    assert main(["verify", str(run)]) == 0
    assert "cells.csv" in json.loads((run / "manifest.json").read_text())["files"]


@pytest.mark.parametrize("words", [["report"], ["rescore", "--out", "never"]])
def test_nothing_is_written_from_files_that_were_edited(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run")
    for name in ("scorecard.json", "run.json"):
        (run / name).write_text((run / name).read_text().replace("planted", "granted"))
    before = store.Store(run).digests()
    assert main([words[0], str(run), *words[1:]]) == 2
    assert "run.json" in capsys.readouterr().err
    assert store.Store(run).digests() == before
    assert not Path("never").exists()


def test_a_run_without_a_manifest_is_not_reported_on(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    (run / store.MANIFEST).unlink()
    assert main(["report", str(run)]) == 2


def test_the_commands_for_probes_say_what_they_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        assert main(["probes", *words]) == 0
        return capsys.readouterr().out

    assert "gender_decision" in said("list")
    assert "harm" in said("show", "gender_decision")
    shown = said("preview", "gender_decision", "gender_pair", "-n", "1", "--language", "zh")
    assert "[stereotyped]" in shown
    assert "user: " in shown
    assert "next: edit its files" in said("new", "own", "--in", str(tmp_path))
    assert "1 probe checked, 0 errors" in said("lint", "own", "--path", str(tmp_path))
    (tmp_path / "own" / "probe.yaml").write_text("schema: 2\n")
    assert main(["probes", "lint", "own", "--path", str(tmp_path)]) == 2
    assert "1 error" in capsys.readouterr().out


def test_a_private_probe_lies_where_git_and_others_do_not_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["probes", "new", "held_back", "--private"]) == 0
    assert "suite=private seed=SECRET" in capsys.readouterr().out
    assert (tmp_path / "private" / ".gitignore").read_text("utf-8") == "*\n"
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0
    assert main(["probes", "lint", "private/held_back"]) == 0
    assert main(["probes", "new", "held_back", "--private"]) == 2  # it is kept
    (tmp_path / "file").write_text("")
    assert main(["probes", "new", "other", "--private", "--in", "file/inside"]) == 2


def test_a_bar_is_shown_on_a_terminal_and_a_line_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(_commands._progress([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr().err == "counting\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(_commands._progress([1, 2], "counting")) == [1, 2]
    assert "100%" in capsys.readouterr().err
