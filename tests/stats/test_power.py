from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.binomial import exact_upper
from harness.stats.intervals import equivalence
from harness.stats.power import detectable, needed, needed_sparse
from harness.stats.significance import p_beyond


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
    assert plan in (expected - 1, expected)


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
    assert needed(0.12, 0.05, 0.5) == 15


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


def test_names_that_cannot_settle_it_have_no_number_of_scenarios() -> None:
    error = 0.05 / (stats.t.ppf(0.95, 19) + stats.norm.ppf(0.8))  # about: sd known
    assert needed(0.12, 0.05, 0.0, names=20, floor=(0.5 * error) ** 2) is not None
    assert needed(0.12, 0.05, 0.0, names=20, floor=(1.1 * error) ** 2) is None
    assert needed(0.12, 0.05, 0.0, names=2, floor=(0.5 * error) ** 2) is None
    assert needed(0.12, 0.05, 0.0, names=20, floor=math.inf) is None


def test_a_floor_of_names_asks_for_more_scenarios_and_none_for_the_same() -> None:
    plain = needed(0.12, 0.05, 0.10)
    assert needed(0.12, 0.05, 0.10, names=20, floor=0.0) == plain
    some = [needed(0.12, 0.05, 0.10, names=20, floor=f) or 0 for f in (1e-5, 5e-5, 1e-4)]
    assert some == sorted(some)
    assert some[0] > (plain or 0)


def test_the_planned_number_of_scenarios_has_its_power_beside_names() -> None:
    sd, by_name, names = 0.12, 0.04, 40
    floor = 2 * by_name**2 / names
    k = needed(sd, 0.05, 0.12, names=names, floor=floor)
    assert k is not None
    rng = np.random.default_rng(1)
    error = math.sqrt(sd**2 / k + floor)
    freedom = (min(names, k) if floor > sd**2 / k else k) - 1
    t = rng.normal(0.07, error, 40_000) / (
        error * np.sqrt(rng.chisquare(freedom, 40_000) / freedom)
    )
    assert (t > stats.t.ppf(0.975, freedom)).mean() == pytest.approx(0.8, abs=0.02)
