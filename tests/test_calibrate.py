"""How often the harness errs: the simulations, what is counted, and what is published."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from harness import _calibration_shown as shown
from harness import _pool, calibrate, cli
from harness import _simulate as sim
from harness._simulate import Planted, Tally
from harness._studies import Claim, Study, studies
from harness.calibrate import Row
from harness.errors import NotFound
from harness.records import Prompt, Response, RunConfig

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def config() -> RunConfig:
    words = ["suite=planted", "model=planted", "reports=[json]"]
    return cli.configured(words)


def study(seeds: int = 32, **more: Any) -> Study:
    made = Study(
        part="p",
        effect="e",
        clusters=60,
        seeds=seeds,
        each=16,
        claims=(),
        case="",
        run=lambda _: Tally(),
    )
    return replace(made, **more)


def judged(rule: str, hits: int, n: int, short: bool = False, **more: float) -> Row:
    claim = replace(Claim(says="c", counts="x", rule=rule), **more)  # type: ignore[arg-type]
    return calibrate.judge(claim, study(), Tally(x=hits, runs=n), short)


@pytest.mark.timeout(1200)
def test_no_claim_is_refuted_by_the_short_calibration(config: RunConfig, tmp_path: Path) -> None:
    found = calibrate.calibrate(config, tmp_path, short=True, jobs=2)
    assert not [row for row in found if not row.holds]
    assert len(found) > 80


def test_what_is_published_is_all_that_is_claimed_now_and_all_of_it_holds(
    config: RunConfig,
) -> None:
    rows = json.loads((DOCS / "calibration.json").read_text("utf-8"))
    assert [row for row in rows if not row["holds"]] == []
    assert all(list(row) == [f.name for f in fields(Row)] for row in rows)
    claimed = {
        (claim.says, study.effect, study.clusters)
        for study in studies(config, Path())
        for claim in study.claims
    }
    published = {(r["claim"], r["effect"], r["clusters"]) for r in rows}
    slopes = {key for key in published if key[0].startswith("slope of")}
    assert published - slopes == claimed
    assert len(slopes) == 2


def test_studies_have_names_of_their_own(config: RunConfig) -> None:
    names = [s.name for s in studies(config, Path())]
    assert len(set(names)) == len(names)


def test_a_rate_at_most_is_held_to_its_upper_bound_and_refuted_by_its_lower_one() -> None:
    assert judged(
        "at most", 300, 6000, limit=0.06, nominal=0.05
    ).holds  # Clopper-Pearson: 0.0446, 0.0558
    assert not judged("at most", 330, 6000, limit=0.06, nominal=0.05).holds  # upper bound 0.0611
    assert judged("at most", 3, 20, short=True, limit=0.06, nominal=0.05).holds
    assert not judged("at most", 6, 20, short=True, limit=0.06, nominal=0.05).holds


@pytest.mark.parametrize(
    ("rule", "hits", "n", "claim", "holds"),
    [
        ("at least", 80, 100, {"limit": 0.8}, True),
        ("at least", 79, 100, {"limit": 0.8}, False),
        ("within", 5340, 6000, {"limit": 0.03, "nominal": 0.88}, True),
        ("within", 5040, 6000, {"limit": 0.03, "nominal": 0.88}, False),
        ("covers", 940, 1000, {"limit": 0.95}, True),
        ("covers", 925, 1000, {"limit": 0.95}, False),
        ("always", 20, 20, {}, True),
        ("always", 19, 20, {}, False),
        ("shown", 0, 20, {}, True),
    ],
)
def test_each_rule_at_its_edge(
    rule: str, hits: int, n: int, claim: dict[str, float], holds: bool
) -> None:
    assert judged(rule, hits, n, False, **claim).holds is holds


def test_the_median_of_what_was_asked_comes_with_quartiles() -> None:
    claim = Claim(says="asked", counts="after ", rule="median")
    counted = Tally({"after 30": 1, "after 60": 2, "after 120": 1, "runs": 4})
    row = calibrate.judge(claim, study(), counted, short=False)
    assert (row.low, row.rate, row.high) == (52.5, 60, 75)


def test_the_slope_is_that_of_a_known_line() -> None:
    own = [study(effect=str(i)) for i in range(3)]
    counts = {
        s.name: Tally(runs=10, truth=x, estimates=0.3 + 0.9 * x, squares=0.5)
        for s, x in zip(own, (0.0, 0.5, 2.0), strict=True)
    }
    row = calibrate.slope("line", own, counts, short=False)
    assert row.rate == pytest.approx(0.9)
    assert row.low < 0.9 < row.high
    assert calibrate.slope("line", [*own[:2], own[1]], counts, short=True).holds


@pytest.mark.slow
def test_an_interrupted_calibration_goes_on_where_it_stopped(
    config: RunConfig, tmp_path: Path
) -> None:
    only = "what cannot be judged/garbage/40"

    def once(steps: Sequence[int], _: str) -> Iterable[int]:
        yield steps[0]
        raise KeyboardInterrupt

    lengths: list[int] = []

    def counting(steps: Sequence[int], _: str) -> Iterable[int]:
        lengths.append(len(steps))
        return steps

    small = replace(config, seed=1)
    with pytest.raises(KeyboardInterrupt):
        calibrate.calibrate(small, tmp_path, only=only, progress=once)
    [kept] = tmp_path.glob("*.jsonl")
    assert len(kept.read_text("utf-8").split()) > 0
    kept.write_text(kept.read_text("utf-8") + '\n["what cannot be jud', "utf-8")
    first = calibrate.calibrate(small, tmp_path, only=only, progress=counting)
    again = calibrate.calibrate(small, tmp_path, only=only, progress=counting)
    assert first == again
    assert lengths == [3, 0]  # 20 runs in lots of 5


def test_an_unknown_study_is_named_before_anything_is_simulated(
    config: RunConfig, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="unknown study 'two releases'"):
        calibrate.calibrate(config, tmp_path / "work", only="two releases")
    assert not (tmp_path / "work").exists()


def test_a_part_is_not_published(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["calibrate", "--short", "--out", str(tmp_path)]) == 2
    assert "--out with --short" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_studies_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calibrate", "--list"]) == 0
    assert "two releases/0 -> 2 margins/49" in capsys.readouterr().out.splitlines()


def test_what_is_written_can_be_read_back(tmp_path: Path) -> None:
    row = judged("at most", 30, 1000, limit=0.06, nominal=0.05)
    row = replace(row, part="one contrast", claim="false PASS", effect="theta = 1 margins")
    found = [row, replace(row, effect="theta = 2 margins", holds=False)]
    shown.write(found, tmp_path / "docs")
    assert shown.read(tmp_path / "docs") == found
    text = (tmp_path / "docs" / "calibration.md").read_text("utf-8")
    assert "1 of 2 claims hold" in text
    assert "| **no** |" in text
    assert (tmp_path / "docs" / "calibration.svg").read_text("utf-8").startswith("<?xml")


def test_rows_that_are_counted_anew_take_the_place_of_those_before() -> None:
    claims = tuple(replace(Claim(says=says, counts="x", rule="shown")) for says in "ab")
    every = [study(effect="e", claims=claims), study(part="q", effect="f", claims=claims[:1])]
    counted = Tally(x=1, runs=4)
    before = [calibrate.judge(c, s, counted, short=False) for s in every for c in s.claims]
    line = replace(before[0], claim="slope of the estimates on the truth, l", effect="2 studies")
    gone = replace(before[0], clusters=48)
    anew = replace(before[1], code="anew")
    found = calibrate.ordered([gone, *before, line, replace(line, clusters=9), anew], every)
    assert found == [before[0], anew, replace(line, clusters=9), before[2]]


def test_what_is_no_calibration_is_not_written_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "calibration.json").write_text('[{"claim": "c"}]', "utf-8")
    words = ["calibrate", "--only", "what cannot be judged/garbage/40", "--out", str(tmp_path)]
    assert cli.main(words) == 2
    assert "calibration.json cannot be read" in capsys.readouterr().err


class Steady:
    """A model that says yes with probability near one half, whoever asks; puts 0.3 on spellings."""

    def describe(self) -> dict[str, str]:
        return {"name": "steady"}

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: Prompt) -> Response:
        noise = zlib.crc32(prompt.id.encode()) / 2**32 - 0.5
        logprobs = tuple((-2.0 + noise * c.meaning.startswith("yes"), -3.0) for c in prompt.choices)
        return Response(prompt=prompt.id, logprobs=logprobs, finish="scored")


def test_a_real_models_answers_are_drawn_from_and_moved_to_the_margin(
    config: RunConfig, tmp_path: Path
) -> None:
    file = tmp_path / "pool.json"
    _pool.fill(file, Steady(), config.standard, lambda steps, _: steps)  # type: ignore[arg-type]
    truth = json.loads(file.read_text("utf-8"))["truth"]
    assert truth["1"][1] == pytest.approx(config.standard.margins["favourable"], abs=1e-6)
    drawn = [_pool.draw(file, 1, 60, config.standard, seed) for seed in range(40)]
    assert {t["runs"] for t in drawn} == {1}
    mean = sum(t["estimates"] for t in drawn) / len(drawn)
    assert mean == pytest.approx(0.05, abs=0.01)
    assert len({t["estimates"] for t in drawn}) == len(drawn)


def test_a_planted_model_is_simulated_as_a_run_answers(config: RunConfig) -> None:
    case = Planted(effect="gap", dose=0.2, attribute="gender", clusters=10, arms=(), orders=0)
    assert sim.full_pipeline(case, config)["same"] == 1


def test_nothing_is_counted_for_what_was_not_seen() -> None:
    assert Tally()["PASS"] == 0
    told = Tally(PASS=1)
    told.join(Tally(PASS=2, FAIL=1))
    told.add("FAIL")
    assert told == {"PASS": 3, "FAIL": 2}
