from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from harness.stats import intervals, significance
from harness.stats.crossed import METHOD, Crossed, crossed, equivalence, fail_interval, p_beyond

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rows(
    rng: np.random.Generator,
    scenarios: int,
    name_sd: float,
    theta: float = 0.0,
    *,
    names: int = 20,
    groups: int = 2,
    sd: float = 0.12,
) -> Rows:
    """Four of a group's names in each scenario; scenarios differ in level and in the gap."""
    level = rng.normal(0.5, 0.2, (scenarios, 1))
    scenario = np.repeat(np.arange(scenarios), 4)
    found: list[Rows] = []
    for g in range(groups):
        gap = rng.normal(theta, sd, (scenarios, 1)) if g == 0 else 0.0
        pick = rng.random((scenarios, names)).argsort(axis=1)[:, :4]
        y = level + gap + rng.normal(0, name_sd, names)[pick] + rng.normal(0, 0.05, pick.shape)
        weight = (1.0 if g == 0 else -1 / (groups - 1)) / y.size
        found.append(
            (
                y.ravel(),
                np.full(y.size, weight),
                scenario,
                pick.ravel() + g * names,
                np.full(y.size, g),
            )
        )
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))  # type: ignore


def rates(scenarios: int, name_sd: float, runs: int, seed: int, names: int = 20) -> np.ndarray:
    """False PASS and FAIL at theta = margin, and rejections of a true zero by plain t."""
    rng = np.random.default_rng(seed)
    found = np.zeros((runs, 3))
    for run in found:
        c = crossed(*rows(rng, scenarios, name_sd, 0.05, names=names))
        inside = equivalence(c, margin=0.05)
        beyond = fail_interval(c, level_alpha=0.05)
        plain = stats.ttest_1samp(c.differences, 0.05).pvalue
        run[:] = (
            inside.low > -0.05 and inside.high < 0.05,
            beyond.low > 0.05 or beyond.high < -0.05,
            plain < 0.05,
        )
    return np.asarray(found.mean(axis=0))


def test_two_observations_a_scenario_and_a_name_each_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    pairs = rng.normal([0.6, 0.5], 0.1, (40, 2))
    k = np.repeat(np.arange(40), 2)
    c = crossed(
        pairs.ravel(), np.tile([1 / 40, -1 / 40], 40), k, np.arange(80), np.tile([0, 1], 40)
    )
    theirs = stats.ttest_rel(pairs[:, 0], pairs[:, 1])
    assert c.differences == pytest.approx(pairs[:, 0] - pairs[:, 1])
    # each name is one scenario and one cell, so V_name of both groups is twice V_scenario
    assert c.variance == pytest.approx(2 * stats.sem(c.differences) ** 2)
    assert c.estimate / math.sqrt(c.variance / 2) == pytest.approx(theirs.statistic)


def test_the_variance_is_that_of_two_way_clustering_elsewhere() -> None:
    # statsmodels: the paired differences on a constant, clustered by scenario and by name, without
    # corrections. The reference has two names of its own in each scenario; each shows half of V_scenario
    # once as a name, times 120 / 119, and once as a cell.
    rng = np.random.default_rng(2)
    scenario = np.repeat(np.arange(60), 8)
    name = rng.integers(0, 15, 480)
    gap = 0.03 + rng.normal(0, 0.1, 60)[scenario] + rng.normal(0, 0.1, 15)[name]
    fit = sm.OLS(gap, np.ones(480)).fit()
    both, by_scenario, by_name = (
        float(v.squeeze()) for v in cov_cluster_2groups(fit, scenario, name, use_correction=False)
    )
    by_cell = by_scenario + by_name - both
    c = crossed(
        np.concatenate([gap, np.zeros(120)]),
        np.repeat([1 / 480, -1 / 120], [480, 120]),
        np.concatenate([scenario, np.arange(120) // 2]),
        np.concatenate([name, 100 + np.arange(120)]),
        np.repeat([0, 1], [480, 120]),
    )
    assert c.estimate == pytest.approx(gap.mean())
    expected = by_scenario * 60 / 59 + by_name * 15 / 14 - by_cell + by_scenario / 2 / 119
    assert c.variance == pytest.approx(expected)


def test_what_makes_a_scenario_easy_for_all_is_no_spread_of_names() -> None:
    rng = np.random.default_rng(3)
    y, w, scenario, name, group = rows(rng, 60, 0.05)
    harder = y + rng.normal(0, 3, 60)[scenario]
    a, b = crossed(y, w, scenario, name, group), crossed(harder, w, scenario, name, group)
    assert (a.estimate, a.variance) == pytest.approx((b.estimate, b.variance))


@given(st.integers(0, 2**32), st.floats(-2, 2), st.floats(0.1, 3))
def test_shifts_scales_labels_and_order_change_nothing_else(
    seed: int, shift: float, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    y, w, scenario, name, group = rows(rng, 12, 0.1, groups=3, names=6)
    a = crossed(y, w, scenario, name, group)
    order = rng.permutation(y.size)
    b = crossed(*(x[order] for x in (scale * y + shift, w, 7 * scenario - 3, -name, 5 * group + 1)))
    assert b.estimate == pytest.approx(scale * a.estimate, abs=1e-9)
    assert b.variance == pytest.approx(scale**2 * a.variance)
    assert (b.freedom, b.limit, b.names) == (a.freedom, a.limit, a.names)


def test_swapped_groups_give_the_mirrored_interval() -> None:
    y, w, *labels = rows(np.random.default_rng(4), 80, 0.05, 0.04)
    a, b = crossed(y, w, *labels), crossed(y, -w, *labels)
    i, m = equivalence(a, margin=0.05), equivalence(b, margin=0.05)
    assert (m.low, m.high) == pytest.approx((-i.high, -i.low))
    assert p_beyond(a, margin=0.01) == pytest.approx(p_beyond(b, margin=0.01))


def test_names_limit_exactly_where_they_vary_more_than_scenarios() -> None:
    rng = np.random.default_rng(5)
    few = crossed(*rows(rng, 120, 0.1))
    assert (few.limit, few.freedom, few.names) == ("names", 19, 20)
    many = crossed(*rows(rng, 120, 0.0))
    assert (many.limit, many.freedom, many.names) == ("scenarios", 119, 20)


@pytest.mark.parametrize("name_sd", [0.0, 0.05, 0.1])
def test_the_variance_is_on_average_the_true_one(name_sd: float) -> None:
    rng = np.random.default_rng(6)
    found = [crossed(*rows(rng, 60, name_sd, groups=3)) for _ in range(400)]
    true = np.var([c.estimate for c in found])
    assert np.mean([c.variance for c in found]) == pytest.approx(true, rel=0.2)


def test_verdicts_at_the_margin_have_their_error_rate_and_plain_t_has_not() -> None:
    # METHOD section 8: ignoring names, 17 to 31 % false alarms
    passes, fails, plain = rates(60, 0.05, 600, 7)
    assert 0.02 <= passes <= 0.08
    assert 0.008 <= fails <= 0.045
    assert 0.12 <= plain <= 0.22


@pytest.mark.slow
@pytest.mark.parametrize("scenarios", [60, 120])
@pytest.mark.parametrize("name_sd", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("names", [20, 40])
def test_false_verdicts_stay_at_alpha_over_many_runs(
    scenarios: int, name_sd: float, names: int
) -> None:
    runs = 4000
    passes, fails, plain = rates(scenarios, name_sd, runs, scenarios + names, names)
    assert stats.binomtest(round(passes * runs), runs).proportion_ci(0.90).low <= 0.05
    assert stats.binomtest(round(fails * runs), runs).proportion_ci(0.90).low <= 0.025
    assert (plain > 0.08) == (name_sd > 0)


def test_equal_answers_count_as_often_as_names_were_drawn() -> None:
    y, w, *labels = rows(np.random.default_rng(8), 60, 0.0)
    refuses = crossed((w > 0) * 1.0, w, *labels)
    assert refuses.estimate == pytest.approx(1)
    assert p_beyond(refuses, margin=0.05) == pytest.approx(2 * 0.525**20)
    equal = crossed(np.zeros(y.size), w, *labels)
    assert p_beyond(equal, margin=0.05) == 1
    assert equivalence(equal, margin=0.1).method == "sparse bound"


def test_names_only_ever_widen_what_scenarios_allow() -> None:
    rng = np.random.default_rng(9)
    for name_sd in (0.0, 0.03, 0.2):
        c = crossed(*rows(rng, 80, name_sd, 0.02))
        plain = intervals.equivalence(c.differences, margin=0.05)
        found = equivalence(c, margin=0.05)
        assert found.low <= plain.low
        assert found.high >= plain.high
        one = significance.p_beyond(c.differences, margin=0.001)
        assert p_beyond(c, margin=0.001) >= one
    assert found.method == METHOD


@given(st.integers(0, 2**32), st.floats(0, 0.3), st.floats(0.001, 0.2), st.floats(0.001, 0.1))
def test_the_interval_lies_beyond_the_margin_exactly_when_p_is_small(
    seed: int, theta: float, margin: float, level: float
) -> None:
    c = crossed(*rows(np.random.default_rng(seed), 30, 0.05, theta))
    p = p_beyond(c, margin=margin)
    i = fail_interval(c, level_alpha=level)
    if abs(p - level) > 1e-6 * level:
        assert (i.low > margin or i.high < -margin) == (p <= level)


@pytest.mark.parametrize("lone", ["names", "scenarios"])
def test_one_name_or_one_scenario_says_no_more_than_the_limits(lone: str) -> None:
    y, w, scenario, name, group = rows(np.random.default_rng(10), 60, 0.0)
    name = group if lone == "names" else name
    keep = scenario < (60 if lone == "names" else 1)
    c = crossed(y[keep], w[keep], scenario[keep], name[keep], group[keep])
    assert c.limit == lone
    i = equivalence(c, margin=0.05)
    assert (i.low, i.high) == (-1, 1)
    assert p_beyond(c, margin=0.0) == 1
    assert fail_interval(c, level_alpha=0.05).low == -1


def test_a_name_in_two_groups_is_refused() -> None:
    y, w, scenario, name, group = rows(np.random.default_rng(11), 5, 0.0)
    with pytest.raises(ValueError, match="one group"):
        crossed(y, w, scenario, name % 20, group)


def test_a_scenario_that_lacks_a_group_is_refused() -> None:
    columns = [x[:-4] for x in rows(np.random.default_rng(12), 5, 0.0)]
    with pytest.raises(ValueError, match="in every scenario"):
        crossed(*columns)


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.5, -0.4], [0.0, 0.0]])
def test_weights_that_are_no_contrast_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="in every scenario"):
        crossed([0.1, 0.2], weights, [0, 0], [0, 1], [0, 1])


@pytest.mark.parametrize("labels", [[0], [0.0, 0.5], [[0, 0]]])
def test_labels_that_are_none_are_refused(labels: list[float]) -> None:
    with pytest.raises(ValueError, match="labels"):
        crossed([0.1, 0.2], [1.0, -1.0], labels, [0, 1], [0, 1])


@pytest.mark.parametrize("values", [[], [math.nan, 0.0], [math.inf, 0.0]])
def test_what_is_no_measured_value_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"number|NaN"):
        crossed(values, [1.0, -1.0], [0, 0], [0, 1], [0, 1])


def test_a_level_outside_its_range_is_refused() -> None:
    c = Crossed(np.zeros(3), 0.0, 0.01, 2, 3, "names")
    with pytest.raises(ValueError, match="alpha"):
        equivalence(c, margin=0.05, alpha=0.5)
    with pytest.raises(ValueError, match="alpha"):
        fail_interval(c, level_alpha=0.0)
