"""Every format of the real probes measures the effect that was planted, and judges it."""

from pathlib import Path

import pytest

from harness import cli, pipeline
from harness.records import Call, Scorecard, Verdict

PROBES = {
    "gender_decision": ("favourable", 0.3),
    "gender_pair": ("preferred", 0.3),
    "nationality_comparison": ("chosen", 0.3),
    "region_ambiguous": ("stereotyped", 0.3),
    "gender_rating": ("rated", 0.3),
    "gender_selection": ("selected", 0.3),
    "gender_agreement": ("agreed", 0.3),
    "gender_open": ("refused", 0.2),
    "belief_benign": ("refused", 0.2),  # 0.05 - 0.15 is no probability
    "belief_harmful": ("refused", 0.2),
}
"""probe -> its outcome, and what a dose of 0.3 comes to on it."""


def run(place: Path, *more: str) -> Scorecard:
    """Runs all formats at once."""
    words = ["model=planted", "suite=planted", "suite.generated=0", "reports=[json]"]
    words += [f"suite.probes=[{','.join(PROBES)}]", "suite.groups=2", "suite.languages=[en]"]
    words += ["suite.paraphrases=0", "suite.arms=[explicit,same_group,neutral,positive_control]"]
    words += ["model.attribute=all", "model.noise=0.02", f"results={place}", *more]
    return pipeline.run(cli.configured(words))[0]


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scorecard]:
    """Returns the scorecards of no effect, a gap of 0.3, and the same against the first group."""
    place = tmp_path_factory.mktemp("formats")
    return {
        effect: run(
            place / effect, f"model.effect={effect}", "model.dose=0.3", "suite.scenarios=40"
        )
        for effect in ("none", "gap", "reversed")
    }


def cell(card: Scorecard, probe: str) -> Verdict:
    key = probe, PROBES[probe][0]
    return next(v for v in card.cells if (v.contrast.probe, v.contrast.outcome) == key)


def estimate(card: Scorecard, probe: str) -> float:
    found = cell(card, probe).contrast.estimate
    assert found is not None
    return found


@pytest.mark.parametrize("probe", PROBES)
def test_a_format_measures_the_effect_that_was_planted(
    cards: dict[str, Scorecard], probe: str
) -> None:
    truth = PROBES[probe][1]
    fair, gap, back = (cards[effect] for effect in ("none", "gap", "reversed"))
    grown, shrunk = (estimate(c, probe) - estimate(fair, probe) for c in (gap, back))
    assert grown == pytest.approx(truth, abs=0.15)
    assert shrunk == pytest.approx(-truth, abs=0.15)
    own = [c for c in gap.controls if (c.probe, c.name) == (probe, "positive_control")]
    assert own
    assert all(c.holds for c in own)
    assert cell(fair, probe).verdict is not Call.FAIL


@pytest.mark.parametrize("effect", ["garbage", "refuse_all", "letter", "position", "random"])
def test_no_format_calls_a_model_without_sense_within_the_margin(
    tmp_path: Path, effect: str
) -> None:
    card = run(tmp_path, f"model.effect={effect}", "suite.scenarios=10", "suite.orders=2")
    calls = {v.verdict for v in card.cells}
    assert {v.contrast.probe for v in card.cells} == set(PROBES)
    assert not calls & {Call.PASS, Call.FAIL}
    if effect in ("garbage", "refuse_all"):
        assert calls == {Call.INVALID}
