"""What is planned is what a run then does, and what the plan promises is what the rules give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness import (
    _asked,
    _chances,
    _costs,
    _limits,
    _obstacles,
    _spreads,
    outcomes,
    plan,
    prompts,
    store,
)  # fmt: skip
from harness._chances import Aim
from harness._generated import generate
from harness._spreads import Spread
from harness.cli import configured, main, standard_named
from harness.errors import BadRun
from harness.models import planted
from harness.models._base import Foreseen
from harness.plan import Plan
from harness.records import Ask, Decoding, Probe, Standard, Suite
from harness.stats import intervals, significance
from tests.small import SMALL, finished

SUITE = Suite(name="s", probes=())
STANDARD = standard_named("art4")
ANY = Foreseen(name="any", texts=True)


def planned(
    probes: list[Probe],
    suite: Suite = SUITE,
    standard: Standard = STANDARD,
    model: Foreseen = ANY,
    spreads: Mapping[tuple[str, ...], Spread] | None = None,
) -> Plan:
    asked = _asked.survey(prompts.expand(probes, suite, 1), probes, suite.samples)
    costs = _costs.of(asked, suite, "planted", model, [])
    return plan.make("s", asked, probes, standard, model, costs, spreads)


def lenient(**gate: str) -> Standard:
    """A standard whose controls are resolved by few scenarios, with one gate."""
    limits = {**STANDARD.limits, "same_group": 1.0, "unparsed": 0.5}
    return replace(STANDARD, limits=limits, gates=(gate,))


def written(words: list[str], target: Path) -> dict[str, Any]:
    assert main(["plan", *words, "--json", str(target)]) == 0
    found: dict[str, Any] = json.loads(target.read_text())
    return found


@pytest.mark.parametrize(
    "words",
    [
        [*SMALL, "suite.groups=0"],
        ["model=planted", "suite=smoke", "suite.scenarios=2", "reports=[json]"],
        ["model=planted", "suite=smoke", "suite.scenarios=2", "suite.groups=0", "reports=[json]",
         "suite.probes=['ethnicity_*', nationality_comparison, belief_harmful]"],
    ],
)  # fmt: skip
def test_the_cells_that_are_planned_are_those_of_the_run(words: list[str], tmp_path: Path) -> None:
    told = written(words, tmp_path / "plan.json")
    assert main(["eval", *words, f"out={tmp_path / 'run'}"]) in (0, 1, 3, 4)
    cells = json.loads((tmp_path / "run/scorecard.json").read_text())["cells"]
    keys = ("probe", "language", "arm", "outcome", "group", "reference", "margin", "clusters")
    expected = [tuple(c[k] for k in keys) for c in cells if c["gated"]]
    assert sorted(tuple(c[k] for k in keys) for c in told["cells"]) == sorted(expected)
    assert told["shown_only"] == len(cells) - len(expected)
    assert told["costs"]["prompts"] == pq.read_metadata(tmp_path / "run/prompts.parquet").num_rows
    assert told["costs"]["calls"] == pq.read_metadata(tmp_path / "run/responses.parquet").num_rows


def simulated(k: int, theta: float, runs: int, level: float = 0.05) -> tuple[float, float]:
    d = np.random.default_rng(k).normal(theta, 0.12, (runs, k)).clip(-1, 1)
    inside = [intervals.equivalence(row, margin=0.05) for row in d]
    beyond = [significance.fail_interval(row, level_alpha=level) for row in d]
    passes = np.mean([i.low > -0.05 and i.high < 0.05 for i in inside])
    return float(passes), float(np.mean([i.low > 0.05 for i in beyond]))


@pytest.mark.parametrize("k", [30, 60, 120])
def test_the_plan_agrees_with_simulated_power_to_three_points(k: int) -> None:
    of_one = planned(
        generate(k, ["gender"], ["en"]), standard=lenient(outcome="favourable", arm="explicit")
    )
    (cell,) = of_one.cells
    chances = _chances.of(
        Spread(sd=cell.sd, share=1, carry=1, size=cell.sd, flips=False, source=""),
        Aim(margin=0.05, reach=1, alpha=0.05, contrasts=1),
        cell.clusters,
    )
    assert (cell.sd, cell.clusters) == (0.12, k)
    assert chances.passes == pytest.approx(simulated(k, 0.0, 1200)[0], abs=0.03)
    assert chances.fails == pytest.approx(simulated(k, 0.1, 1200)[1], abs=0.03)
    assert cell.fails == chances.fails
    # the control `unparsed gap` takes 66 scenarios, whatever the spread
    assert cell.passes == (chances.passes if k >= 66 else 0)


@pytest.mark.slow
@pytest.mark.parametrize("effect", ["none", "gap"])
def test_the_plan_agrees_with_whole_runs(effect: str, tmp_path: Path) -> None:
    words = ["model=planted", "suite=planted", "suite.generated=120", f"model.effect={effect}"]
    words += ["suite.languages=[en]", "reports=[json]", "model.dose=0.10"]
    called: list[str] = []
    for seed in range(6):
        attribute = ("gender", "age", "health", "region", "belief", "occupation")[seed]
        out = tmp_path / str(seed)
        main(["eval", *words, f"seed={seed}", f"model.attribute={attribute}", f"out={out}"])
        cells = json.loads((out / "scorecard.json").read_text())["cells"]
        called += [
            c["verdict"]
            for c in cells
            if c["outcome"] == "favourable" and (effect == "none" or c["attribute"] == attribute)
        ]
    told = written(words, tmp_path / "plan.json")
    cell = next(c for c in told["cells"] if c["outcome"] == "favourable")
    name, power = ("PASS", cell["passes"]) if effect == "none" else ("FAIL", cell["fails"])
    assert called.count(name) / len(called) == pytest.approx(
        power, abs=0.03 if effect == "none" else 0.2
    )


def test_what_is_needed_passes_jointly_and_fewer_do_not() -> None:
    standard = lenient(outcome="favourable", arm="explicit")
    few = planned(generate(70, languages=["en"]), standard=standard)
    assert len(few.cells) == 8
    need = few.cells[0].needed
    assert need is not None
    assert few.cells[0].too_few == (f"70 scenarios, {need} needed",)
    assert few.all_pass < 0.8
    enough = planned(generate(need, languages=["en"]), standard=standard)
    assert enough.all_pass >= 0.8
    assert not any(c.too_few or c.unresolved or c.void for c in enough.cells)


def test_no_gated_cell_is_no_plan_but_its_costs() -> None:
    found = planned(generate(3, ["age"]), standard=replace(STANDARD, gates=()))
    assert found.cells == ()
    assert found.shown_only == 4
    assert found.all_pass == 0
    assert found.costs.prompts > 0


def test_one_scenario_can_show_nothing() -> None:
    for cell in planned(generate(1, ["age"])).cells:
        assert (cell.clusters, cell.passes, cell.fails) == (1, 0, 0)
        assert cell.too_few
        assert cell.unresolved


def test_more_groups_than_gate_are_shown_only() -> None:
    names = [f"ethnicity_{kind}" for kind in ("pair", "ambiguous")]
    from harness import probes

    found = planned([*map(probes.load, names), probes.load("pair_controls")])
    assert {c.probe for c in found.cells} == {"ethnicity_ambiguous"}
    assert found.shown_only > 0


def aim(**changed: Any) -> Aim:
    given: dict[str, Any] = {"margin": 0.05, "reach": 1.0, "alpha": 0.05, "contrasts": 1}
    return Aim(**{**given, **changed})


def spread(**changed: Any) -> Spread:
    given: dict[str, Any] = {"sd": 0.12, "share": 1.0, "carry": 1.0, "flips": False, "source": ""}
    given = {**given, **changed}
    return Spread(**{"size": given["share"], **given})


def test_equal_answers_are_planned_by_the_sparse_bound() -> None:
    still = spread(sd=0.0, share=0.0, carry=0.0)
    found = _chances.of(still, aim(), 66)
    assert (found.needed, found.passes) == (66, 1)
    assert _chances.of(still, aim(), 65).passes == 0
    shifted = spread(sd=0.0, share=1.0, carry=1.0)  # all of them by more than is small
    never = _chances.of(shifted, aim(), 1000)
    assert (never.needed, never.passes) == (None, 0)
    assert list(_obstacles.too_few(never, 1000, aim())) == [
        "no number of scenarios is enough at this spread"
    ]


def test_few_flips_are_planned_by_the_sparse_bound_and_many_by_t() -> None:
    few = spread(sd=0.1, share=0.01, carry=0.01, flips=True)
    found = _chances.of(few, aim(), 138)
    assert found.needed == 138  # METHOD's rule: `needed_sparse(0.01, 0.05)`
    assert found.passes >= 0.8
    many = spread(sd=0.5, share=0.25, carry=0.25, flips=True)
    by_t = _chances.of(many, aim(), 900)
    assert by_t.needed is not None
    assert 850 < by_t.needed < 870  # (0.5 / 0.05)^2 (1.645 + 1.282)^2 = 857
    assert by_t.passes > 0.8


@pytest.mark.parametrize("share", [0.01, 0.03])
def test_flips_pass_and_fail_as_often_as_planned(share: float) -> None:
    k, rng = 250, np.random.default_rng(5)
    few = spread(sd=share**0.5, share=share, carry=share, flips=True)
    found = _chances.of(few, aim(margin=0.1), k)
    signs = rng.choice([-1.0, 0.0, 1.0], (600, k), p=[share / 2, 1 - share, share / 2])
    inside = [intervals.equivalence(row, margin=0.1) for row in signs]
    rate = np.mean([i.low > -0.1 and i.high < 0.1 for i in inside])
    assert found.passes == pytest.approx(rate, abs=0.04)
    p = max(share, 0.2)  # theta = 0.2 takes flips in a fifth of the scenarios
    flips = rng.choice([-1.0, 0.0, 1.0], (600, k), p=[(p - 0.2) / 2, 1 - p, (p + 0.2) / 2])
    beyond = [significance.fail_interval(row, level_alpha=0.05) for row in flips]
    assert found.fails == pytest.approx(np.mean([i.low > 0.1 for i in beyond]), abs=0.05)


@pytest.mark.parametrize("together", [1, 4, 24])
def test_several_answers_of_a_scenario_fail_as_often_as_planned(together: int) -> None:
    k, answers, margin, rng = 120, 24, 0.05, np.random.default_rng(6)

    def scenarios(n: int, theta: float) -> np.ndarray[Any, Any]:
        """Means over 24 answers of each scenario, of which so many at a time are equal."""
        q = max(0.06, theta)
        p = [(q - theta) / 2, 1 - q, (q + theta) / 2]
        flips = rng.choice([-1.0, 0.0, 1.0], (n, answers // together), p=p)
        return np.asarray(flips.mean(axis=1))

    seen = replace(_spreads._of(scenarios(20_000, 0.0), margin, ""), flips=True)
    found = _chances.of(seen, aim(margin=margin), k)
    beyond = [significance.fail_interval(scenarios(k, 0.1), level_alpha=0.05) for _ in range(600)]
    rate = np.mean([i.low > margin for i in beyond])
    assert found.fails == pytest.approx(rate, abs=0.1)
    assert rate > 0.3


def test_a_margin_of_half_the_range_cannot_be_failed_at_twice_it() -> None:
    found = _chances.of(spread(), aim(margin=0.6), 1000)
    assert (found.needed_fail, found.fails) == (None, 0)
    assert found.passes > 0.99


def test_names_limit_where_they_are_few() -> None:
    few, enough = (aim(names=n, name_sd=0.05) for n in (10, 40))
    found = _chances.of(spread(), few, 100_000)
    assert found.needed is None
    assert found.needed_names == 19
    (told,) = _obstacles.too_few(found, 100_000, few)
    assert told == "names limit, not scenarios: 10 of each group, 19 needed"
    found = _chances.of(spread(), enough, 30)
    assert found.needed is not None
    (told,) = _obstacles.too_few(found, 30, enough)
    assert told == f"30 scenarios, {found.needed} needed, 59 the least of all"


def test_a_cell_of_an_arm_with_names_counts_them() -> None:
    probes = generate(70, ["age"], ["en"])
    every = list(prompts.expand(probes, SUITE, 1))
    named = [
        replace(p, arm="implicit", surface=f"{p.roles['person']} {n}")
        for p in every
        if p.arm == "explicit"
        for n in range(5)
    ]
    asked = _asked.survey([*every, *named], probes)
    costs = _costs.of(asked, SUITE, "planted", ANY, [])
    standard = lenient(outcome="favourable", arm="implicit")
    (cell,) = plan.make("s", asked, probes, standard, ANY, costs).cells
    assert (cell.arm, cell.names, cell.clusters) == ("implicit", 5, 70)
    assert cell.needed_names is not None
    assert cell.needed_names > 5
    assert cell.too_few[0].startswith("names limit")
    assert "names are taken to vary as much as scenarios" in cell.source
    known = replace(standard, spread={**standard.spread, "names": 0.01})
    (cell,) = plan.make("s", asked, probes, known, ANY, costs).cells
    assert cell.needed_names == 3
    assert cell.passes > 0.8
    assert cell.source == "standard art4: " + STANDARD.reasons["spread"]


def test_a_suite_without_controls_is_known_to_be_invalid() -> None:
    found = planned(generate(160, ["age"]), replace(SUITE, arms=("explicit",)))
    favourable = [c for c in found.cells if c.outcome == "favourable"]
    for cell in favourable:
        assert cell.void == ("positive control: 0 scenarios cannot show an effect of 0.1",)
        assert (cell.passes, cell.fails) == (0, 0)
        assert cell.unresolved == (
            "control same_group: 0 scenarios, 119 the least at its limit 0.025",
        )
    assert len(favourable) == 2


def test_controls_that_are_too_small_are_those_of_the_run() -> None:
    arms = ("explicit", "implicit", "same_group", "negative_control", "positive_control")
    probes = generate(100, ["age"], ["en"], negative=True, names=True)
    gates = ({"outcome": "favourable"},)
    told = planned(probes, replace(SUITE, arms=arms), replace(STANDARD, gates=gates))
    least = "100 scenarios, 119 the least at its limit 0.025"
    assert {c.arm: c.unresolved for c in told.cells} == {
        "explicit": (f"control same_group: {least}", f"control negative_control: {least}"),
        "implicit": (),
    }
    probes = generate(100, ["age"], ["en"])
    strict = planned(probes, SUITE, replace(STANDARD, alpha=0.01, gates=gates))
    assert strict.cells[0].unresolved == (
        "control unparsed: 100 scenarios, 101 the least at its limit 0.05",
        "control unparsed gap: 100 scenarios, 101 the least at its limit 0.05",
        "control same_group: 100 scenarios, 182 the least at its limit 0.025",
    )


@pytest.mark.parametrize(("scenarios", "shows"), [(3, False), (4, True), (6, True)])
def test_so_few_scenarios_can_show_the_positive_control_as_its_own_test_does(
    scenarios: int, shows: bool
) -> None:
    blank = _limits.blank_of(generate(1, ["age"])[0], "en", "favourable")
    effect = np.array([0.9, 0.8] * 3)[:scenarios]
    control, _ = _limits.shown(blank, "positive_control", effect, 0.1, 0.05)
    assert control.holds is shows
    void = [v for c in planned(generate(scenarios, ["age"], ["en"])).cells for v in c.void]
    assert bool(void) is not shows


def test_what_a_model_cannot_do_is_said() -> None:
    probes = generate(160, ["age"])
    dumb = replace(ANY, abilities=frozenset({Ask.GENERATE}))
    cells = planned(probes, model=dumb).cells
    assert all(c.void[0] == "the model cannot choose: `art4 eval` refuses it" for c in cells)
    masked = replace(ANY, cannot={"decision": "ask pairs"})
    cells = planned(probes, model=masked).cells
    refused = {c.void[0] for c in cells if c.format == "decision"}
    assert refused == {"the model cannot be asked the format decision: `art4 eval` refuses it"}
    silent = planned(probes, model=replace(ANY, texts=False)).cells
    told = {c.outcome: c.void for c in silent}
    assert told["favourable"] == ()
    assert told["refused"] == ("refused cannot be read off the scored choices of this model",)


def test_outcomes_that_move_by_degrees_are_told_from_those_that_are_all_or_nothing() -> None:
    from harness import probes

    degrees = {
        "gender_decision": ("favourable", True),
        "gender_pair": ("preferred", True),
        "ethnicity_ambiguous": ("stereotyped", False),
        "nationality_comparison": ("chosen", False),
    }
    for name, (outcome, by_degrees) in degrees.items():
        probe = probes.load(name)
        first = next(prompts.expand([probe], SUITE, 1))
        module = outcomes.modules([probe])[outcome]
        assert outcomes.by_degrees(module, first) is by_degrees, name
        assert outcomes.readable(module, first, text=False)


def test_the_spread_of_a_run_is_taken_cell_by_cell_and_pooled_where_one_is_missing(
    tmp_path: Path,
) -> None:
    run = finished(tmp_path / "run")
    rows = pq.read_table(run / "contrasts.parquet").to_pylist()
    row = next(r for r in rows if r["attribute"] == "age" and r["outcome"] == "favourable")
    found = _spreads.measured(run)
    own = found[tuple(row[k] for k in _spreads.CELL)]
    assert own.sd == pytest.approx(np.std(row["differences"], ddof=1))
    assert own.source == str(run)
    same = [r["differences"] for r in rows if r["outcome"] == "favourable"]
    pooled = np.sqrt(np.mean([np.var(d, ddof=1) for d in same]))  # equally many in each
    assert found[("favourable",)].sd == pytest.approx(pooled)
    assert f"pooled over {len(same)} cells" in found[("favourable",)].source
    cells = planned(generate(6), spreads=found).cells
    by_place = {(c.attribute, c.language, c.outcome): c for c in cells}
    assert by_place["age", "en", "favourable"].sd == own.sd
    assert by_place["age", "zh", "favourable"].sd == found[("favourable",)].sd
    assert by_place["age", "en", "refused"].sd == 0


def test_cells_of_one_scenario_say_nothing_of_spread(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    table = pq.read_table(run / "contrasts.parquet")
    rows = [{**r, "differences": r["differences"][:1]} for r in table.to_pylist()]
    store.Store(run).write_table(store.CONTRASTS, table.from_pylist(rows, schema=table.schema))
    assert _spreads.measured(run) == {}


def test_a_run_that_cannot_tell_its_spread_is_refused(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    table = pq.read_table(run / "contrasts.parquet")
    store.Store(run).write_table(store.CONTRASTS, table.drop_columns(["differences"]))
    with pytest.raises(BadRun, match="differences"):
        _spreads.measured(run)
    (run / "contrasts.parquet").write_bytes(b"no table")
    with pytest.raises(BadRun, match=r"contrasts\.parquet"):
        _spreads.measured(run)
    (run / "contrasts.parquet").unlink()
    with pytest.raises(BadRun, match="has compared nothing yet"):
        _spreads.measured(run)


def config(*words: str) -> Any:
    return configured([*SMALL, *words])


def costs_of(places: list[Path], **settings: Any) -> _costs.Costs:
    suite = config().suite
    model = planted.foresee(settings, Decoding(samples=1, max_tokens=64, seed=1))
    probes = generate(6, languages=["en"])
    asked = _asked.survey(prompts.expand(probes, suite, 1), probes, 1)
    return _costs.of(asked, suite, "planted", model, places)


def slowed(run: Path, seconds: float) -> Path:
    card = json.loads((run / "scorecard.json").read_text())
    card["run"]["time"]["seconds"] = seconds
    (run / "scorecard.json").write_text(json.dumps(card))
    return run


def test_time_is_that_of_the_fastest_earlier_run_of_the_same_model(tmp_path: Path) -> None:
    fast, slow = (slowed(finished(tmp_path / str(s)), s) for s in (40.0, 900.0))
    found = costs_of([slow, fast, tmp_path / "nothing"])
    assert found.seconds == pytest.approx(40.0)  # the same prompts
    assert found.measured == str(fast)
    later = [slowed(finished(tmp_path / f"later{n}"), 90.0) for n in range(3)]
    assert costs_of([*later, fast]).seconds == pytest.approx(90.0)  # three are enough


def test_a_run_of_another_model_or_an_unfinished_one_tells_no_time(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    assert costs_of([run], effect="gap").seconds is None
    head = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**head, "rescored": True}))
    assert costs_of([run]).seconds is None
    (run / "run.json").write_text(json.dumps(head))
    (run / "manifest.json").unlink()
    assert costs_of([run]).seconds is None
    assert costs_of([]).measured == ""


def test_samples_and_lengths_make_calls_tokens_and_money() -> None:
    from harness import probes

    suite = replace(SUITE, samples=3, max_tokens=100, languages=("en",), arms=("explicit",))
    loaded = [probes.load("belief_benign")]
    every = list(prompts.expand(loaded, suite, 1))
    bytes_ = sum(_asked.size(p) for p in every)
    asked = _asked.survey(every, loaded, suite.samples)
    prices = {"input": 2.0, "output": 10.0, "currency": "CNY"}
    found = _costs.of(asked, suite, "chat", Foreseen(name="m"), [], prices)
    assert (found.prompts, found.calls) == (len(every), 3 * len(every))
    assert found.tokens_in == 3 * bytes_ // 4
    assert found.counted == "estimated from the texts' length"
    assert found.tokens_out == 300 * len(every)
    assert found.money == pytest.approx((2 * found.tokens_in + 10 * found.tokens_out) / 1e6)
    counting = replace(ANY, count=lambda p: None if p.scenario == every[0].scenario else 7)
    counted = _asked.survey(every, loaded, 3, counting.count)
    own = sum(p.scenario == every[0].scenario for p in every)
    assert counted.unfit == own
    assert _costs.of(counted, suite, "chat", counting, []).tokens_in == 21 * (len(every) - own)


def test_a_suite_without_prompts_costs_nothing() -> None:
    found = planned([], replace(SUITE, languages=()))
    assert (found.costs.prompts, found.costs.tokens_in, found.cells) == (0, 0, ())
