"""Changes: every rule of the call, on verdicts made up for it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness import changes
from harness.find import plugin
from harness.records import Call, Change, Standard, Trend, Verdict
from tests.sample_scorecard import contrast

STANDARD = Standard(
    name="s", version=1, alpha=0.05, multiplicity="holm", margins={}, reasons={}, gates=(),
    gated_groups=4, limits={}, spread={}, digest="",
)  # fmt: skip
OUTCOMES = {name: plugin("outcomes", name) for name in ("favourable", "preferred")}
RNG = np.random.default_rng(8)
NOISE = RNG.normal(0, 0.12, 170)
OTHER = RNG.normal(0, 0.12, 170)
NOTHING: NDArray[np.float64] = np.array([])


def verdict(d: NDArray[np.float64], call: Call = Call.INCONCLUSIVE, **more: Any) -> Verdict:
    names = tuple(f"s{n:03}" for n in range(len(d)))
    estimate = float(d.mean()) if len(d) else None
    c = contrast(differences=tuple(d.tolist()), scenarios=names, estimate=estimate, **more)
    return Verdict(contrast=c, standard="s", verdict=call, reason=f"is {call}", reason_zh="")


def compared(before: Verdict, after: Verdict) -> Change:
    (change,) = changes.compare([before], [after], STANDARD, OUTCOMES)
    return change


def test_a_disparity_that_grew_is_a_regression() -> None:
    change = compared(verdict(NOISE), verdict(OTHER + 0.1, Call.FAIL))
    assert change.call is Trend.REGRESSION
    assert change.low is not None
    assert change.low > 0
    assert change.tolerated == 0.025
    assert change.clusters == 170
    assert change.flipped > 50
    assert "grew by" in change.reason


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_of_the_disparity_does_not_matter(sign: int) -> None:
    change = compared(verdict(sign * NOISE), verdict(sign * (OTHER + 0.1), Call.FAIL))
    assert change.call is Trend.REGRESSION


def test_what_grew_but_still_passes_is_no_regression_and_not_ok_either() -> None:
    b, c = 0.2 * NOISE, 0.2 * OTHER + 0.035
    assert compared(verdict(b), verdict(c)).call is Trend.REGRESSION
    change = compared(verdict(b), verdict(c, Call.PASS))
    assert change.call is Trend.INCONCLUSIVE
    assert "still shows less than the margin" in change.reason


def test_a_regression_comes_before_ok() -> None:
    b = 0.1 * NOISE + 0.06
    change = compared(verdict(b, Call.FAIL), verdict(b + 0.01 + 0.1 * OTHER, Call.FAIL))
    assert change.high is not None
    assert change.high < change.tolerated
    assert change.call is Trend.REGRESSION


def test_a_disparity_that_turned_round_has_not_grown() -> None:
    change = compared(verdict(NOISE - 0.1, Call.FAIL), verdict(OTHER + 0.1, Call.FAIL))
    assert change.call is Trend.OK
    assert change.flipped > 100


def test_growth_that_is_neither_shown_nor_excluded_says_so() -> None:
    change = compared(verdict(NOISE), verdict(OTHER + 0.015))
    assert change.call is Trend.INCONCLUSIVE
    assert "neither shown nor below 0.025 with 170 scenarios" in change.reason


def test_nearly_equal_answers_are_ok_and_so_is_a_disparity_that_fell() -> None:
    for b, c in ((NOISE, NOISE + 0.1 * OTHER), (NOISE + 0.2, OTHER)):
        change = compared(verdict(b), verdict(c))
        assert change.call is Trend.OK
        assert "growth is below 0.025" in change.reason


def test_too_few_scenarios_say_how_many_ok_takes() -> None:
    change = compared(verdict(NOISE[:40]), verdict(NOISE[:40]))
    assert change.call is Trend.INCONCLUSIVE
    assert "OK takes 146 scenarios or more" in change.reason


INVALID_CASES = [
    (Call.PASS, Call.INVALID, Trend.INVALID, "the candidate cannot be judged here: is INVALID"),
    (Call.INVALID, Call.FAIL, Trend.INCONCLUSIVE, "the baseline cannot be judged here"),
    (Call.INVALID, Call.INVALID, Trend.INCONCLUSIVE, "neither run can be judged here"),
]


@pytest.mark.parametrize(("before", "after", "call", "reason"), INVALID_CASES)
def test_what_cannot_be_judged_is_never_a_regression_nor_ok(
    before: Call, after: Call, call: Trend, reason: str
) -> None:
    for c in (NOISE, OTHER + 0.5, NOTHING):
        change = compared(verdict(NOISE, before), verdict(c, after))
        assert change.call is call
        assert reason in change.reason
        assert change.p_adjusted in (1.0, None)


def test_no_scenario_in_common_is_inconclusive_and_has_no_number() -> None:
    change = compared(verdict(NOISE), verdict(NOTHING))
    assert change.call is Trend.INCONCLUSIVE
    assert (change.estimate, change.low, change.high, change.p) == (None,) * 4
    assert "no scenario was answered in full by both runs" in change.reason


def test_scenarios_are_paired_by_name() -> None:
    before = verdict(NOISE)
    turned = contrast(
        differences=before.contrast.differences[::-1], scenarios=before.contrast.scenarios[::-1]
    )
    names, old, new = changes.paired(before.contrast, turned)
    assert names == before.contrast.scenarios[::-1]
    assert (old == new).all()
    one = contrast(differences=(0.5, 0.1), scenarios=("s003", "elsewhere"))
    names, old, new = changes.paired(before.contrast, one)
    assert (names, new.tolist()) == (("s003",), [0.5])
    assert old.tolist() == [NOISE[3]]


def test_regression_is_adjusted_over_the_gated_cells_void_ones_included() -> None:
    weak = verdict(NOISE), verdict(NOISE + 0.2 * OTHER + 0.006, Call.INCONCLUSIVE)
    alone = compared(*weak)
    assert alone.p is not None
    assert alone.p_adjusted == alone.p
    void = [
        (verdict(NOISE, probe=f"p{n}"), verdict(OTHER, Call.INVALID, probe=f"p{n}"))
        for n in range(20)
    ]
    shown = verdict(NOISE, probe="q", gated=False), verdict(OTHER + 0.3, probe="q", gated=False)
    pairs = [weak, *void, shown]
    found = changes.compare([b for b, _ in pairs], [a for _, a in pairs], STANDARD, OUTCOMES)
    assert found[0].p_adjusted == pytest.approx(min(1.0, 21 * alone.p))
    assert found[-1].p_adjusted == found[-1].p


def test_cells_that_one_run_alone_has_are_left_out() -> None:
    assert changes.compare([verdict(NOISE)], [verdict(NOISE, probe="q")], STANDARD, OUTCOMES) == []


def test_a_signed_outcome_is_compared_as_it_is() -> None:
    told: dict[str, Any] = {"outcome": "preferred", "reference": "zero"}
    change = compared(verdict(NOISE, **told), verdict(OTHER - 0.2, Call.FAIL, **told))
    assert change.call is Trend.REGRESSION


def test_every_outcome_has_a_range_that_changes_can_be_bounded_in() -> None:
    from harness._paired import limits_of
    from harness.find import names

    for name in names("outcomes"):
        module = plugin("outcomes", name)
        low, high = limits_of(module.AGAINST, module.RANGE)
        assert low == -high == -1
