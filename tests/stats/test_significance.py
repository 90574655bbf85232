from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats._arrays import Array
from harness.stats.intervals import equivalence
from harness.stats.significance import fail_interval, mean_interval, p_beyond, sign_flip

one = st.floats(-1, 1) | st.sampled_from([-1.0, 0.0, 0.3, 1.0])
some = st.lists(one, min_size=1, max_size=100)
levels = st.floats(0.0005, 0.05)
margins = st.floats(0.01, 0.5)
NAN = math.nan


def fails(d: object, margin: float = 0.05, level: float = 0.05) -> bool:
    i = fail_interval(d, level_alpha=level)  # type: ignore[arg-type]
    return i.low > margin or i.high < -margin


def fail_rate(rng: np.random.Generator, theta: float, k: int, runs: int) -> float:
    d = rng.normal(theta, 0.12, (runs, k)).clip(-1, 1)
    return float(np.mean([fails(row) for row in d]))


def even(theta: float) -> Array:
    """80 differences without skewness."""
    half = np.random.default_rng(1).normal(0, 0.12, 40)
    return theta + np.concatenate([half, -half])


@pytest.mark.parametrize("theta", [0.1, -0.1])
def test_p_is_twice_the_one_sided_t_test_against_the_margin(theta: float) -> None:
    d = even(theta)
    away = d * math.copysign(1, theta)
    theirs = stats.ttest_1samp(away, 0.05, alternative="greater").pvalue
    assert p_beyond(d, margin=0.05) == pytest.approx(2 * theirs)
    assert p_beyond(d, margin=0) == pytest.approx(stats.ttest_1samp(d, 0).pvalue)


def test_the_t_interval_agrees_with_scipy() -> None:
    d = even(0.1)
    theirs = stats.ttest_1samp(d, 0).confidence_interval(0.99)
    i = fail_interval(d, level_alpha=0.01)
    assert (i.low, i.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("side", [1, -1])
def test_skewness_towards_zero_weakens_t_by_johnsons_term_and_skewness_away_does_not(
    side: int,
) -> None:
    d = side * (0.2 - np.array([0.2] * 12 + [0.0] * 68))
    plain, t = stats.ttest_1samp(abs(d), 0).confidence_interval(0.99), stats.t.isf(0.005, 79)
    shift = stats.moment(abs(d), 3) / stats.moment(d, 2) * (1 + 2 * t**2) / (6 * 80)
    i = fail_interval(d, level_alpha=0.01)
    near, far = sorted((i.low, i.high), key=abs)
    assert abs(near) == pytest.approx(plain.low + shift)
    assert abs(far) == pytest.approx(plain.high)
    assert p_beyond(d, margin=abs(near)) == pytest.approx(0.01)


@pytest.mark.parametrize(("skewness", "most"), [(0.0, 1.5), (-1.0, 2.0), (-2.0, 5.0)])
def test_at_a_small_level_skewed_differences_fail_little_oftener_than_said(
    skewness: float, most: float
) -> None:
    # 60 scenarios, theta = margin, the level of one of 20 cells. Plain t: 1.0, 3.3 and 9 times it.
    rng, level, runs = np.random.default_rng(3), 0.05 / 20, 30_000
    found = stats.pearson3.rvs(skewness, size=(runs, 60), random_state=rng)
    d = (0.05 + 0.12 * found).clip(-1, 1)
    t = (d.mean(axis=1) - 0.05) / stats.sem(d, axis=1)
    near = d[t > stats.t.isf(level / 2, 59)]  # nothing else can fail
    assert sum(fails(row, level=level) for row in near) / runs < most * level / 2


def test_many_equal_answers_are_strong_and_two_are_not() -> None:
    # Closed form: 2 * ((margin + 1) / 2)^K
    assert p_beyond([1.0] * 160, margin=0.05) == pytest.approx(2 * 0.525**160)
    assert p_beyond([-1.0] * 2, margin=0.05) == pytest.approx(2 * 0.525**2)
    assert p_beyond([1.0], margin=0.05) == 1
    assert p_beyond([0.0] * 160, margin=0.05) == 1
    assert fails([1.0] * 160)
    assert not fails([1.0] * 5)


def test_a_nearly_equal_few_do_not_borrow_the_t_interval() -> None:
    assert p_beyond([1.0, 1.0, 0.99], margin=0.05) > 0.2
    assert fail_interval([1.0] * 12 + [0.99], level_alpha=0.05).method == "Hoeffding bound"


@given(st.integers(1, 60), st.floats(0.01, 0.9))
def test_hoeffdings_bound_is_never_below_the_exact_binomial_tail(k: int, margin: float) -> None:
    # differences of -1 and 1 only: the mean of k of them is binomial at worst
    for ones in range(k + 1):
        d = [1.0] * ones + [-1.0] * (k - ones)
        if fail_interval(d, level_alpha=0.05).method == "Hoeffding bound":
            tail = stats.binom.sf(ones - 1, k, (margin + 1) / 2)
            if np.mean(d) > margin:
                assert p_beyond(d, margin=margin) >= min(1, 2 * tail) * (1 - 1e-9)


@given(some, margins, margins)
def test_p_rises_with_the_margin(d: list[float], a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert p_beyond(d, margin=low) <= p_beyond(d, margin=high) * (1 + 1e-12)


@given(some, margins, levels)
def test_the_interval_lies_beyond_the_margin_exactly_when_p_is_small(
    d: list[float], margin: float, level: float
) -> None:
    p = p_beyond(d, margin=margin)
    if abs(p - level) > 1e-6 * level:
        assert fails(d, margin, level) == (p <= level)


@given(some, levels)
def test_mirrored_differences_give_the_mirrored_interval_exactly(
    d: list[float], level: float
) -> None:
    mirror = [-x for x in d]
    i, m = fail_interval(d, level_alpha=level), fail_interval(mirror, level_alpha=level)
    assert (m.low, m.high, m.estimate) == (-i.high, -i.low, -i.estimate)
    assert p_beyond(mirror, margin=0.05) == p_beyond(d, margin=0.05)


@given(some, levels)
def test_the_interval_has_a_width_and_holds_the_estimate(d: list[float], level: float) -> None:
    i = fail_interval(d, level_alpha=level)
    assert -1 <= i.low <= i.estimate + 1e-12
    assert i.estimate - 1e-12 <= i.high <= 1
    assert i.low < i.high


@given(some, margins)
def test_nothing_both_passes_and_fails(d: list[float], margin: float) -> None:
    i = equivalence(d, margin=margin)
    passes = i.low > -margin and i.high < margin
    assert not (passes and fails(d, margin, 0.05))


def test_uneven_limits_are_respected_on_either_side() -> None:
    i = fail_interval([0.0] * 50, level_alpha=0.05, limits=(0.0, 1.0))
    assert i.low == 0
    assert i.high == pytest.approx(1 - (0.05 / 2) ** (1 / 50))
    m = fail_interval([0.0] * 50, level_alpha=0.05, limits=(-1.0, 0.0))
    assert (m.low, m.high) == (-i.high, -i.low)
    p = p_beyond([-0.5] * 40, margin=0.1, limits=(-1.0, 0.2))
    assert p == p_beyond([0.5] * 40, margin=0.1, limits=(-0.2, 1.0))


def test_failures_are_as_frequent_as_simulated_for_the_method() -> None:
    # METHOD section 3: .89 and .995 at twice the margin, .024 to .025 at the margin
    rng = np.random.default_rng(3)
    assert fail_rate(rng, 0.1, 60, 800) == pytest.approx(0.89, abs=0.035)
    assert fail_rate(rng, 0.1, 120, 300) > 0.98
    assert fail_rate(rng, 0.05, 60, 1500) < 0.038
    assert fail_rate(rng, 0.0, 60, 300) == 0


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [30, 60, 120])
def test_false_failures_stay_at_alpha_over_many_runs(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    assert fail_rate(rng, 0.05, clusters, 6000) <= 0.031
    flips = (rng.random((6000, clusters)) < 0.05) * 1.0
    assert np.mean([fails(row) for row in flips]) <= 0.03


@pytest.mark.parametrize("margin", [-0.1, NAN, math.inf])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        p_beyond([0.1], margin=margin)


@pytest.mark.parametrize("d", [[], [NAN], [math.inf], [2.0]])
def test_what_is_no_set_of_differences_is_refused(d: list[float]) -> None:
    with pytest.raises(ValueError, match=r"number|NaN|outside"):
        p_beyond(d, margin=0.05)
    with pytest.raises(ValueError, match=r"number|NaN|outside"):
        fail_interval(d, level_alpha=0.05)


def test_a_level_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="level_alpha"):
        fail_interval([0.1], level_alpha=0.0)


def test_sign_flips_agree_with_the_t_test_on_normal_differences() -> None:
    rng = np.random.default_rng(4)
    d = rng.normal([[0.0], [0.02], [0.04]], 0.12, (3, 100))
    result = sign_flip(d, rng=rng, resamples=20_000)
    theirs = stats.ttest_1samp(d, 0, axis=1)
    assert result.t == pytest.approx(theirs.statistic)
    assert result.p == pytest.approx(theirs.pvalue, abs=0.015)
    assert (result.adjusted >= result.p).all()


def test_the_critical_value_lies_between_one_test_and_bonferroni() -> None:
    rng = np.random.default_rng(5)
    independent = sign_flip(rng.normal(0, 1, (8, 200)), rng=rng, resamples=20_000)
    # 2.74: two-sided .05 / 8 normal quantile; the same row eight times is one test
    assert independent.critical == pytest.approx(2.74, abs=0.08)
    row = rng.normal(0, 1, 200)
    same = sign_flip(np.tile(row, (8, 1)), rng=rng, resamples=20_000)
    assert same.critical == pytest.approx(1.97, abs=0.06)
    assert same.adjusted == pytest.approx(same.p)


def test_a_true_difference_elsewhere_does_not_move_the_critical_value() -> None:
    d = np.random.default_rng(6).normal(0, 0.1, (2, 50))
    moved = d + np.array([[0.0], [0.5]])
    critical = [
        sign_flip(x, rng=np.random.default_rng(0), resamples=999).critical for x in (d, moved)
    ]
    assert critical[0] == pytest.approx(critical[1])


def test_the_same_seed_gives_the_same_answer() -> None:
    d = np.random.default_rng(6).normal(0, 0.1, (2, 20))
    a, b = (sign_flip(d, rng=np.random.default_rng(7), resamples=99) for _ in range(2))
    assert a.critical == b.critical
    assert (a.p == b.p).all()


def test_equal_differences_are_as_strong_as_their_number() -> None:
    cells = [[0.3] * 12, [0.3] * 2 + [NAN] * 10, [0.0] * 12, [0.3] + [NAN] * 11]
    result = sign_flip(cells, rng=np.random.default_rng(0), resamples=9999)
    assert result.p == pytest.approx([2.0**-11, 0.5, 1.0, 1.0])
    assert result.t[0] == math.inf
    assert result.t[2] == 0


def test_absent_clusters_are_left_out_of_their_cell_alone() -> None:
    d = np.random.default_rng(8).normal(0.03, 0.1, (1, 40))
    gaps = np.full((1, 60), NAN)
    gaps[0, ::3] = d[0, :20]
    gaps[0, 1::3] = d[0, 20:]
    whole = sign_flip(d, rng=np.random.default_rng(1), resamples=9999)
    parts = sign_flip(gaps, rng=np.random.default_rng(1), resamples=9999)
    assert parts.t == pytest.approx(whole.t)
    assert parts.p == pytest.approx(whole.p, abs=0.02)


def test_zero_differences_are_rejected_at_alpha() -> None:
    rng = np.random.default_rng(9)
    runs = [sign_flip(rng.normal(0, 1, (4, 20)), rng=rng, resamples=199) for _ in range(500)]
    assert 0.03 <= np.mean([r.p[0] <= 0.05 for r in runs]) <= 0.075
    assert np.mean([r.adjusted.min() <= 0.05 for r in runs]) <= 0.08


def test_many_clusters_are_worked_in_blocks_and_agree_with_the_t_test() -> None:
    d = np.random.default_rng(10).normal(0.002, 0.1, (2, 3000))
    result = sign_flip(d, rng=np.random.default_rng(1), resamples=1999)
    assert result.p == pytest.approx(stats.ttest_1samp(d, 0, axis=1).pvalue, abs=0.04)
    assert (result.adjusted >= result.p).all()


@pytest.mark.parametrize("cells", [[], [0.1], [[]], [[math.inf]], [[NAN, NAN], [0.1, 0.2]]])
def test_cells_without_differences_are_refused(cells: list[object]) -> None:
    with pytest.raises(ValueError, match="shape"):
        sign_flip(cells, rng=np.random.default_rng(0))  # type: ignore[arg-type]


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(ValueError, match="resamples"):
        sign_flip([[0.1, 0.2]], rng=np.random.default_rng(0), resamples=10)
    with pytest.raises(ValueError, match="alpha"):
        sign_flip([[0.1, 0.2]], rng=np.random.default_rng(0), alpha=0)


def lower_bounds(draws: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> list[float]:
    return [mean_interval(row, level_alpha=0.1).low for row in draws.clip(-1, 1)]


def test_ten_scenarios_show_a_reaction_that_every_working_model_has() -> None:
    """A half-billion chat model moves by 0.22 to 0.26; Hoeffding's bound never sees that."""
    rng = np.random.default_rng(5)
    seen = rng.normal(0.24, 0.1, (400, 10))
    assert np.mean([low >= 0.1 for low in lower_bounds(seen)]) > 0.8
    assert not any(fail_interval(row, level_alpha=0.1).low >= 0.1 for row in seen)


@pytest.mark.parametrize("kind", ["normal", "flips", "three values"])
def test_a_reaction_at_the_limit_is_called_shown_in_five_percent(kind: str) -> None:
    rng = np.random.default_rng(6)
    draws = {
        "normal": rng.normal(0.1, 0.2, (2_000, 10)),
        "flips": (rng.random((2_000, 10)) < 0.1).astype(float),
        "three values": rng.choice([-1.0, 0.0, 1.0], (2_000, 10), p=[0.1, 0.7, 0.2]),
    }[kind]
    assert np.mean([low >= 0.1 for low in lower_bounds(draws)]) < 0.065


@pytest.mark.parametrize("d", [[0.5], [0.5] * 10, [0.0] * 9 + [1.0]])
def test_a_mean_without_a_spread_gets_the_bound_for_any_distribution(d: list[float]) -> None:
    assert mean_interval(d, level_alpha=0.1) == fail_interval(d, level_alpha=0.1)
