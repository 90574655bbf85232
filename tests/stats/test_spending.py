from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.intervals import equivalence
from harness.stats.significance import fail_interval
from harness.stats.spending import boundaries, levels, spent

QUARTERS = [0.25, 0.5, 0.75, 1.0]
LOOKS = (30, 60, 90, 120)


def crossing(fractions: list[float], z: np.ndarray, runs: int, seed: int) -> np.ndarray:
    """Share of simulated paths that have crossed by each look."""
    steps = np.sqrt(np.diff(fractions, prepend=0.0))
    path = (np.random.default_rng(seed).normal(size=(runs, len(steps))) * steps).cumsum(axis=1)
    beyond = path / np.sqrt(fractions) >= z
    return np.asarray(np.maximum.accumulate(beyond, axis=1).mean(axis=0))


def outcomes(theta: float, runs: int, seed: int) -> tuple[float, float, float]:
    """Shares of PASS and FAIL by t quantiles at four looks, and the mean clusters used."""
    one, two = levels(QUARTERS, 0.05), levels(QUARTERS, 0.025)
    d = np.random.default_rng(seed).normal(theta, 0.12, (runs, LOOKS[-1]))
    state, used = np.zeros(runs), np.full(runs, LOOKS[-1])
    for k, a, b in zip(LOOKS, one, two, strict=True):
        mean, error = d[:, :k].mean(axis=1), d[:, :k].std(axis=1, ddof=1) / math.sqrt(k)
        passes = np.abs(mean) + stats.t.ppf(1 - a, k - 1) * error < 0.05
        fails = np.abs(mean) - stats.t.ppf(1 - b, k - 1) * error > 0.05
        new = (state == 0) & (passes | fails)
        state[new], used[new] = np.where(passes, 1, -1)[new], k
    return float(np.mean(state == 1)), float(np.mean(state == -1)), float(used.mean())


@pytest.mark.parametrize(
    ("fractions", "alpha", "published"),
    [
        # gsDesign: gsDesign(k = 4, test.type = 1, sfu = sfLDOF, alpha = 0.025)
        (QUARTERS, 0.025, [4.3326, 2.9631, 2.3590, 2.0141]),
        # gsDesign, looks at 50, 75 and 100 %: RConsortium/pharma-skills issue 27
        ([0.5, 0.75, 1.0], 0.025, [2.963, 2.359, 2.014]),
        # SeqBounds.jl, README: bounds([0.25, 0.5, 0.75, 1.0], 0.05)
        (QUARTERS, 0.05, [3.74955, 2.53993, 2.01604, 1.72014]),
    ],
)
def test_published_boundaries_are_reproduced(
    fractions: list[float], alpha: float, published: list[float]
) -> None:
    # the published grids are coarser than this one
    assert boundaries(fractions, alpha) == pytest.approx(published, abs=6e-4)


def test_published_spending_is_reproduced() -> None:
    # SeqBounds.jl, README
    expected = [8.85754e-5, 0.0055746, 0.0236251, 0.05]
    assert spent(QUARTERS, 0.05) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("fractions", [QUARTERS, [0.4, 1.0], [0.3, 0.35, 0.8, 1.0]])
@pytest.mark.parametrize("alpha", [0.05, 0.0005])
def test_the_normal_integral_over_all_looks_is_alpha(fractions: list[float], alpha: float) -> None:
    z = boundaries(fractions, alpha)
    t = np.array(fractions)
    joint = stats.multivariate_normal(
        cov=np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t)), seed=1
    )
    assert 1 - joint.cdf(z) == pytest.approx(alpha, rel=1e-3, abs=2e-5)


def test_each_look_spends_what_it_may_in_simulated_paths() -> None:
    fractions = [0.3, 0.5, 0.52, 0.9, 1.0]
    share = crossing(fractions, boundaries(fractions, 0.05), 400_000, 1)
    assert share == pytest.approx(spent(fractions, 0.05), abs=0.0012)


def test_one_look_is_the_plain_test() -> None:
    assert boundaries([1.0], 0.05) == pytest.approx([1.6448536])
    assert levels([1.0], 0.05) == pytest.approx([0.05])


def test_a_look_too_early_to_spend_anything_costs_nothing() -> None:
    z = boundaries([0.001, 0.5, 1.0], 0.05)
    assert z[0] == math.inf
    assert z[1:] == pytest.approx(boundaries([0.5, 1.0], 0.05), abs=1e-8)


def test_a_run_that_is_not_over_has_not_spent_all() -> None:
    assert (boundaries(QUARTERS[:2], 0.05) == boundaries(QUARTERS, 0.05)[:2]).all()
    assert spent([0.5], 0.05)[-1] < 0.006


def test_a_stricter_alpha_has_higher_boundaries() -> None:
    assert (boundaries(QUARTERS, 0.01) > boundaries(QUARTERS, 0.05)).all()


def test_verdicts_are_as_frequent_as_simulated_for_the_method() -> None:
    # METHOD section 5: PASS at delta .048, FAIL .027, PASS at 0 .995, mean 78 clusters
    passes, fails, _ = outcomes(0.05, 20_000, 2)
    assert passes == pytest.approx(0.049, abs=0.006)
    assert fails == pytest.approx(0.026, abs=0.005)
    passes, fails, used = outcomes(0.0, 20_000, 3)
    assert passes == pytest.approx(0.995, abs=0.003)
    assert fails == 0
    assert used == pytest.approx(78, abs=1)


def test_the_levels_fit_the_intervals_of_pass_and_fail() -> None:
    d = np.random.default_rng(4).normal(0.0, 0.03, 120)
    at, fail = levels(QUARTERS, 0.05)[-1], levels(QUARTERS, 0.025)[-1]
    assert equivalence(d, margin=0.05, alpha=float(at)).high < 0.05
    assert fail_interval(d, level_alpha=2 * float(fail)).high < 0.05


@pytest.mark.parametrize(
    "fractions",
    [[], [0.0, 1.0], [0.5, 0.5], [1.0, 0.5], [0.5, 1.1], [math.nan], [-0.5], [0.5, 0.501]],
)
def test_what_are_no_looks_is_refused(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match=r"looks|number|NaN"):
        boundaries(fractions, 0.05)


@pytest.mark.parametrize("alpha", [0.0, 0.5, math.nan])
def test_an_alpha_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        spent(QUARTERS, alpha)
