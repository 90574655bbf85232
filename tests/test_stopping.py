"""Early stopping: fewer prompts, the same rules; every stop follows from the outcomes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from harness import prompts, runs, store
from harness._generated import generate
from harness._looks import of_run
from harness.cli import main
from harness.models.planted import Planted
from harness.records import Suite
from harness.stats.looks import Look
from harness.verify import examine
from tests.small import scorecard
from tests.test_verify import sign

WORDS = (
    "model=planted", "suite=planted", "suite.languages=[en]", "reports=[json]", "suite.orders=1",
    "suite.arms=[explicit,same_group,positive_control]", "suite.probes=[planted_gender,planted_age]",
)  # fmt: skip


def evaluate(out: Path, *more: str) -> int:
    return main(["eval", *WORDS, f"out={out}", *more])


def answered(out: Path) -> Counter[tuple[str, int]]:
    """Counts the scenarios that were answered, by probe and look."""
    asked = pq.read_table(out / store.PROMPTS, columns=["id", "probe", "look", "scenario"])
    given = pq.read_table(out / store.RESPONSES, columns=["prompt"])["prompt"]
    rows = asked.filter(pc.is_in(asked["id"], given)).to_pylist()
    return Counter(
        (p, look) for p, look, _ in {(r["probe"], r["look"], r["scenario"]) for r in rows}
    )


def test_scenarios_come_in_a_drawn_order_parted_evenly_over_the_looks() -> None:
    asked = list(prompts.expand(generate(10), Suite(name="s", probes=()), 1, looks=4))
    assert [p.look for p in asked] == sorted(p.look for p in asked)
    whole = {p.id for p in prompts.expand(generate(10), Suite(name="s", probes=()), 1)}
    assert {p.id for p in asked} == whole
    by_look = {look: {p.scenario for p in asked if p.look == look} for look in range(1, 5)}
    sizes = Counter(p.look for p in asked if p.probe == "planted_age" and p.language == "zh")
    assert len(sizes) == 4
    assert by_look[1] != by_look[2]
    first = {p.scenario for p in asked if p.look == 1 and p.probe == "planted_age"}
    again = {
        p.scenario
        for p in prompts.expand(generate(10), Suite(name="s", probes=()), 2, looks=4)
        if p.look == 1 and p.probe == "planted_age"
    }
    assert first != again


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fair") / "run"
    assert evaluate(out, "stopping=group_sequential") == 0
    return out


def test_a_decided_block_is_asked_no_further_and_it_is_said(fair: Path) -> None:
    card = json.loads((fair / "scorecard.json").read_text())
    seen = answered(fair)
    assert seen["planted_gender", 1] == seen["planted_gender", 3] == 40
    assert sum(seen.values()) < 320
    told = card["run"]["stopping"]
    assert told["asked"] == pq.read_metadata(fair / store.RESPONSES).num_rows < told["planned"]
    for cell in card["cells"]:
        early = not seen[cell["probe"], 4]
        assert cell["planned"] == 160
        assert cell["clusters"] == (120 if early else 160)
    assert any("ended early" in note for note in card["notes"])
    assert any("提前结束" in note for note in card["notes"])
    assert examine(fair) == []


def test_a_run_that_may_stop_looks_at_no_smaller_p_than_its_look_allows(fair: Path) -> None:
    card = json.loads((fair / "scorecard.json").read_text())
    assert {c["verdict"] for c in card["cells"]} == {"PASS"}
    for cell in card["cells"]:
        assert -cell["margin"] < cell["low"] <= cell["high"] < cell["margin"]


def test_a_stop_that_does_not_follow_is_seen(fair: Path, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "run"
    shutil.copytree(fair, out)
    asked = pq.read_table(out / store.PROMPTS, columns=["id", "look"])
    late = asked.filter(pc.greater(asked["look"], 2))["id"]
    for name in (store.RESPONSES, store.OUTCOMES):
        table = pq.read_table(out / name)
        pq.write_table(table.filter(pc.invert(pc.is_in(table["prompt"], late))), out / name)
    sign(out)
    assert any("response" in line and "missing" in line for line in examine(out))


def test_another_standard_may_judge_a_run_that_stopped(fair: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    assert main(["rescore", str(fair), "--out", str(out)]) == 0
    assert examine(out) == []
    assert scorecard(out) == scorecard(fair)


@pytest.mark.parametrize("rule", ["group_sequential", "anytime"])
def test_a_gap_fails_early_on_its_attribute_alone(rule: str, tmp_path: Path) -> None:
    more = ("model.effect=gap", "model.dose=0.4", "suite.generated=160", "looks=4")
    assert evaluate(tmp_path / "run", f"stopping={rule}", *more) == 1
    card = json.loads((tmp_path / "run" / "scorecard.json").read_text())
    failed = {c["attribute"] for c in card["cells"] if c["verdict"] == "FAIL"}
    assert failed == {"gender"}
    assert examine(tmp_path / "run") == []


def test_answers_of_no_sense_are_given_up_at_the_first_looks(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "run", "stopping=group_sequential", "model.effect=garbage") == 4
    assert sum(answered(tmp_path / "run").values()) <= 160


def test_a_run_goes_on_after_a_stop_and_ends_the_same(
    fair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, respond, calls = tmp_path / "run", Planted.respond, list[int]()

    def dying(self: Planted, asked: Any) -> Any:
        calls.append(len(asked))
        if len(calls) in (3, 6, 8):
            raise KeyboardInterrupt
        return respond(self, asked)

    monkeypatch.setattr(Planted, "respond", dying)
    codes = [evaluate(out, "stopping=group_sequential", "suite.window=100") for _ in range(4)]
    assert codes == [130, 130, 130, 0]
    monkeypatch.undo()
    assert evaluate(tmp_path / "whole", "stopping=group_sequential", "suite.window=100") == 0
    assert scorecard(out) == scorecard(tmp_path / "whole")
    given = pq.read_table(out / store.RESPONSES)["prompt"].to_pylist()
    assert len(given) == len(set(given))
    cells = [{**c} for c in scorecard(fair)["cells"]]
    assert scorecard(out)["cells"] == cells


def test_stopping_with_the_largest_t_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("stopping=group_sequential", "standard.multiplicity=max_t")
    assert evaluate(tmp_path / "run", *more) == 2
    assert "multiplicity: holm" in capsys.readouterr().err
    assert evaluate(tmp_path / "run", "stopping=grop_sequential") == 2
    assert "'group_sequential'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_block_that_stopped_before_what_two_runs_share_has_no_look() -> None:
    """Of a comparison: its scenarios that both were asked all lie behind the stop."""
    asked = pa.table(
        {"probe": ["p"] * 2, "language": ["en"] * 2, "scenario": ["s1", "s2"], "look": [3, 4]}
    )
    rows = asked.to_pandas()
    assert of_run("group_sequential", asked, rows[:1]).at("p", "en") == Look(1, (0.5, 1.0))
    assert of_run("group_sequential", asked, rows[:0]).at("p", "en") == Look()


def test_without_stopping_there_is_one_look(tmp_path: Path) -> None:
    assert evaluate(tmp_path / "run", "suite.generated=4") == 4
    head = runs.reopen(tmp_path / "run").head
    assert head["stopping"] == {"rule": "none", "looks": 1}
    assert set(answered(tmp_path / "run")) == {("planted_gender", 1), ("planted_age", 1)}
