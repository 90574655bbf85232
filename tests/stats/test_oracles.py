"""The same data through other libraries, and published tables: statsmodels, SciPy, pingouin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pingouin
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.api import OLS, WLS
from statsmodels.stats.contingency_tables import cochrans_q, mcnemar
from statsmodels.stats.weightstats import ttost_paired

from harness._paired import difference
from harness.stats.binomial import clopper_pearson
from harness.stats.clusters import cluster_means
from harness.stats.intervals import cluster_t, equivalence, standard_error
from harness.stats.significance import p_beyond, sign_flip

Array = NDArray[np.float64]

# Pairs by answer to the first and second question: both, first alone, second alone, neither.
CAVO = (59, 6, 16, 80)
"""Cavo et al. (2012): complete response before and after consolidation therapy."""
BENTUR = (1, 1, 7, 12)
"""Bentur et al. (2009): airway hyper-responsiveness before and after transplantation."""


def differences(table: tuple[int, int, int, int]) -> Array:
    both, first, second, neither = table
    return np.repeat([1.0, -1.0, 0.0], [first, second, both + neither])


def replicated(seed: int, sizes: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """Returns paired differences and their scenarios: so many sets in each."""
    rng = np.random.default_rng(seed)
    at = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(0.03, 0.1, len(sizes))[at] + rng.normal(0, 0.2, at.size), at


def cluster_ols(y: Array, x: Array, at: NDArray[np.int64], weights: Array | None = None) -> Any:
    """Fits statsmodels' OLS with the cluster-robust covariance CR1 and G - 1 degrees of freedom."""
    model = OLS(y, x) if weights is None else WLS(y, x, weights)
    return model.fit(cov_type="cluster", cov_kwds={"groups": at}, use_t=True)


@pytest.mark.parametrize("sizes", [[1] * 25, [3] * 25])
def test_statsmodels_cluster_robust_ols_has_the_error_and_interval_of_scenario_means(
    sizes: list[int],
) -> None:
    # CR1 is G/(G-1) (N-1)/(N-p); with the intercept alone, p = 1, G/(G-1) is left
    d, at = replicated(1, sizes)
    means = cluster_means([d], at)[0]
    theirs, ours = cluster_ols(d, np.ones((d.size, 1)), at), cluster_t(means)
    assert theirs.params[0] == pytest.approx(ours.estimate)
    assert theirs.bse[0] == pytest.approx(standard_error(means))
    assert theirs.conf_int()[0] == pytest.approx([ours.low, ours.high])


def test_statsmodels_weighted_by_scenario_agrees_where_scenarios_have_unequal_numbers() -> None:
    sizes = [1, 2, 3, 4, 5] * 5
    d, at = replicated(2, sizes)
    means = cluster_means([d], at)[0]
    theirs = cluster_ols(d, np.ones((d.size, 1)), at, 1 / np.array(sizes, dtype=float)[at])
    assert theirs.params[0] == pytest.approx(cluster_t(means).estimate)
    assert theirs.bse[0] == pytest.approx(standard_error(means))


def test_statsmodels_group_dummy_differs_by_its_second_parameter_alone() -> None:
    # answers ~ 1 + group: p = 2, so CR1 is larger by (N-1)/(N-2) in the variance
    rng = np.random.default_rng(3)
    other = rng.random((30, 4))
    own = other + rng.normal(0.04, 0.15, (30, 4))
    y, at = np.concatenate([own.ravel(), other.ravel()]), np.tile(np.repeat(np.arange(30), 4), 2)
    group = np.repeat([1.0, 0.0], 120)
    theirs = cluster_ols(y, np.column_stack([np.ones(240), group]), at)
    means = (own - other).mean(axis=1)
    assert theirs.params[1] == pytest.approx(means.mean())
    error = standard_error(means) * np.sqrt(239 / 238)
    assert theirs.bse[1] == pytest.approx(error)


@pytest.mark.parametrize("table", [CAVO, BENTUR, (10, 1, 9, 10), (5, 8, 8, 5), (0, 30, 14, 0)])
def test_statsmodels_exact_mcnemar_rejects_exactly_where_clopper_pearson_leaves_one_half(
    table: tuple[int, int, int, int],
) -> None:
    both, first, second, neither = table
    p = mcnemar([[both, first], [second, neither]], exact=True).pvalue
    for alpha in (0.01, 0.05, 0.10, p * 0.999, min(p * 1.001, 0.999)):
        low, high = clopper_pearson(first, first + second, alpha)
        assert (low > 0.5 or high < 0.5) == (p <= alpha)


def test_a_published_mcnemar_test_is_matched_by_clopper_pearson_and_by_sign_flips() -> None:
    # R: contingencytables, beside Fagerland, Lydersen and Laake (2017), Statistical Analysis of
    # Contingency Tables, chapter 8, on CAVO: exact P .052479, mid-P .034690, asymptotic P .033006
    low, high = clopper_pearson(6, 22, 0.052479)
    assert high == pytest.approx(0.5, abs=1e-5)
    assert low < 0.5
    flips = sign_flip([differences(CAVO)], rng=np.random.default_rng(4), resamples=99_999)
    # flips act on centred differences: not the exact conditional test, but near the other two
    assert flips.p[0] == pytest.approx(0.034690, abs=0.003)
    assert flips.p[0] == pytest.approx(0.033006, abs=0.003)


@pytest.mark.parametrize("table", [CAVO, BENTUR, (0, 30, 14, 0)])
def test_statsmodels_asymptotic_mcnemar_is_a_function_of_our_t(
    table: tuple[int, int, int, int],
) -> None:
    # chi^2 = (b - c)^2 / (b + c) takes the spread around zero, t around the mean
    both, first, second, neither = table
    theirs = mcnemar([[both, first], [second, neither]], exact=False, correction=False).statistic
    d = differences(table)
    t = sign_flip([d], rng=np.random.default_rng(0), resamples=99).t[0]
    assert theirs == pytest.approx(d.size * t**2 / (d.size - 1 + t**2))


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_statsmodels_cochran_q_is_made_of_the_contrasts_with_the_others(groups: int) -> None:
    # Q = (k - 1) K^2 sum_j mean(D_j)^2 / sum_ij D_ij^2 with D_j = group j minus mean of the others
    rng = np.random.default_rng(groups)
    answers = (rng.random((40, groups)) < np.linspace(0.3, 0.6, groups)).astype(float)
    index = pd.MultiIndex.from_arrays([np.arange(40)], names=["scenario"])
    value = pd.DataFrame(answers, index)
    seen = pd.DataFrame("measured", index, value.columns)
    d = np.array([
        difference(value[order], seen[order], (0.0, 1.0)).values
        for order in ([j, *(i for i in range(groups) if i != j)] for j in range(groups))
    ])  # fmt: skip
    ours = (groups - 1) * 40**2 * (d.mean(axis=1) ** 2).sum() / (d**2).sum()
    assert ours == pytest.approx(cochrans_q(answers).statistic)


def studentised(d: Array, axis: int = -1) -> Any:
    return np.mean(d, axis=axis) / stats.sem(d, axis=axis)


def test_scipy_flips_every_sign_and_finds_the_p_that_drawn_signs_find() -> None:
    # exact over 2^12 signs, on centred differences as `sign_flip` takes them
    d = np.random.default_rng(5).normal(0.06, 0.12, 12)
    every = stats.permutation_test(
        (d - d.mean(),),
        studentised,
        permutation_type="samples",
        n_resamples=10_000,
        vectorized=True,
    ).null_distribution
    assert every.size == 4096
    exact = (np.abs(every) >= abs(studentised(d))).mean()
    drawn = sign_flip([d], rng=np.random.default_rng(6), resamples=99_999).p[0]
    assert 0.01 < exact < 0.5
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact / 100_000))


@pytest.mark.parametrize("theta", [0.0, 0.02, 0.04])
def test_scipy_swaps_the_answers_of_each_pair_and_finds_nearly_the_same_p(theta: float) -> None:
    # it flips plain differences, we flip centred ones: equal as scenarios grow, 0.02 at 80
    rng = np.random.default_rng(7)
    other = rng.random(80)
    own = other + rng.normal(theta, 0.12, 80)
    theirs = stats.permutation_test(
        (own, other),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=9999, rng=rng,
    ).pvalue  # fmt: skip
    assert sign_flip([own - other], rng=rng).p[0] == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize("theta", [0.0, 0.02, -0.03, 0.06])
def test_pingouin_and_statsmodels_tost_end_where_the_ninety_percent_interval_does(
    theta: float,
) -> None:
    # p of TOST <= alpha exactly where the 1 - 2 alpha interval lies within the margin
    rng = np.random.default_rng(8)
    for k in (20, 60, 120):
        other = rng.random(k)
        own = other + rng.normal(theta, 0.12, k)
        p = float(pingouin.tost(own, other, bound=0.05, paired=True)["pval"].iloc[0])
        assert p == pytest.approx(ttost_paired(own, other, -0.05, 0.05)[0])
        for alpha in (0.01, 0.05, 0.2):
            i = cluster_t(own - other, 2 * alpha)
            assert (i.low >= -0.05 and i.high <= 0.05) == (p <= alpha)
        if p < 0.5:
            i = cluster_t(own - other, 2 * p)
            assert max(-i.low, i.high) == pytest.approx(0.05)


def test_a_pass_is_never_easier_than_tost_of_pingouin_and_as_easy_without_skewness() -> None:
    rng = np.random.default_rng(9)
    passed = tested = 0
    for _ in range(60):
        d = rng.normal(0.025, 0.12, 80).clip(-1, 1)
        p = float(pingouin.tost(d, 0, bound=0.05)["pval"].iloc[0])
        i = equivalence(d, margin=0.05)
        passed += (passes := i.low > -0.05 and i.high < 0.05)
        tested += p <= 0.05
        assert p <= 0.05 or not passes
    assert 10 < passed <= tested < 50
    even = np.concatenate([d - d.mean(), d.mean() - d]) + 0.02
    p = float(pingouin.tost(even, 0, bound=0.05)["pval"].iloc[0])
    i = equivalence(even, margin=0.05, alpha=p)
    assert i.high == pytest.approx(0.05)


def test_the_published_example_of_pingouin_is_reproduced() -> None:
    # pingouin.tost documentation: paired, bound 0.5: dof 5, p .954854
    a, b = [4, 7, 8, 6, 3, 2], [6, 8, 7, 10, 11, 9]
    assert pingouin.tost(a, b, bound=0.5, paired=True)["pval"].iloc[0] == pytest.approx(
        0.954854, abs=5e-7
    )
    i = cluster_t(np.subtract(a, b), 2 * (1 - 0.954854))  # 1 - p: the other end touches the bound
    assert i.high == pytest.approx(-0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [("Newcombe (1998), method 10", -0.1186, -0.0046), ("Tango (1998), score", -0.1240, -0.0054)],
)
def test_published_intervals_for_paired_proportions_are_near_ours(
    method: str, low: float, high: float
) -> None:
    # R: contingencytables, beside Fagerland, Lydersen and Laake (2017), chapter 8, on CAVO: 161
    # pairs, 22 discordant.
    # Ours is no score interval: within a tenth of the half width (0.0055) at either end.
    d = differences(CAVO)
    ours, half = cluster_t(d), (high - low) / 2
    assert ours.estimate == pytest.approx(-0.0621, abs=5e-5)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.1 * half), method
    wide = equivalence(d, margin=0.2, alpha=0.025)
    assert wide.low <= ours.low
    assert wide.high >= ours.high


def test_a_wald_interval_published_beside_them_is_ours_but_for_t_and_the_divisor() -> None:
    # R: contingencytables, the same chapter: Wald -0.1184 to -0.0058 with z and n; ours takes t(160) and n - 1
    d = differences(CAVO)
    ours = cluster_t(d)
    ratio = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 160) * np.sqrt(160 / 161)
    half = (ours.high - ours.low) / 2 * ratio
    wald = (ours.estimate - half, ours.estimate + half)
    assert wald == pytest.approx((-0.1184, -0.0058), abs=5e-5)


def test_rs_tango_interval_of_many_concordant_pairs_is_ours_to_three_decimals() -> None:
    # R: PropCIs::scoreci.mp(25, 28, 618, 0.90): -0.0148 to 0.0247
    ours = cluster_t(differences((300, 28, 25, 265)), 0.10)
    assert (ours.low, ours.high) == pytest.approx((-0.0148, 0.0247), abs=5e-4)


def test_the_few_pairs_of_a_published_table_get_a_wider_interval_and_no_pass() -> None:
    # Fagerland, Lydersen and Laake (2014), Stat. Med. 33:2850, table V, on BENTUR, n = 21 (as
    # R: ratesci cites it):
    # Tango -0.517 to -0.026; t is no score interval and 21 scenarios are few: 0.03 at either end
    d = differences(BENTUR)
    ours = cluster_t(d)
    assert (ours.low, ours.high) == pytest.approx((-0.517, -0.026), abs=0.03)
    bound = equivalence(d, margin=0.2, alpha=0.025)
    assert bound.method == "sparse bound"
    assert bound.low < -0.517
    assert bound.high > -0.026
    assert p_beyond(d, margin=0.2) > 0.05
