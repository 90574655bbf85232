from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats._arrays import Array
from harness.stats.binomial import exact_upper
from harness.stats.intervals import equivalence, supports_t
from harness.stats.power import (
    detectable,
    fail_power,
    needed,
    needed_sparse,
    pass_power,
    sparse_power,
    to_settle,
)  # fmt: skip
from harness.stats.significance import fail_interval, p_beyond

NORMAL = np.random.default_rng(3).normal(0, 0.12, 60)


def test_the_detectable_difference_is_the_formula() -> None:
    # t(.975, 29) = 2.04523 and z(.80) = 0.841621, from printed tables
    expected = 0.05 + (2.04523 + 0.841621) * 0.12 / math.sqrt(30)
    assert detectable(0.12, 30, 0.05) == pytest.approx(expected, abs=1e-6)
    assert detectable(0, 30, 0.05) == 0.05


@pytest.mark.parametrize(("contrasts", "guess"), [(1, 49), (48, 117), (430, 152)])
def test_the_plan_agrees_with_the_first_guess_of_the_method(contrasts: int, guess: int) -> None:
    plan = needed(0.12, 0.05, 0.0, contrasts=contrasts)
    assert plan is not None
    assert max(guess, 59) <= plan <= max(guess, 59) + 3


@pytest.mark.parametrize(("cv", "expected"), [(0.30, 40), (0.40, 66)])
def test_sizes_of_bioequivalence_trials_are_reproduced(cv: float, expected: int) -> None:
    # R: PowerTOST::sampleN.TOST(CV = cv, theta0 = 0.95), 2x2 crossover: even n, n - 2 df
    sd = math.sqrt(2 * math.log(1 + cv**2))
    plan = needed(sd, math.log(1.25), math.log(0.95), reach=2.0)
    assert plan is not None
    assert expected - 1 <= plan <= expected + 2  # skewness and support cost a little more


def test_equal_answers_are_planned_by_their_own_bounds() -> None:
    few = needed(0, 0.05, 0.0)
    assert few == 66
    for k, passes in ((few, True), (few - 1, False)):
        assert (equivalence(np.zeros(k), margin=0.05).high < 0.05) == passes
    for size in (1.0, 0.8):
        fail = needed(0, 0.05, size)
        assert fail is not None
        for k, fails in ((fail, True), (fail - 1, False)):
            assert (p_beyond([size] * k, margin=0.05) <= 0.05) == fails
    assert needed(0, 0.05, 0.03) is None


@pytest.mark.parametrize("share", [0.0, 0.005, 0.01, 0.02, 0.03])
def test_the_plan_for_sparse_differences_has_its_exact_power(share: float) -> None:
    plan = needed_sparse(share, 0.05)
    assert plan is not None
    passing = [n for n in range(min(plan, 60)) if exact_upper(n, plan, 0.05) + 0.005 < 0.05]
    assert np.sum(stats.binom.pmf(passing, plan, share)) >= 0.8
    # and not much before
    early = int(0.8 * plan)
    passing = [n for n in range(min(early, 60)) if exact_upper(n, early, 0.05) + 0.005 < 0.05]
    assert np.sum(stats.binom.pmf(passing, early, share)) < 0.8


def test_flips_as_frequent_as_the_margin_never_pass() -> None:
    assert needed_sparse(0.05, 0.05) is None
    assert needed_sparse(1.0, 0.05) is None
    with pytest.raises(ValueError, match="share"):
        needed_sparse(math.nan, 0.05)


def test_the_tiniest_spread_has_a_plan() -> None:
    assert needed(1e-200, 0.05, 0.0) == 59


def test_an_estimate_at_the_margin_is_never_settled() -> None:
    assert needed(0.12, 0.05, 0.05) is None
    assert needed(0.12, 0.05, 0.05001) is None
    assert needed(0.12, 0.05, 0.04999) is None


def test_the_sign_of_the_estimate_does_not_matter() -> None:
    assert needed(0.12, 0.05, -0.1) == needed(0.12, 0.05, 0.1)
    assert needed(0.12, 0.05, -0.02) == needed(0.12, 0.05, 0.02)


def test_a_large_difference_still_needs_clusters_that_support_a_spread() -> None:
    # without the rule 5 would do; the rule holds in 75 % of samples of 15, in 94 % of 20 (simulated)
    assert 15 < (needed(0.12, 0.05, 0.5) or 0) <= 20


@pytest.mark.parametrize(("estimate", "seed"), [(0.0, 1), (0.02, 2), (0.1, 3)])
def test_the_plan_holds_its_power_when_simulated(estimate: float, seed: int) -> None:
    plan = needed(0.12, 0.05, estimate)
    assert plan is not None
    d = np.random.default_rng(seed).normal(estimate, 0.12, (400, plan)).clip(-1, 1)
    if estimate < 0.05:
        settled = [equivalence(row, margin=0.05) for row in d]
        rate = np.mean([i.low > -0.05 and i.high < 0.05 for i in settled])
    else:
        rate = np.mean([p_beyond(row, margin=0.05) <= 0.05 for row in d])
    assert rate > 0.74  # three standard errors below 0.80


def simulated(sd: float, k: int, theta: float, runs: int, seed: int) -> tuple[float, float]:
    """Rates of PASS and of FAIL by the rules themselves, at a margin of .05."""
    d = np.random.default_rng(seed).normal(theta, sd, (runs, k)).clip(-1, 1)
    inside = [equivalence(row, margin=0.05) for row in d]
    beyond = [fail_interval(row, level_alpha=0.05) for row in d]
    passes = np.mean([i.low > -0.05 and i.high < 0.05 for i in inside])
    return float(passes), float(np.mean([i.low > 0.05 or i.high < -0.05 for i in beyond]))


@pytest.mark.parametrize("theta", [0.0, 0.10])
@pytest.mark.parametrize("k", [30, 60, 120])
def test_power_is_within_three_points_of_the_rules_when_simulated(k: int, theta: float) -> None:
    passes, fails = simulated(0.12, k, theta, 1500, seed=k)
    assert pass_power(0.12, k, 0.05, theta) == pytest.approx(passes, abs=0.03)
    assert fail_power(0.12, k, 0.05, theta) == pytest.approx(fails, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.06, 0.12, 0.2])
@pytest.mark.parametrize("theta", [0.0, 0.025, 0.05, 0.075, 0.10, 0.2])
@pytest.mark.parametrize("k", [25, 30, 45, 60, 90, 120, 480])
def test_power_is_within_three_points_over_a_grid(k: int, theta: float, sd: float) -> None:
    passes, fails = simulated(sd, k, theta, 10_000, seed=k)
    assert pass_power(sd, k, 0.05, theta) == pytest.approx(passes, abs=0.03)
    assert fail_power(sd, k, 0.05, theta) == pytest.approx(fails, abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.02])
@pytest.mark.parametrize("k", [60, 66, 150])
def test_sparse_power_is_that_of_the_rule(k: int, share: float) -> None:
    rng = np.random.default_rng(k)
    flips = np.where(rng.random((1500, k)) < share, rng.choice([-1.0, 1.0], (1500, k)), 0.0)
    assert not supports_t(flips[0])
    found = [equivalence(row, margin=0.05) for row in flips]
    rate = np.mean([i.low > -0.05 and i.high < 0.05 for i in found])
    assert sparse_power(share, k, 0.05) == pytest.approx(rate, abs=0.03)


def test_what_is_planned_has_the_power_and_one_scenario_less_has_not() -> None:
    for contrasts in (1, 16):
        plan = needed(0.12, 0.05, 0.0, contrasts=contrasts)
        fail = needed(0.12, 0.05, 0.1, contrasts=contrasts)
        assert plan is not None
        assert fail is not None
        joint = 1 - 0.2 / contrasts
        assert pass_power(0.12, plan, 0.05) >= joint
        assert plan == 59 or pass_power(0.12, plan - 1, 0.05) < joint
        level = 0.05 / contrasts
        assert fail_power(0.12, fail, 0.05, 0.1, level=level) >= 0.8
        assert fail_power(0.12, fail - 1, 0.05, 0.1, level=level) < 0.8


def test_power_at_the_extremes() -> None:
    assert [pass_power(0, k, 0.05) for k in (0, 1, 65, 66)] == [0, 0, 0, 1]
    assert pass_power(0, 1000, 0.05, 0.03) == 0
    assert [fail_power(0, k, 0.05, 1.0) for k in (0, 1, 1000)] == [0, 0, 1]
    assert fail_power(0, 1000, 0.05, 0.05) == 0
    assert [fail_power(0.12, k, 0.05, 0.1) for k in (0, 1, 9)] == [0, 0, 0]
    assert [pass_power(0.12, k, 0.05) for k in (0, 1, 58)] == [0, 0, 0]
    assert pass_power(1e-200, 59, 0.05, 0.01) == pytest.approx(1, abs=0.01)
    assert fail_power(0.12, 100_000, 0.05, 0.1) == pytest.approx(1)
    assert sparse_power(1.0, 100, 0.05) == 0
    assert [sparse_power(0.0, k, 0.05) for k in (0, 1)] == [0, 0]
    assert pass_power(0.1, 6, 0.5) == 0  # the spread of six is not believed


def test_an_impossible_power_is_refused() -> None:
    with pytest.raises(ValueError, match="estimate"):
        pass_power(0.1, 60, 0.05, math.nan)
    with pytest.raises(ValueError, match="estimate"):
        fail_power(0.1, 60, 0.05, 1.5)
    with pytest.raises(ValueError, match="share"):
        sparse_power(1.5, 60, 0.05)


@pytest.mark.parametrize(
    ("sd", "margin", "estimate", "contrasts"),
    [
        (-1, 0.05, 0, 1),
        (math.nan, 0.05, 0, 1),
        (0.1, 0, 0, 1),
        (0.1, 2, 0, 1),
        (0.1, 0.05, 2, 1),
        (0.1, 0.05, math.nan, 1),
        (0.1, 0.05, 0, 0),
    ],
)
def test_an_impossible_plan_is_refused(
    sd: float, margin: float, estimate: float, contrasts: int
) -> None:
    with pytest.raises(ValueError, match=r"must|got"):
        needed(sd, margin, estimate, contrasts=contrasts)


def test_one_cluster_detects_nothing() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        detectable(0.12, 1, 0.05)


@pytest.mark.parametrize(("flips", "clusters"), [(1, 60), (2, 120)])
def test_few_flips_are_settled_by_the_rule_for_few(flips: int, clusters: int) -> None:
    d = [1.0] * flips + [0.0] * (clusters - flips)
    count = to_settle(d, 0.05, assumed=0.12)
    assert count is not None
    k = np.arange(count + 1)
    passes = np.array([0.005 + exact_upper(int(i), count, 0.05) < 0.05 for i in k])
    assert passes @ stats.binom.pmf(k, count, flips / clusters) >= 0.8


@pytest.mark.parametrize("value", [0.0, 0.2, -0.2, 1.0])
def test_equal_differences_are_settled_by_as_many_more(value: float) -> None:
    count = to_settle([value] * 30, 0.05, assumed=0.01)
    assert count is not None

    def settled(k: int) -> bool:
        i = equivalence([value] * k, margin=0.05)
        passed = i.low > -0.05 and i.high < 0.05
        return passed or p_beyond([value] * k, margin=0.05) <= 0.05

    assert settled(count)
    assert count <= 59 or not settled(count - 1)  # else what the assumed spread takes


def test_rounding_is_no_spread_to_settle_by() -> None:
    assert np.std([0.1] * 7) > 0
    count = to_settle([0.1] * 7, 0.05, assumed=0.12)
    assert count is not None
    assert p_beyond([0.1] * count, margin=0.05) <= 0.05 < p_beyond([0.1] * 30, margin=0.05)
    assert to_settle([0.03] * 40, 0.05, assumed=0.12) is None  # equal, and more than small


@pytest.mark.parametrize("d", [NORMAL[:15], NORMAL, NORMAL + 0.1])
def test_differences_that_spread_are_settled_by_t(d: Array) -> None:
    sd, mean = float(d.std(ddof=1)), float(d.mean())
    assert to_settle(d, 0.05, assumed=9.0) == needed(sd, 0.05, mean)


def test_a_difference_of_the_margin_is_never_settled() -> None:
    for estimate in (0.05, 0.55 - 0.5, 0.05 + 1e-12):  # the second is one rounding above it
        assert needed(0.0, 0.05, estimate) is None
        assert fail_power(0.0, 1000, 0.05, estimate) == 0.0
