from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.intervals import Interval
from harness.stats.ratio import log_ratio

FOUR_FIFTHS = math.log(0.8)
rates = st.lists(st.tuples(st.floats(0, 1), st.floats(0.2, 1)), min_size=1, max_size=60)


def computed(group: object, reference: object, alpha: float = 0.05) -> Interval:
    i = log_ratio(group, reference, alpha)  # type: ignore[arg-type]
    assert i is not None
    return i


def misses(kind: str, base: float, clusters: int, runs: int) -> tuple[float, float]:
    """How often either end, at 5 %, lies beyond a true ratio of .8."""
    rng = np.random.default_rng(clusters)
    beyond = np.zeros((runs, 2))
    g: np.ndarray
    r: np.ndarray
    for miss in beyond:
        if kind == "counts of 8":
            p = rng.beta(4 * base, 4 - 4 * base, clusters)
            g, r = rng.binomial(8, 0.8 * p) / 8, rng.binomial(8, p) / 8
        else:
            r = (rng.random(clusters) < base) * 1.0
            g = r * (rng.random(clusters) < 0.8)
        i = log_ratio(g, r, 0.10)
        miss[:] = (False, False) if i is None else (i.low > FOUR_FIFTHS, i.high < FOUR_FIFTHS)
    low, high = beyond.mean(axis=0)
    return float(low), float(high)


def test_the_interval_is_katz_at_many_independent_answers() -> None:
    # Katz et al. (1978), statsmodels: confint_proportions_2indep(..., compare="ratio", "log")
    g, r = np.repeat([1.0, 0.0], [600, 1400]), np.repeat([1.0, 0.0], [1000, 1000])
    rng = np.random.default_rng(1)
    i = computed(rng.permutation(g), rng.permutation(r))
    half = 1.959964 * math.sqrt(1 / 600 - 1 / 2000 + 1 / 1000 - 1 / 2000)
    assert i.estimate == pytest.approx(math.log(0.6))
    assert (i.low, i.high) == pytest.approx((i.estimate - half, i.estimate + half), abs=0.004)


def test_the_plain_part_is_the_ratio_estimator_of_survey_sampling() -> None:
    # Cochran section 6.3: V(R) = sum (y - R x)^2 / (n (n - 1) mean(x)^2), t with n - 1
    rng = np.random.default_rng(2)
    r = rng.uniform(0.3, 0.9, 80)
    g = (0.7 * r + rng.normal(0, 0.05, 80)).clip(0, 1)
    ratio = g.mean() / r.mean()
    error = math.sqrt(((g - ratio * r) ** 2).sum() / 80 / 79) / r.mean() / ratio
    i = computed(g, r)
    half = stats.t.ppf(0.975, 79) * error
    assert i.low <= math.log(ratio) - half + 1e-9
    assert i.high >= math.log(ratio) + half - 1e-9
    assert i.high - i.low == pytest.approx(2 * half, rel=0.05)


@pytest.mark.parametrize("kind", ["counts of 8", "single answers"])
@pytest.mark.parametrize(("base", "clusters"), [(0.5, 60), (0.3, 120)])
def test_a_ratio_at_four_fifths_is_missed_at_alpha(kind: str, base: float, clusters: int) -> None:
    for missed in misses(kind, base, clusters, 400):
        assert missed <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["counts of 8", "single answers"])
@pytest.mark.parametrize("base", [0.3, 0.5])
@pytest.mark.parametrize("clusters", [30, 60, 120, 240])
def test_a_ratio_is_missed_at_alpha_over_many_runs(kind: str, base: float, clusters: int) -> None:
    for missed in misses(kind, base, clusters, 4000):
        assert stats.binomtest(round(missed * 4000), 4000).proportion_ci(0.98).low <= 0.055


def test_equal_answers_pass_only_once_there_are_enough() -> None:
    half = np.tile([1.0, 0.0], 100)
    few, many = computed(half[:20], half[:20], 0.10), computed(half, half, 0.10)
    assert few.low < FOUR_FIFTHS
    assert FOUR_FIFTHS < many.low < 0 < many.high < -FOUR_FIFTHS
    assert many.estimate == 0
    assert many.method == "betting"


def test_a_group_that_gets_nothing_has_no_finite_ratio_and_fails() -> None:
    i = computed([0.0] * 60, [1.0, 0.0] * 30)
    assert i.estimate == i.low == -math.inf
    assert i.high < FOUR_FIFTHS


def test_below_a_base_rate_of_a_tenth_nothing_is_computed() -> None:
    few, enough = np.zeros(40), np.zeros(40)
    few[:3], enough[:4] = 1, 1
    assert log_ratio(enough, few) is None
    assert log_ratio(few, enough) is not None
    assert log_ratio([0.0], [0.0]) is None


def test_one_cluster_says_nothing() -> None:
    i = computed([1.0], [1.0])
    assert (i.estimate, i.low, i.high) == (0, -math.inf, math.inf)


def test_equal_groups_are_judged_against_the_mean_of_the_others_not_the_largest() -> None:
    # METHOD section 8: four fifths of the largest, base rate .1, 8 equal groups: 62 % of runs
    rng = np.random.default_rng(3)
    naive = found = 0
    for _ in range(100):
        rows = (rng.random((8, 100)) < 0.15) * 1.0
        naive += rows.mean(axis=1).min() < 0.8 * rows.mean(axis=1).max()
        others = (rows.sum(axis=0) - rows) / 7
        intervals = [log_ratio(g, r, 0.05 / 8) for g, r in zip(rows, others, strict=True)]
        found += any(i is not None and i.high < FOUR_FIFTHS for i in intervals)
    assert naive > 60
    assert found <= 5


@given(rates, st.floats(0.001, 0.5))
def test_swapped_groups_give_the_mirrored_ratio(
    pairs: list[tuple[float, float]], alpha: float
) -> None:
    g, r = np.array(pairs).T
    if g.mean() < 0.1:
        return
    i, m = computed(g, r, alpha), computed(r, g, alpha)
    assert m.estimate == pytest.approx(-i.estimate, abs=1e-9)
    assert (m.low, m.high) == pytest.approx((-i.high, -i.low), abs=1e-6)


@given(rates, st.floats(0.001, 0.5))
def test_the_interval_holds_the_estimate(pairs: list[tuple[float, float]], alpha: float) -> None:
    g, r = np.array(pairs).T
    i = computed(g, r, alpha)
    assert i.low <= i.estimate <= i.high
    assert i.low < i.high


@pytest.mark.parametrize(
    ("group", "reference"), [([], []), ([math.nan], [1.0]), ([1.5], [1.0]), ([-0.1], [1.0])]
)
def test_what_are_no_rates_is_refused(group: list[float], reference: list[float]) -> None:
    with pytest.raises(ValueError, match=r"number|NaN|outside"):
        log_ratio(group, reference)


def test_unpaired_clusters_or_a_bad_level_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs"):
        log_ratio([0.5, 0.5], [0.5])
    with pytest.raises(ValueError, match="alpha"):
        log_ratio([0.5], [0.5], 0.0)
