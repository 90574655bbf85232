"""Levels and p values of one look among several."""

import numpy as np
import pytest
from scipy import stats

from harness.stats.looks import Look
from harness.stats.spending import levels

FOUR = (0.25, 0.5, 0.75, 1.0)


def test_one_look_changes_nothing() -> None:
    assert Look().level(0.05) == 0.05
    assert [Look().total(p) for p in (0.0, 0.03, 1.0)] == [0.0, 0.03, 1.0]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("alpha", [1e-5, 0.001, 0.025, 0.05, 0.2])
def test_levels_are_those_of_the_spending_function(number: int, alpha: float) -> None:
    assert Look(number, FOUR).level(alpha) == pytest.approx(
        levels(FOUR, alpha)[number - 1], rel=0.003, abs=1e-13
    )


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.3])
def test_the_p_value_of_all_looks_inverts_the_level(number: int, alpha: float) -> None:
    look = Look(number, FOUR)
    assert look.total(2 * look.level(alpha / 2)) == pytest.approx(alpha, rel=1e-6)


def test_a_p_value_of_all_looks_is_never_the_smaller_one_and_rises_with_p() -> None:
    for number in (1, 2, 3, 4):
        found = [Look(number, FOUR).total(p) for p in (0, 1e-9, 1e-4, 0.01, 0.05, 0.3, 0.9, 1)]
        assert found == sorted(found)
        assert all(p <= t <= 1 for p, t in zip((0, 1e-9, 1e-4, 0.01, 0.05), found, strict=False))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="p must lie"):
        Look(1, FOUR).total(p)


@pytest.mark.parametrize("alpha", [0, 0.5, 1, float("nan")])
def test_what_is_no_level_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        Look(1, FOUR).level(alpha)


def test_stopping_at_the_first_small_p_value_errs_in_five_percent() -> None:
    """Simulation with known truth: theta = 0, normal differences, four looks at 120 clusters."""
    rng, runs = np.random.default_rng(3), 4_000
    d = rng.normal(0, 0.12, (runs, 120))
    naive, ours = np.zeros(runs, bool), np.zeros(runs, bool)
    for number in (1, 2, 3, 4):
        p = stats.ttest_1samp(d[:, : 30 * number], 0, axis=1).pvalue
        naive |= p <= 0.05
        ours |= np.array([Look(number, FOUR).total(value) <= 0.05 for value in np.atleast_1d(p)])
    assert naive.mean() > 0.10
    assert stats.binomtest(int(ours.sum()), runs).proportion_ci(0.99).low <= 0.05
    assert ours.mean() > 0.03
