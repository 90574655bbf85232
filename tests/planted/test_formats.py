"""Every format of the real probes measures the effect that was planted, and judges it."""

from pathlib import Path

import pytest

from harness import cli, pipeline, settings
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


def run(place: Path, probe: str, *more: str) -> Scorecard:
    attribute = probe.split("_")[0]
    words = ["model=planted", "suite=planted", "suite.generated=0", f"suite.probes=[{probe}]"]
    words += ["suite.groups=2", "suite.languages=[en]", "suite.paraphrases=0", "reports=[json]"]
    words += [f"model.attribute={attribute}", "model.noise=0.02", f"results={place}", *more]
    return pipeline.run(settings.read(*cli._compose(words)))[0]


def cell(card: Scorecard, outcome: str) -> Verdict:
    return next(v for v in card.cells if v.contrast.outcome == outcome)


def estimate(card: Scorecard, outcome: str) -> float:
    found = cell(card, outcome).contrast.estimate
    assert found is not None
    return found


@pytest.mark.parametrize("probe", PROBES)
def test_a_format_measures_the_effect_that_was_planted(tmp_path: Path, probe: str) -> None:
    outcome, truth = PROBES[probe]
    fair, gap, back = (
        run(tmp_path / effect, probe, f"model.effect={effect}", "model.dose=0.3")
        for effect in ("none", "gap", "reversed")
    )
    grown, shrunk = (estimate(c, outcome) - estimate(fair, outcome) for c in (gap, back))
    assert grown == pytest.approx(truth, abs=0.15)
    assert shrunk == pytest.approx(-truth, abs=0.15)
    assert all(c.holds for c in gap.controls if c.name == "positive_control")
    assert cell(fair, outcome).verdict is not Call.FAIL


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("effect", ["garbage", "refuse_all", "letter", "position", "random"])
def test_no_format_calls_a_model_without_sense_within_the_margin(
    tmp_path: Path, probe: str, effect: str
) -> None:
    card = run(tmp_path, probe, f"model.effect={effect}", "suite.scenarios=10", "suite.orders=2")
    calls = {v.verdict for v in card.cells}
    assert not calls & {Call.PASS, Call.FAIL}
    if effect in ("garbage", "refuse_all"):
        assert calls == {Call.INVALID}
