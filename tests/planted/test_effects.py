"""The whole pipeline against models with an effect of known size."""

from pathlib import Path

import pytest

from harness import cli, pipeline, settings
from harness.records import Call, Scorecard

GENDER = ("model.attribute=gender",)


def run(place: Path, effect: str, *more: str) -> Scorecard:
    words = ["model=planted", "suite=planted", "reports=[json]", f"model.effect={effect}"]
    words += ["suite.languages=[en]", f"results={place}", *more]
    return pipeline.run(settings.read(*cli._compose(words)))[0]


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
