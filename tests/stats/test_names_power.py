"""Power with names as a second random factor, against a crossed design that is simulated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.stats.names_power import (
    _tost,
    names_fail_power,
    names_pass_power,
    needed_beside,
    needed_names,
    needed_with_names,
)  # fmt: skip


@pytest.mark.parametrize(("cv", "n", "expected"), [(0.3, 40, 0.815845), (0.4, 66, 0.805252)])
def test_the_power_of_two_one_sided_tests_is_that_of_bioequivalence(
    cv: float, n: int, expected: float
) -> None:
    # R: PowerTOST::sampleN.TOST(CV = 0.3), (CV = 0.4): theta0 0.95, 2x2 crossover, n - 2 df
    error = math.sqrt(math.log(1 + cv**2) * 2 / n)
    power = _tost(error, n - 2, math.log(1.25), -math.log(0.95), 0.05)
    assert power == pytest.approx(expected, abs=5e-4)


def crossed(
    k: int, n: int, sd: float, name_sd: float, runs: int, seed: int
) -> tuple[float, float, float]:
    """Rates of PASS at theta = 0 and at the margin of .05, and of FAIL at twice the margin.

    V = V_scenario + V_name - V_cell, never below the larger of the first two.
    """
    rng = np.random.default_rng(seed)
    scenarios = rng.normal(0, sd, (runs, k, 1))
    names = rng.normal(0, name_sd, (2, runs, 1, n))
    d = scenarios + names[0] - names[1] + rng.normal(0, 0.1, (runs, k, n))
    rows, columns, mean = d.mean(axis=2), d.mean(axis=1), d.mean(axis=(1, 2))
    rest = d - rows[:, :, None] - columns[:, None, :] + mean[:, None, None]
    of_scenarios, of_names = rows.var(axis=1, ddof=1) / k, columns.var(axis=1, ddof=1) / n
    of_cells = (rest**2).sum(axis=(1, 2)) / ((k - 1) * (n - 1)) / (k * n)
    largest = np.maximum(of_scenarios, of_names)
    error = np.sqrt(np.maximum(of_scenarios + of_names - of_cells, largest))
    degrees = np.where(of_names >= of_scenarios, n, k) - 1
    half = stats.t.ppf(0.95, degrees) * error
    inside = np.abs(mean) + half < 0.05
    at_margin = np.abs(mean + 0.05) + half < 0.05
    wide = stats.t.ppf(0.975, degrees) * error
    fails = mean + 0.10 - wide > 0.05
    return float(inside.mean()), float(at_margin.mean()), float(fails.mean())


@pytest.mark.parametrize(("k", "n"), [(60, 20), (60, 40), (120, 20)])
def test_power_is_within_three_points_of_a_crossed_design(k: int, n: int) -> None:
    passes, false, fails = crossed(k, n, 0.06, 0.05, 1500, seed=k + n)
    assert names_pass_power(0.06, k, 0.05, n, 0.05) == pytest.approx(passes, abs=0.03)
    assert names_fail_power(0.06, k, 0.05, n, 0.05, 0.1) == pytest.approx(fails, abs=0.03)
    assert false <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("name_sd", [0.03, 0.05, 0.08])
@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("k", [60, 120, 240])
def test_power_with_names_is_within_three_points_over_a_grid(
    k: int, n: int, name_sd: float
) -> None:
    sd = 0.06
    if 2 * name_sd**2 / n < 2 * sd**2 / k:
        pytest.skip("names do not dominate")
    found = [crossed(k, n, sd, name_sd, 400, seed=1000 * run + k + n) for run in range(20)]
    passes, false, fails = np.mean(found, axis=0)
    assert names_pass_power(sd, k, name_sd, n, 0.05) == pytest.approx(passes, abs=0.03)
    assert names_fail_power(sd, k, name_sd, n, 0.05, 0.1) == pytest.approx(fails, abs=0.03)
    assert false <= 0.06


@pytest.mark.parametrize("contrasts", [1, 16, 430])
def test_the_first_guess_of_the_method_is_near_and_never_above(contrasts: int) -> None:
    z = stats.norm.ppf(0.95) + stats.norm.ppf(1 - 0.2 / 2 / contrasts)
    guess = 2 * z**2
    plan = needed_names(0.05, 0.05, contrasts=contrasts)
    assert plan is not None
    assert guess <= plan <= guess + 8


def test_so_many_names_have_the_power_and_one_less_has_not() -> None:
    for contrasts in (1, 16):
        plan = needed_names(0.05, 0.05, contrasts=contrasts)
        assert plan is not None
        joint = 1 - 0.2 / contrasts
        assert names_pass_power(0, 10**9, 0.05, plan, 0.05) >= joint
        assert names_pass_power(0, 10**9, 0.05, plan - 1, 0.05) < joint


def test_no_number_of_scenarios_makes_up_for_names() -> None:
    few = [names_pass_power(0.12, k, 0.05, 5, 0.05) for k in (60, 600, 60_000, 10**9)]
    assert few == sorted(few)
    assert few[-1] < 0.2


def test_scenarios_are_planned_for_the_names_that_there_are() -> None:
    names = needed_names(0.05, 0.05)
    assert names is not None
    assert needed_with_names(0.12, 0.05, names - 1, 0.05) is None
    plan = needed_with_names(0.12, 0.05, names + 5, 0.05)
    assert plan is not None
    assert names_pass_power(0.12, plan, 0.05, names + 5, 0.05) >= 0.8
    assert names_pass_power(0.12, plan - 1, 0.05, names + 5, 0.05) < 0.8


def test_names_at_the_extremes() -> None:
    assert [names_fail_power(0, 60, 0, n, 0.05, 0.1) for n in (0, 1, 2)] == [0, 0, 1]
    assert names_fail_power(0, 60, 0, 2, 0.05, 0.05) == 0
    assert [names_fail_power(0.1, k, 0.1, 20, 0.05, 0.1) for k in (0, 1)] == [0, 0]
    assert names_pass_power(0, 60, 0, 2, 0.05) == 1
    assert names_pass_power(0, 60, 0, 2, 0.05, 0.05) == 0
    assert [names_pass_power(0.1, k, 0.1, 20, 0.05) for k in (0, 1, 58)] == [0, 0, 0]
    assert [names_pass_power(0.1, 600, 0.1, n, 0.05) for n in (0, 1)] == [0, 0]
    assert needed_names(0, 0.05) == 2
    assert needed_names(0.05, 0.05, 0.05) is None
    assert names_pass_power(0.12, 600, 0, 20, 0.05) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("name_sd", "contrasts", "what"),
    [(-1, 1, "0 or more"), (math.nan, 1, "0 or more"), (1, 0, "1")],
)
def test_an_impossible_number_of_names_is_refused(
    name_sd: float, contrasts: int, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        needed_names(name_sd, 0.05, contrasts=contrasts)


def test_what_a_run_saw_of_names_settles_by_the_same_powers() -> None:
    floor = 2 * 0.05**2 / 60
    assert needed_beside(floor, 0.12, 60, 0.05, 0.0) == needed_with_names(0.12, 0.05, 60, 0.05)
    assert needed_beside(2 * 0.05**2 / 15, 0.12, 15, 0.05, 0.0) is None
    far = needed_beside(floor, 0.12, 60, 0.05, -0.12)
    assert far is not None
    assert names_fail_power(0.12, far, 0.05, 60, 0.05, 0.12) >= 0.8
    assert names_fail_power(0.12, far - 1, 0.05, 60, 0.05, 0.12) < 0.8


@pytest.mark.parametrize(("floor", "names"), [(math.inf, 20), (0.0, 1), (0.0, 0)])
def test_one_name_settles_nothing(floor: float, names: int) -> None:
    assert needed_beside(floor, 0.12, names, 0.05, 0.0) is None
