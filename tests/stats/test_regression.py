"""Growth of a disparity: oracles by hand and by SciPy, extremes, and error rates by simulation."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from harness.stats import regression
from harness.stats.binomial import clopper_pearson, exact_upper
from harness.stats.intervals import Interval, equivalence
from harness.stats.regression import growth, least_scenarios, p_growth

Array = NDArray[np.float64]
DELTA = 0.05
one = st.floats(-1, 1) | st.sampled_from([-1.0, 0.0, 0.3, 1.0])
both = st.lists(st.tuples(one, one), min_size=1, max_size=100).map(lambda p: np.array(p).T)


def bounded(c: object, b: object, level: float = 0.05) -> Interval:
    return growth(c, b, margin=DELTA / 2, level_alpha=level)  # type: ignore[arg-type]


def pair(rng: np.random.Generator, now: float, before: float, k: int, rho: float) -> list[Array]:
    """Draws differences of k scenarios in two releases: sd 0.12 each, correlated by rho."""
    z = rng.normal(size=(2, k))
    other = rho * z[0] + math.sqrt(1 - rho**2) * z[1]
    return [(theta + 0.12 * e).clip(-1, 1) for theta, e in ((now, z[0]), (before, other))]


def call(c: Array, b: Array) -> str:
    """Calls one pair as `compare` does where no control is missed."""
    found, inside = bounded(c, b), equivalence(c, margin=DELTA)
    if found.low > 0 and not (inside.low > -DELTA and inside.high < DELTA):
        return "REGRESSION"
    return "OK" if found.high < DELTA / 2 else "INCONCLUSIVE"


def calls(now: float, before: float, k: int, rho: float, runs: int) -> dict[str, int]:
    rng = np.random.default_rng(7)
    found = [call(*pair(rng, now, before, k, rho)) for _ in range(runs)]
    return {name: found.count(name) for name in ("REGRESSION", "OK", "INCONCLUSIVE")}


def naive(c: Array, b: Array) -> bool:
    """The rule that METHOD rejects: the difference moved away, in the candidate's direction."""
    return p_of(np.sign(c.mean()) * (c - b)) <= 0.025


def p_of(x: Array) -> float:
    return float(stats.ttest_1samp(x, 0, alternative="greater").pvalue)


def test_the_examples_of_the_docstrings_run() -> None:
    assert doctest.testmod(regression).failed == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_p_is_the_larger_of_two_t_tests_doubled_for_the_sign(sign: int) -> None:
    c, b = (sign * d for d in pair(np.random.default_rng(1), 0.05, 0.01, 80, 0.3))
    theirs = max(p_of(sign * (c - b)), p_of(sign * (c + b)))
    assert p_growth(c, b) == pytest.approx(2 * theirs)


def test_the_bounds_are_those_of_scipy_where_the_differences_are_symmetric() -> None:
    rng = np.random.default_rng(3)
    e, f = rng.normal(0, 0.12, (2, 100))
    c, b = (np.concatenate([theta + d, theta - d]) for theta, d in ((0.2, e), (0.15, f)))
    i = bounded(c, b, 0.01)
    lows = [stats.ttest_1samp(x, 0).confidence_interval(0.99).low for x in (c - b, c + b)]
    assert i.low == pytest.approx(min(lows))
    assert i.high == pytest.approx(stats.ttest_1samp(c - b, 0).confidence_interval(0.95).high)
    assert i.estimate == pytest.approx(0.05)
    assert i.method == "t, skewness-adjusted"


def test_equal_runs_have_a_width_that_falls_with_the_number_of_scenarios() -> None:
    # Closed form: a tenth of the margin + the exact bound on a share of 0 of K, at alpha / 2.
    for k, ok in ((160, False), (163, True)):
        i = bounded(np.zeros(k), np.zeros(k))
        assert i.high == pytest.approx(0.0025 + exact_upper(0, k, 0.025))
        assert (i.high < DELTA / 2) == ok
        assert i.low < 0 < i.high


def test_equal_changes_are_as_strong_as_their_number_and_no_stronger() -> None:
    assert p_growth(np.ones(2), np.zeros(2)) > 0.5
    assert p_growth(np.ones(160), np.zeros(160)) < 1e-8
    # Hoeffding on the range of a change, [-2, 2]: the mean 1 is 3/4 of it, and 0 is a half.
    assert p_growth(np.ones(20), np.zeros(20)) == pytest.approx(
        2 * (0.5 / 0.75) ** 15 * (0.5 / 0.25) ** 5
    )


def test_one_step_in_every_scenario_has_at_most_the_error_of_both_runs_together() -> None:
    half = np.random.default_rng(6).normal(0, 0.12, 85)
    b = np.concatenate([half, -half])  # no skewness
    error = 2 * stats.sem(b)
    assert p_growth(b + 0.1, b) == pytest.approx(2 * stats.t.sf(0.1 / error, 169))
    i = bounded(b + 0.1, b, 0.01)
    assert i.low == pytest.approx(0.1 - stats.t.isf(0.005, 169) * error)
    assert i.high == pytest.approx(0.1 + stats.t.isf(0.025, 169) * error)
    assert i.method == "t, largest error"


def test_one_step_back_in_every_scenario_is_ok_unless_there_are_few() -> None:
    b = np.random.default_rng(6).normal(0.1, 0.12, 170)
    assert bounded(b - 0.1, b).high < 0
    assert bounded(b[:100] - 0.1, b[:100]).high > 0.025


def test_one_scenario_shows_nothing() -> None:
    i = bounded([1.0], [0.0])
    assert i.low < 0
    assert i.high == 1
    assert p_growth([1.0], [0.0]) == 1


def test_a_disparity_that_turns_round_is_no_growth() -> None:
    c = np.array([0.3, 0.4, 0.5] * 60)
    assert p_growth(-c, c) == 1
    assert bounded(-c, c).estimate == 0
    assert naive(-c, c)


def test_a_disparity_that_falls_is_ok_whatever_its_sign() -> None:
    rng = np.random.default_rng(5)
    for before in (0.3, -0.3):
        c, b = pair(rng, 0.0, before, 200, 0.5)
        i = bounded(c, b)
        assert i.high < 0
        assert p_growth(c, b) == 1


def test_a_change_of_two_counts_as_two_where_it_was_seen() -> None:
    b = np.zeros(400)
    c = b.copy()
    b[:3], c[:3] = -1, 1
    assert bounded(c, b).high == pytest.approx(0.0025 + exact_upper(0, 400, 0.025))  # turned round
    b[3:9] = c[3:9] = 1
    assert bounded(c, b).high == pytest.approx(0.0025 + 2 * exact_upper(3, 400, 0.025))


def test_ok_takes_146_scenarios_at_a_margin_of_a_fortieth() -> None:
    assert least_scenarios(0.025) == 146
    assert 0.975**146 <= 0.025 < 0.975**145


@given(both)
def test_a_release_and_its_mirror_grow_alike(d: Array) -> None:
    c, b = d
    i, m = bounded(c, b), bounded(-c, -b)
    if c.mean() != 0:
        assert (m.low, m.high, m.estimate) == pytest.approx((i.low, i.high, i.estimate))
        assert p_growth(-c, -b) == pytest.approx(p_growth(c, b))
    assert bounded(c, -b).high == pytest.approx(i.high)


@given(both, st.floats(0.0005, 0.05))
def test_the_lower_bound_is_positive_exactly_when_p_is_small(d: Array, level: float) -> None:
    c, b = d
    p = p_growth(c, b)
    if abs(p - level) > 1e-6 * level:
        assert (bounded(c, b, level).low > 0) == (p <= level)


@given(both)
def test_the_interval_has_a_width_and_holds_the_estimate(d: Array) -> None:
    c, b = d
    i = bounded(c, b)
    assert i.estimate == pytest.approx(abs(c.mean()) - abs(b.mean()), abs=1e-12)
    assert i.low - 1e-12 <= i.estimate <= i.high + 1e-12
    assert i.low < i.high


@pytest.mark.parametrize(
    ("c", "b"),
    [([], []), ([0.1], [math.nan]), ([0.1], [1.5]), ([0.1], [math.inf]), ([0.1] * 2, [0.1])],
)
def test_what_is_no_pair_of_differences_is_refused(c: list[float], b: list[float]) -> None:
    for run in (p_growth, bounded):
        with pytest.raises(ValueError, match=r"number|measured|outside|paired"):
            run(c, b)


NULLS = [(0.0, 0.0), (0.1, 0.1), (-0.1, 0.1), (0.15, -0.15)]


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize(("now", "before"), NULLS)
def test_what_did_not_grow_is_seldom_called_a_regression(
    now: float, before: float, rho: float
) -> None:
    found = calls(now, before, 120, rho, 400)["REGRESSION"]
    assert clopper_pearson(found, 400, 0.02)[0] <= 0.05


@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize("before", [0.0, 0.05, -0.05])
def test_a_growth_of_two_margins_is_found(before: float, rho: float) -> None:
    found = calls(abs(before) + 2 * DELTA, before, 120, rho, 200)["REGRESSION"]
    assert found / 200 >= 0.8


def test_the_naive_rule_calls_a_disparity_that_turned_round_always() -> None:
    rng = np.random.default_rng(2)
    turned = [pair(rng, 0.1, -0.1, 120, 0.0) for _ in range(200)]
    assert all(naive(c, b) for c, b in turned)
    assert np.mean([call(c, b) == "REGRESSION" for c, b in turned]) <= 0.05


@pytest.mark.parametrize(
    ("before", "k", "rho"), [(0.0, 160, 0.9), (0.0, 500, 0.0), (0.05, 160, 0.0)]
)
def test_a_growth_at_its_margin_is_seldom_called_ok(before: float, k: int, rho: float) -> None:
    found = calls(before + DELTA / 2, before, k, rho, 400)["OK"]
    assert clopper_pearson(found, 400, 0.02)[0] <= 0.05


def test_rare_flips_that_make_up_the_margin_are_seldom_called_ok() -> None:
    rng = np.random.default_rng(4)
    for noise in (0.0, 0.02):
        ok = 0
        for _ in range(400):
            b = noise * rng.normal(size=160)
            flips = rng.random(160) < DELTA / 2
            ok += call(np.where(flips, 1.0, b), np.where(flips, 0.0, b)) == "OK"
        assert clopper_pearson(ok, 400, 0.02)[0] <= 0.05


def test_releases_that_answer_alike_are_ok() -> None:
    assert calls(0.0, 0.0, 160, 0.9, 100)["OK"] >= 90
    assert calls(0.1, 0.1, 160, 0.9, 100)["OK"] >= 90


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.8])
@pytest.mark.parametrize(("now", "before"), NULLS)
def test_false_regressions_stay_below_five_percent_in_6000_pairs(
    now: float, before: float, rho: float
) -> None:
    found = calls(now, before, 120, rho, 6000)["REGRESSION"]
    assert clopper_pearson(found, 6000, 0.05)[1] <= 0.06
    if now == -before:
        assert found / 6000 <= 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "k", "rho"), [(0.0, 160, 0.0), (0.0, 160, 0.9), (0.0, 500, 0.0), (0.02, 160, 0.5)]
)
def test_false_ok_stays_below_five_percent_in_6000_pairs(before: float, k: int, rho: float) -> None:
    found = calls(before + DELTA / 2, before, k, rho, 6000)["OK"]
    assert clopper_pearson(found, 6000, 0.05)[1] <= 0.06
