"""The jackknife against what it must equal, and where no spread can be seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from harness.stats.jackknife import jackknife

WIDE = (-100.0, 100.0)


def ratio(totals: NDArray[np.float64]) -> float:
    return float(totals[0] / totals[1]) if totals[1] else math.nan


def drawn(clusters: int, seed: int) -> NDArray[np.float64]:
    """Draws hits and answers of clusters of 5, whose rate is 0.3, and of 40, whose rate is 0.6."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([5, 40], clusters)
    return np.column_stack([rng.binomial(sizes, np.where(sizes == 5, 0.3, 0.6)), sizes])


def test_of_a_mean_it_is_the_t_interval() -> None:
    values = np.random.default_rng(1).normal(2, 3, 12)
    found = jackknife(np.column_stack([values, np.ones(12)]), ratio, limits=WIDE)
    expected = stats.t.interval(0.95, 11, loc=values.mean(), scale=stats.sem(values))
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(expected)


def test_of_a_ratio_it_is_the_delta_method_where_clusters_are_many() -> None:
    terms = drawn(400, 2)
    hits, sizes = terms.T
    rate = hits.sum() / sizes.sum()
    error = stats.sem((hits - rate * sizes) / sizes.mean())
    found = jackknife(terms, ratio, limits=(0, 1))
    half = stats.t.ppf(0.975, 399) * error
    assert found.estimate == pytest.approx(rate)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.01)


def test_it_holds_the_true_ratio_as_often_as_it_says() -> None:
    true = (5 * 0.3 + 40 * 0.6) / 45
    runs = 1000
    found = [jackknife(drawn(25, 10 + run), ratio, limits=(0, 1)) for run in range(runs)]
    held = sum(i.low <= true <= i.high for i in found)
    assert 0.92 * runs <= held <= 0.975 * runs


def test_a_statistic_of_the_other_sign_has_the_mirrored_interval() -> None:
    terms = drawn(20, 3)
    one = jackknife(terms, lambda t: 2 * ratio(t) - 1)
    other = jackknife(terms, lambda t: 1 - 2 * ratio(t))
    assert (other.estimate, other.low, other.high) == (-one.estimate, -one.high, -one.low)


def test_the_order_of_clusters_does_not_matter() -> None:
    terms = drawn(20, 4)
    one, other = (jackknife(each, ratio, limits=(0, 1)) for each in (terms, terms[::-1]))
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


@pytest.mark.parametrize(
    "terms",
    [
        [[1, 2]],  # one cluster
        [[1, 2], [0, 2]],  # too few
        [[1, 2]] * 10,  # equal
        [[2, 2]] * 10,  # equal, at the limit
        [[1, 2], [0, 0], [0, 0], [0, 0]],  # nothing is defined without the first
    ],
)
def test_where_no_spread_is_seen_the_width_is_that_of_a_bound(terms: list[list[int]]) -> None:
    found = jackknife(terms, ratio, limits=(0, 1))
    assert found.method == "Hoeffding bound"
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.high - found.low > 0.1


def test_more_equal_clusters_say_more() -> None:
    few, many = (jackknife([[1, 2]] * n, ratio, limits=(0, 1)) for n in (10, 100))
    assert many.high - many.low < few.high - few.low


def test_it_ends_at_the_limits() -> None:
    found = jackknife([[0, 2], [0, 2], [1, 2], [0, 2]], ratio, limits=(0, 1))
    assert (found.method, found.low) == ("jackknife", 0)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ([], "shape"),
        ([1.0, 2.0], "shape"),
        ([[0, 0], [0, 0], [0, 0]], "not defined"),
    ],
)
def test_nothing_to_estimate_is_an_error(terms: list[object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        jackknife(terms, ratio)  # type: ignore[arg-type]
