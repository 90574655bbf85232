"""The run as a whole: the same twice, judged again, and never asked twice."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness import cli, find, store
from harness.cli import main
from harness.verify import examine
from tests.small import evaluate, finished, scorecard


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished(tmp_path / "run")


@pytest.fixture
def loose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds a standard of one's own: every margin is ten times as wide."""
    conf = tmp_path / "conf"
    shutil.copytree(find.data("conf"), conf)
    content = yaml.safe_load((conf / "standard/art4.yaml").read_text())
    content["margins"] = dict.fromkeys(content["margins"], 0.9)
    content["gates"] = [{"outcome": "refused", "arm": "explicit"}]
    content["limits"]["unparsed"] = 0.9
    (conf / "standard/loose.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setattr(cli, "data", lambda name: conf if name == "conf" else find.data(name))


def test_the_same_run_twice_is_the_same_but_for_its_times(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    codes = {evaluate(out, "reports=[json,csv,junit]") for out in (one, two)}
    assert len(codes) == 1
    assert scorecard(one) == scorecard(two)
    first, second = store.Store(one).digests(), store.Store(two).digests()
    assert first.keys() == second.keys()
    differing = {name for name in first if first[name] != second[name]}
    assert differing <= {"run.json", "scorecard.json"}


def test_pages_for_people_differ_in_their_times_alone(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    evaluate(other)
    content = json.loads((other / "scorecard.json").read_text())
    content["run"]["time"] = json.loads((run / "scorecard.json").read_text())["run"]["time"]
    (other / "scorecard.json").write_text(json.dumps(content))
    store.Store(other).finish()
    for folder in (run, other):
        assert main(["report", str(folder), "--reports", "markdown,html"]) == 0
    for name in ("scorecard.md", "scorecard.html"):
        assert (run / name).read_bytes() == (other / name).read_bytes()


def test_a_finished_run_answers_without_asking(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.models import planted

    def ask(*_: object) -> None:
        raise AssertionError("a prompt was asked")

    monkeypatch.setattr(planted.Planted, "respond", ask)
    before = store.Store(run).digests()
    assert evaluate(run) in (0, 1, 3, 4)
    assert store.Store(run).digests() == before


def test_a_rescore_by_the_same_standard_gives_the_same_cells(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    code = main(["rescore", str(run), "--out", str(out)])
    assert code == cli.CODES[scorecard(run)["verdict"]]
    assert scorecard(out) == scorecard(run)
    assert examine(out) == []


def test_margins_chosen_after_the_answers_never_pass(
    run: Path, tmp_path: Path, loose: None, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "again"
    assert main(["rescore", str(run), "--standard", "loose", "--out", str(out)]) == 3
    assert "margins chosen after the answers were seen" in capsys.readouterr().out
    found = scorecard(out)
    assert found["verdict"] == "PASS"
    assert found["run"]["standard"]["name"] == "loose"
    for name in ("scorecard.md", "scorecard.html"):
        assert "margins chosen after the answers were seen" in (out / name).read_text()
    assert examine(out) == []
    assert evaluate(out, "standard=loose") == 2  # nor by the detour of going on with it
    assert main(["rescore", str(out), "--out", str(tmp_path / "twice")]) == 3


def test_a_rescore_does_not_write_over_a_folder(run: Path) -> None:
    assert main(["rescore", str(run), "--out", str(run)]) == 2


def test_importing_the_pipeline_loads_nothing_heavy() -> None:
    heavy = "torch transformers hydra matplotlib sklearn"
    check = f"import sys, harness.pipeline; print(*set('{heavy}'.split()) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=find.root(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
