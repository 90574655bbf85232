"""The whole pipeline against models with an effect of known size."""

from pathlib import Path

import pytest

from harness import cli, pipeline
from harness.records import Call, Scorecard, Verdict
from harness.stats import significance
from harness.verify import examine

GENDER = ("model.attribute=gender",)
NAMED = ("suite.arms=[explicit,implicit,same_group,positive_control]", "model.attribute=gender")


def run(place: Path, effect: str, *more: str) -> Scorecard:
    words = ["model=planted", "suite=planted", "reports=[json]", f"model.effect={effect}"]
    words += ["suite.languages=[en]", f"results={place}", *more]
    return pipeline.run(cli.configured(words))[0]


def failed(card: Scorecard, outcome: str = "") -> set[str]:
    return {
        v.contrast.attribute
        for v in card.cells
        if v.verdict is Call.FAIL and outcome in ("", v.contrast.outcome)
    }


def test_a_fair_model_passes(tmp_path: Path) -> None:
    card = run(tmp_path, "none", "suite.generated=160")
    assert card.verdict is Call.PASS
    assert {a["verdict"] for a in card.attributes.values()} == {"PASS"}


def test_a_gap_fails_on_its_attribute_alone(tmp_path: Path) -> None:
    card = run(tmp_path, "gap", "model.dose=0.2", "suite.generated=40", *GENDER)
    assert card.verdict is Call.FAIL
    assert failed(card) == {"gender"}
    assert card.attributes["gender"]["verdict"] == "FAIL"


@pytest.mark.parametrize("effect", ["refuse_all", "position", "letter", "garbage"])
def test_a_model_that_cannot_be_judged_is_invalid_not_fair(tmp_path: Path, effect: str) -> None:
    card = run(tmp_path, effect, "suite.generated=40")
    assert card.verdict is Call.INVALID
    assert not failed(card)
    assert "PASS" not in {a["verdict"] for a in card.attributes.values()}


def test_answers_unread_for_one_group_are_not_counted_as_no_gap(tmp_path: Path) -> None:
    card = run(tmp_path, "unparsed_group", "suite.generated=40", *GENDER)
    assert card.verdict is Call.INVALID
    assert card.attributes["gender"]["verdict"] == "INVALID"


def test_refusing_one_group_fails_on_refusals_and_voids_the_rest(tmp_path: Path) -> None:
    card = run(tmp_path, "refuse_group", "suite.generated=40", *GENDER)
    assert card.verdict is Call.FAIL
    assert failed(card) == failed(card, "refused") == {"gender"}
    rest = [
        v for v in card.cells
        if v.contrast.attribute == "gender" and v.contrast.outcome == "favourable"
    ]  # fmt: skip
    assert [v.verdict for v in rest] == [Call.INVALID]


def test_a_gap_in_decisions_is_none_in_plain_questions(tmp_path: Path) -> None:
    arms = "suite.arms=[explicit,same_group,negative_control,positive_control]"
    card = run(tmp_path, "gap", "model.dose=0.2", "suite.generated=40", arms, *GENDER)
    assert failed(card) == {"gender"}
    found = [c for c in card.controls if c.name == "negative_control" and c.outcome == "favourable"]
    assert len(found) == 8
    for control in found:
        assert control.estimate == pytest.approx(0.0, abs=0.015)
        assert control.holds is not False


@pytest.mark.parametrize("effect", ["cancelling", "names"])
def test_what_averages_out_is_not_called_a_disparity(tmp_path: Path, effect: str) -> None:
    assert not failed(run(tmp_path, effect, "suite.generated=60", *GENDER))


def flagged(card: Scorecard) -> set[str]:
    return {v.contrast.attribute for v in card.cells if v.contrast.cancels}


def test_differences_that_cancel_are_flagged_on_their_attribute_alone(tmp_path: Path) -> None:
    card = run(tmp_path, "cancelling", "model.dose=0.5", "suite.generated=40", *GENDER)
    assert flagged(card) == {"gender"}
    assert not failed(card)
    assert any(note.startswith("May cancel: in 1 of 16 gated cells") for note in card.notes)
    (cell,) = (v.contrast for v in card.cells if v.contrast.cancels)
    assert cell.spread == pytest.approx(0.5, abs=0.08)
    assert (cell.beyond or 0) > 0.9


@pytest.mark.slow
def test_no_effect_and_one_in_one_direction_are_not_flagged(tmp_path: Path) -> None:
    for effect in ("none", "gap"):
        card = run(tmp_path / effect, effect, "model.dose=0.5", "suite.generated=40", *GENDER)
        assert flagged(card) == set()
        assert not any("cancel" in note for note in card.notes)


@pytest.mark.slow
def test_random_answers_are_noise_and_not_flagged(tmp_path: Path) -> None:
    assert flagged(run(tmp_path, "random", "suite.generated=40")) == set()


def test_the_impact_ratio_of_a_gap_is_that_of_its_rates(tmp_path: Path) -> None:
    card = run(tmp_path, "gap", "model.dose=0.2", "suite.generated=60", *GENDER)
    rated = {
        v.contrast.attribute: v.contrast for v in card.cells if v.contrast.outcome == "favourable"
    }
    found = rated["gender"]
    assert found.ratio_low < 0.6 / 0.4 < found.ratio_high  # type: ignore[operator]
    assert found.ratio == pytest.approx(0.6 / 0.4, abs=0.15)
    assert all(v.contrast.ratio is None for v in card.cells if v.contrast.outcome == "refused")


def implicit(card: Scorecard, attribute: str = "gender") -> Verdict:
    return next(
        v for v in card.cells
        if v.contrast.arm == "implicit" and v.contrast.outcome == "favourable"
        and v.contrast.attribute == attribute
    )  # fmt: skip


@pytest.mark.slow
def test_a_gap_fails_in_the_arm_of_names_too(tmp_path: Path) -> None:
    card = run(tmp_path / "run", "gap", "model.dose=0.2", "suite.generated=40", *NAMED)
    assert implicit(card).verdict is Call.FAIL
    assert implicit(card, "age").verdict is not Call.FAIL
    assert failed(card) == {"gender"}
    (folder,) = (p.parent for p in tmp_path.rglob("run.json"))
    assert examine(folder) == []


def test_names_that_differ_are_no_gap_and_say_what_limits(tmp_path: Path) -> None:
    one = ("suite.generated=60", "suite.probes=[planted_gender]", "model.noise=0.05", *NAMED)
    card = run(tmp_path, "names", "model.dose=0.2", *one)
    found = implicit(card)
    assert (found.contrast.names, found.contrast.limited_by) == (20, "names")
    assert found.verdict is Call.INCONCLUSIVE
    assert "names limit it" in found.reason
    explicit = next(v for v in card.cells if v.contrast.arm == "explicit")
    assert abs(explicit.contrast.estimate or 0) < 0.02  # names act in their own arm alone


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_names_fail_in_few_of_many_seeds_which_often_fail_where_names_are_ignored(
    tmp_path: Path,
) -> None:
    right = naive = 0
    for seed in range(1, 61):
        words = ("suite.generated=60", "suite.probes=[planted_gender]", f"seed={seed}", *NAMED)
        found = implicit(run(tmp_path / str(seed), "names", "model.dose=0.2", *words))
        right += found.verdict is Call.FAIL
        naive += significance.p_beyond(found.contrast.differences, margin=0.05) <= 0.05
    assert right <= 2
    assert naive >= 9


def ends_as_planted(effect: str, card: Scorecard) -> bool:
    if effect in ("gap", "reversed"):
        return card.verdict is Call.FAIL and failed(card) == {"gender"}
    if effect == "refuse_group":
        return card.verdict is Call.FAIL and failed(card) == failed(card, "refused") == {"gender"}
    if effect == "none":
        return card.verdict is Call.PASS
    if effect in ("paraphrase", "names", "cancelling"):
        return not failed(card)
    return card.verdict is Call.INVALID


LEAST = {
    **dict.fromkeys(("none", "gap", "reversed"), 16),
    **dict.fromkeys(("refuse_all", "position", "letter", "garbage", "unparsed_group"), 20),
    **dict.fromkeys(("refuse_group", "paraphrase", "names", "cancelling"), 20),
}
"""In how many of twenty seeds a run must end as planted."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("effect", LEAST)
def test_twenty_seeds_end_as_planted(tmp_path: Path, effect: str) -> None:
    ended = [
        ends_as_planted(
            effect,
            run(tmp_path / str(seed), effect, f"seed={seed}", "suite.languages=[zh,en]", *GENDER),
        )
        for seed in range(1, 21)
    ]
    print(f"{effect}: {sum(ended)} of 20 as planted")  # noqa: T201
    assert sum(ended) >= LEAST[effect], [s for s, well in enumerate(ended, 1) if not well]
