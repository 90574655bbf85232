"""`art4 plan` and the lines with which `art4 eval` begins."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness import _plan_shown, store
from harness._generated import generate
from harness.cli import main
from harness.plan import Plan
from harness.records import Prompt, Response
from tests.small import SMALL, evaluate, finished
from tests.test_bad_input import told
from tests.test_plan import STANDARD, lenient, planned


def command(*more: str, results: Path) -> list[str]:
    return ["plan", *SMALL, f"results={results}", *more]


def test_a_plan_is_printed_and_nothing_is_asked_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.models.planted import Planted

    def ask(self: Planted, prompts: list[Prompt]) -> list[Response]:
        raise AssertionError("a prompt was asked")

    monkeypatch.setattr(Planted, "respond", ask)
    assert main(command(results=tmp_path)) == 0
    shown = capsys.readouterr().out
    assert re.search(r"planted_gender en favourable +6 +101 +89 +0 % +0 % +0\.120", shown)
    assert "16 cells cannot PASS: control unparsed: 6 scenarios, 66 the least" in shown
    assert "time not known yet" in shown
    assert "\x1b" not in shown
    assert not list(tmp_path.iterdir())


def test_a_plan_is_written_as_json(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    assert main(command("--json", str(target), results=tmp_path)) == 0
    content = json.loads(target.read_text())
    assert {"suite", "standard", "model", "cells", "shown_only", "all_pass", "costs"} == set(
        content
    )
    assert len(content["cells"]) == 16
    assert content["costs"]["seconds"] is None
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_an_earlier_run_tells_spread_and_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run")
    assert main(command(f"from={run}", results=tmp_path)) == 0
    shown = capsys.readouterr().out
    assert f"sd from {run} (16 cells)" in shown
    assert f"(as fast as {run})" in shown
    assert main(command(results=tmp_path)) == 0  # found among the results, too
    assert f"(as fast as {run})" in capsys.readouterr().out


def test_prices_make_a_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["suite.generated=0", "suite.probes=[belief_benign]", "suite.scenarios=2"]
    prices = "+model.prices={input:2,output:10,currency:CNY}"
    assert main(command(*words, prices, results=tmp_path)) == 0
    # 2 scenarios x (2 groups x 2 wordings + neutral + control) x 64 tokens at most
    found = re.search(r"at most ([\d,]+) to write", capsys.readouterr().out)
    assert found
    money = int(found[1].replace(",", "")) * 10 / 1e6
    assert main(command(*words, prices, results=tmp_path)) == 0
    assert f"at most {money:.2f} CNY" in capsys.readouterr().out
    assert evaluate(tmp_path / "run", prices) == 4  # a run takes no notice of them


@pytest.mark.parametrize(
    ("word", "where"),
    [
        ("+model.prices=3", "model.prices"),
        ("+model.prices={input:1,output:2}", "model.prices"),
        ("+model.prices={input:1,output:2,currency:USD,more:3}", "model.prices"),
        ("+model.prices={input:two,output:2,currency:USD}", "model.prices.input"),
        ("+model.prices={input:1,output:-2,currency:USD}", "model.prices.output"),
        ("+model.prices={input:nan,output:2,currency:USD}", "model.prices.input"),
        ("from=NOWHERE", "NOWHERE"),
        ("from=", "."),
        ("modle=planted", "the command line"),
        ("suite.generated=-1", "suite.generated"),
        ("model.effect=gpa", "model.effect"),
        ("seed=1,2", "the command line"),
        ("~standard.margins.favourable", "margins"),
    ],
)
def test_what_is_wrong_is_told_in_four_parts(
    word: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(word, results=tmp_path)) == 2
    error = told(capsys.readouterr().err)
    assert where in error.split("\n")[1]


def test_a_run_that_was_cut_short_has_no_spread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished(tmp_path / "run")
    (run / store.CONTRASTS).unlink()
    assert main(command(f"from={run}", results=tmp_path)) == 2
    assert "has compared nothing yet" in told(capsys.readouterr().err)


def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command("--json", str(tmp_path / "no" / "plan.json"), results=tmp_path)) == 2
    assert "cannot write" in told(capsys.readouterr().err)


def test_flags_of_a_sweep_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["plan", "--multirun", "seed=1,2"])
    assert "--multirun" in capsys.readouterr().err


def test_help_says_what_a_plan_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["plan", "--help"])
    shown = capsys.readouterr().out
    assert "from=results/RUN" in shown
    assert "asks nothing" in shown


def test_a_run_begins_with_its_plan_and_a_resumed_one_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, empty = tmp_path / "run", f"results={tmp_path / 'results'}"
    evaluate(run, empty)
    first = capsys.readouterr().err.splitlines()
    assert first[0].startswith("plan: 672 prompts, 672 model calls, time not known yet")
    assert first[1].startswith("plan: 0 of 16 gated cells can PASS at this size")
    assert first[2].startswith("asking 672 prompts")
    (run / store.MANIFEST).unlink()
    (run / store.RESPONSES).unlink()
    evaluate(run, empty)
    assert capsys.readouterr().err.splitlines()[:2] == first[:2]
    evaluate(run, empty)
    assert "plan:" not in capsys.readouterr().err  # it is finished: nothing is asked


def test_a_second_run_of_a_model_knows_how_long_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(tmp_path / "first")
    main(["eval", *SMALL, f"results={tmp_path}", f"out={tmp_path / 'second'}"])
    assert f"(as fast as {tmp_path / 'first'})" in capsys.readouterr().err
    main(["eval", *SMALL, f"results={tmp_path}", "model.dose=0.2", f"out={tmp_path / 'third'}"])
    assert "time not known yet" in capsys.readouterr().err


def test_a_backend_of_ones_own_is_planned_without_opening_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model.backend=tests.slow_model", "+model.log=log", "+model.pause=9"]
    assert main(command(*words, results=tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "model tests.slow_model" in shown
    assert "tokens to read (estimated from the texts' length)" in shown


def shown(plan: Plan, terminal: bool) -> str:
    text = io.StringIO()
    _plan_shown.show(plan, Console(file=text, force_terminal=terminal, width=100))
    return text.getvalue()


def test_a_terminal_gets_colour_and_rules() -> None:
    plan = planned(generate(6, ["age"]))
    assert "\x1b[" in shown(plan, True)
    assert "─" in shown(plan, True)
    assert "\x1b[" not in shown(plan, False)


def test_a_plan_without_gated_cells_says_so() -> None:
    plan = planned(generate(3, ["age"]), standard=replace(STANDARD, gates=()))
    assert "no cell decides: the verdict can only be INCONCLUSIVE" in shown(plan, False)
    assert "4 cells more are shown, and decide nothing" in shown(plan, False)
    assert _plan_shown.brief(plan)[1] == (
        "plan: no cell decides: the verdict can only be INCONCLUSIVE"
    )


def test_contrasts_that_are_planned_alike_share_a_row() -> None:
    cells = planned(generate(6, ["age"], ["en"])).cells
    plan = planned(generate(6, ["age"], ["en"]))
    twice = replace(plan, cells=(*cells, *(replace(c, group="b") for c in cells)))
    assert "planted_age en favourable (2 contrasts)" in shown(twice, False)


def test_what_can_pass_is_said_with_its_probability() -> None:
    plan = planned(
        generate(160, ["age"], ["en"]), standard=lenient(outcome="favourable", arm="explicit")
    )
    assert _plan_shown.brief(plan)[1] == (
        "plan: 1 of 1 gated cells can PASS at this size;"
        " were there no difference, all do with P > 99 %"
    )
    assert "What stands in the way" not in shown(plan, False)
    hardly = replace(plan, all_pass=0.001)
    assert "all do with P < 1 %" in _plan_shown.brief(hardly)[1]


def test_times_are_told_in_a_unit_that_fits() -> None:
    plan = planned(generate(6, ["age"]))
    for seconds, text in ((5.2, "5 s"), (200.0, "3 min"), (20_000.0, "6 h")):
        costs = replace(plan.costs, seconds=seconds, measured="results/x")
        assert f"about {text} (as fast as results/x)" in shown(replace(plan, costs=costs), False)


def test_names_and_void_cells_and_prompts_that_do_not_fit_are_shown() -> None:
    plan = planned(generate(6, ["age"]))
    cell = replace(
        plan.cells[0],
        names=5,
        arm="implicit",
        needed=None,
        void=("the model cannot choose",),
        too_few=("names limit, not scenarios: 5 of each group, 19 needed",),
    )
    text = shown(replace(plan, cells=(cell,), costs=replace(plan.costs, unfit=2)), False)
    assert "planted_age zh favourable implicit, 5 names" in text.replace(" en ", " zh ")
    assert "1 cell INVALID whatever is answered: the model cannot choose" in text
    assert "1 cell cannot PASS: names limit, not scenarios: 5 of each group, 19 needed" in text
    assert "2 prompts do not fit into the model" in text
    assert "—" in text
