from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from harness.stats import mixed
from harness.stats.intervals import cluster_t, standard_error
from harness.stats.mixed import random_intercept

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

# Davies and Goldsmith (1972), section 6.4: yield of dyestuff, six batches; lme4: Dyestuff
DYESTUFF = [
    [1545, 1440, 1440, 1520, 1580],
    [1540, 1555, 1490, 1560, 1495],
    [1595, 1550, 1605, 1510, 1560],
    [1445, 1440, 1595, 1465, 1545],
    [1595, 1630, 1515, 1635, 1625],
    [1520, 1455, 1450, 1480, 1445],
]


def drawn(
    rng: np.random.Generator, sizes: list[int], between: float, inside: float
) -> tuple[Array, Labels]:
    """Draws set differences of mean 0.03, so many in each scenario, and their scenarios."""
    at = np.repeat(np.arange(len(sizes)), sizes)
    d = 0.03 + rng.normal(0, between, len(sizes))[at] + rng.normal(0, inside, at.size)
    return d, at


def restricted(d: Array, at: Labels) -> tuple[float, float]:
    """Maximises the restricted likelihood over the ratio of variances, by its closed form."""
    sets = np.bincount(at)
    means = np.bincount(at, d) / sets
    inside = ((d - means[at]) ** 2).sum()

    def parts(ratio: float) -> tuple[Array, float, float]:
        weights = sets / (1 + sets * ratio)
        mean = float(weights @ means / weights.sum())
        variance = (inside + weights @ (means - mean) ** 2) / (d.size - 1)
        return weights, mean, float(variance)

    def loss(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        weights, _, variance = parts(ratio)
        rest = np.log(1 + sets * ratio).sum() + math.log(weights.sum())
        return float((d.size - 1) * math.log(variance) + rest)

    best = min(np.linspace(-20, 20, 400), key=loss)
    found = minimize_scalar(loss, bounds=(best - 0.2, best + 0.2), method="bounded")
    weights, mean, variance = parts(math.exp(float(found.x)))
    return mean, math.sqrt(variance / weights.sum())


def test_a_published_fit_is_reproduced() -> None:
    # R: lmer(Yield ~ 1 + (1 | Batch), Dyestuff): intercept 1527.50, standard error 19.38
    m = random_intercept(np.ravel(DYESTUFF), np.repeat(np.arange(6), 5))
    assert m is not None
    assert m.estimate == pytest.approx(1527.50)
    assert m.error == pytest.approx(19.38, abs=0.005)
    assert (m.method, m.converged) == ("REML", True)


@pytest.mark.parametrize("ratio", [1.0, 10.0, 1e3])
@pytest.mark.parametrize("sets", [2, 5])
def test_on_balanced_data_estimate_error_and_interval_are_ours(sets: int, ratio: float) -> None:
    d, at = drawn(np.random.default_rng(1), [sets] * 40, 0.1, 0.1 / ratio)
    means = d.reshape(40, sets).mean(axis=1)
    m, ours = random_intercept(d, at), cluster_t(means)
    assert m is not None
    assert m.estimate == pytest.approx(ours.estimate, abs=1e-6)
    assert m.error == pytest.approx(standard_error(means), rel=1e-4)
    assert (m.low, m.high) == pytest.approx((ours.low, ours.high), abs=1e-5)
    assert m.converged


@pytest.mark.parametrize("seed", range(6))
def test_on_unbalanced_data_it_is_the_maximum_of_the_restricted_likelihood(seed: int) -> None:
    # the error is of observed, not expected information: within 3 % at these sizes
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 30).tolist()
    d, at = drawn(rng, sizes, 0.1, float(rng.choice([0.03, 0.1, 0.3])))
    m, (mean, error) = random_intercept(d, at), restricted(d, at)
    assert m is not None
    assert m.estimate == pytest.approx(mean, abs=1e-4)
    assert m.error == pytest.approx(error, rel=0.03)


def test_on_unbalanced_data_it_stays_near_ours() -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        d, at = drawn(rng, rng.integers(1, 5, 40).tolist(), 0.1, 0.1)
        means = np.bincount(at, d) / np.bincount(at)
        m = random_intercept(d, at)
        assert m is not None
        assert abs(m.estimate - means.mean()) < 0.75 * standard_error(means)


def coverage(rng: np.random.Generator, runs: int) -> float:
    covered = 0
    for _ in range(runs):
        m = random_intercept(*drawn(rng, rng.integers(1, 5, 20).tolist(), 0.1, 0.15))
        assert m is not None
        covered += m.low <= 0.03 <= m.high
    return covered / runs


def test_with_noise_within_scenarios_it_covers_the_truth() -> None:
    assert coverage(np.random.default_rng(3), 60) >= 0.88


@pytest.mark.slow
def test_with_noise_within_scenarios_it_covers_the_truth_in_95_percent() -> None:
    assert 0.94 <= coverage(np.random.default_rng(4), 3000) <= 0.965


def test_one_set_a_scenario_is_least_squares_and_ours() -> None:
    d = np.random.default_rng(5).normal(0.03, 0.1, 25)
    m, ours = random_intercept(d, np.arange(25)), cluster_t(d)
    assert m is not None
    assert (m.estimate, m.low, m.high) == pytest.approx((ours.estimate, ours.low, ours.high))
    assert m.error == pytest.approx(standard_error(d))
    assert m.method == "least squares"


@pytest.mark.parametrize("noise", [0.0, 1e-15, 1e-9])
def test_sets_that_agree_within_each_scenario_say_no_more_than_one(noise: float) -> None:
    rng = np.random.default_rng(6)
    d = rng.normal(0, 0.1, 20)
    m = random_intercept(np.repeat(d, 3) + rng.normal(0, noise, 60), np.repeat(np.arange(20), 3))
    assert m is not None
    assert m.error == pytest.approx(standard_error(d), rel=1e-6)
    assert m.method == "least squares"


def test_scenarios_that_vary_less_than_their_sets_get_a_larger_error_than_ours() -> None:
    # the variance between is 0, so the error is that of all sets together: sd 1.0260, 20 sets
    m = random_intercept(np.tile([1.0, -1.0], 10), np.repeat(np.arange(10), 2))
    assert m is not None
    assert m.error == pytest.approx(np.sqrt(20 / 19) / np.sqrt(20), rel=1e-4)
    assert m.estimate == pytest.approx(0, abs=1e-9)


def test_a_single_flip_is_fitted_without_a_warning() -> None:
    m = random_intercept([1.0] + [0.0] * 14, np.repeat(np.arange(5), 3))
    assert m is not None
    assert m.estimate == pytest.approx(1 / 15)


def test_the_unit_does_not_matter() -> None:
    d, at = drawn(np.random.default_rng(7), [1, 2, 3] * 8, 0.1, 0.1)
    m, small = random_intercept(d, at), random_intercept(1e-6 * d, at)
    assert m is not None
    assert small is not None
    assert small.estimate == pytest.approx(1e-6 * m.estimate, rel=1e-6)
    assert small.error == pytest.approx(1e-6 * m.error, rel=1e-6)


@pytest.mark.parametrize(
    ("d", "at"),
    [([0.4], [0]), ([0.1, 0.3, 0.2], [7, 7, 7]), ([0.3] * 6, [0, 0, 1, 1, 2, 2]), ([0.0] * 4, [0, 1, 2, 3])],
)  # fmt: skip
def test_one_scenario_or_equal_differences_leave_nothing_to_fit(
    d: list[float], at: list[int]
) -> None:
    assert random_intercept(d, at) is None


@pytest.mark.parametrize("error", [math.nan, 0.0, math.inf])
def test_a_fit_that_cannot_tell_its_error_is_none(
    error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed, "_fit", lambda values, groups: (0.1, error, False))
    assert random_intercept([0.1, 0.2, 0.4, 0.3], [0, 0, 1, 1]) is None


@pytest.mark.parametrize("d", [[], [math.nan, 0.1], [math.inf, 0.1], [[0.1]]])
def test_what_is_no_set_of_differences_is_refused(d: list[float]) -> None:
    with pytest.raises(ValueError, match=r"number|NaN"):
        random_intercept(d, [0] * len(d))


def test_labels_and_levels_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="labels"):
        random_intercept([0.1, 0.2], [0, 1, 2])
    with pytest.raises(ValueError, match="alpha"):
        random_intercept([0.1, 0.2], [0, 1], alpha=1.0)
