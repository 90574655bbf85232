from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy.stats import binomtest

from harness.stats._arrays import Array
from harness.stats.intervals import supports_t
from harness.stats.joint import max_t
from harness.stats.multiplicity import holm
from harness.stats.significance import fail_interval, p_beyond

MARGIN = 0.05


Cells = Sequence[Array]
Names = Sequence[Sequence[Hashable]]


def family(
    cells: Cells, names: Names | None = None, seed: int = 0, margin: float = MARGIN, **more: Any
) -> tuple[Array, Array]:
    """Adjusts cells that share their first clusters, unless names say otherwise."""
    p = [p_beyond(d, margin=margin) if len(d) else 1.0 for d in cells]
    given: dict[str, Any] = {"p": p, "rng": np.random.default_rng(seed)}
    named = names or [range(len(d)) for d in cells]
    return max_t(cells, named, margins=[margin] * len(cells), **given | more)


def correlated(rng: np.random.Generator, theta: Array, rho: float, clusters: int = 60) -> Array:
    """Draws cells with one spread and one correlation: shape (cells, clusters)."""
    shared = rng.normal(size=(1, clusters)) * np.sqrt(rho)
    own = rng.normal(size=(theta.size, clusters)) * np.sqrt(1 - rho)
    cells: Array = np.clip(theta[:, None] + 0.12 * (shared + own), -1, 1)
    return cells


TINY = 0.14
"""The margin of the tiny family."""


def tiny() -> tuple[Cells, Names]:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.03, 14)
    cells = [noise[:12] + 0.15, rng.normal(0.16, 0.03, 14), -noise[1:] - 0.15]
    assert all(supports_t(d) for d in cells)
    return cells, ["abcdefghijkl", "abcdefghijklmn", "bcdefghijklmn"]


def t_of(d: Sequence[float], null: float) -> float:
    """The one-sample t of |mean| against a null, in plain Python."""
    return (abs(sum(d) / len(d)) - null) / error_of(d)


def error_of(d: Sequence[float]) -> float:
    n, mean = len(d), sum(d) / len(d)
    variance: float = sum((x - mean) ** 2 for x in d) / (n - 1)
    return math.sqrt(variance / n)


def skewed_t_of(d: Sequence[float], null: float) -> float:
    """The t at which |mean| - t SE, less Johnson's term where it pulls inward, is the null."""
    n, mean, error = len(d), sum(d) / len(d), error_of(d)
    away = math.copysign(1, mean)
    third, second = (sum((x - mean) ** power for x in d) for power in (3, 2))
    inward = min(0.0, away * third / second) / (6 * n)

    def end(t: float) -> float:
        return abs(mean) - t * error + inward * (1 + 2 * t * t) - null

    return float(optimize.brentq(end, 0, 1000))


def by_hand(cells: Cells, names: Names, signs: Iterable[Sequence[int]]) -> list[list[bool]]:
    """Says for each draw of signs and each cell whether the largest |t| reaches the cell's own."""
    reached = []
    for drawn in signs:
        sign = dict(zip("abcdefghijklmn", drawn, strict=True))
        flipped = [
            [(x - d.mean()) * sign[str(name)] for x, name in zip(d, of, strict=True)]
            for d, of in zip(cells, names, strict=True)
        ]
        largest = max(t_of(d, 0.0) for d in flipped)
        reached.append([largest >= skewed_t_of(d.tolist(), TINY) for d in cells])
    return reached


def test_a_tiny_family_equals_the_definition_written_out() -> None:
    draws = 400
    adjusted, _ = family(*tiny(), seed=3, margin=TINY, resamples=draws)
    signs = 2.0 * np.random.default_rng(3).integers(0, 2, (draws, 14), dtype=np.int8) - 1
    reached = np.array(by_hand(*tiny(), signs.tolist()))
    assert adjusted.tolist() == ((1 + reached.sum(axis=0)) / (1 + draws)).tolist()
    assert len(set(adjusted)) == 3
    assert adjusted.max() < 1


@pytest.mark.slow
def test_many_draws_come_near_to_all_the_signs_there_are() -> None:
    exact = np.array(by_hand(*tiny(), product([1, -1], repeat=14))).mean(axis=0)
    adjusted, _ = family(*tiny(), margin=TINY, resamples=40_000)
    assert adjusted == pytest.approx(exact, abs=0.01)


def test_one_cell_is_the_t_test_against_the_margin() -> None:
    for seed in range(5):
        d = np.random.default_rng(seed).normal(0.08, 0.12, 80)
        adjusted, level = family([d])
        assert adjusted[0] == pytest.approx(p_beyond(d, margin=MARGIN), abs=0.01)
        assert level[0] == pytest.approx(0.05, abs=0.008)


def test_cells_that_say_the_same_count_once() -> None:
    d = np.random.default_rng(1).normal(0.08, 0.12, 80)
    one, twenty = family([d]), family([d] * 20)
    assert twenty[0].tolist() == [one[0][0]] * 20
    assert twenty[1] == pytest.approx(one[1][0])


def test_cells_of_other_scenarios_count_each() -> None:
    cells = list(np.random.default_rng(2).normal(0.08, 0.12, (8, 120)))
    apart = [[(n, k) for k in range(120)] for n in range(8)]
    adjusted, level = family(cells, apart)
    alone = np.array([p_beyond(d, margin=MARGIN) for d in cells])
    sidak = 1 - (1 - alone) ** 8
    assert adjusted == pytest.approx(sidak, abs=0.03)
    assert level == pytest.approx(1 - 0.95 ** (1 / 8), rel=0.2)


def test_cells_that_move_together_pay_less_than_under_holm() -> None:
    cells = list(correlated(np.random.default_rng(3), np.full(20, 0.09), 0.9))
    adjusted, level = family(cells)
    smallest = holm([p_beyond(d, margin=MARGIN) for d in cells]).min()
    assert adjusted.min() < smallest
    assert level.min() > 2 * 0.05 / 20


@pytest.mark.parametrize("seed", range(8))
def test_the_interval_drawn_at_its_level_says_what_the_adjusted_p_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    theta = np.array([0, 0.05, 0.08, 0.09, 0.1, -0.1, 0.12, -0.15])
    cells = [*correlated(rng, theta, 0.5, 80), np.ones(80), np.zeros(80), np.full(7, -1.0)]
    adjusted, levels = family(cells, seed=seed)
    assert 0 < (adjusted <= 0.05).sum() < len(cells)
    for d, p, level in zip(cells, adjusted, levels, strict=True):
        found = fail_interval(d, level_alpha=level)
        assert (found.low > MARGIN or found.high < -MARGIN) == (p <= 0.05)


def test_a_spread_that_supports_no_t_keeps_bonferroni_and_leaves_the_rest() -> None:
    noisy = np.random.default_rng(4).normal(0.1, 0.12, 60)
    few = np.ones(60)
    adjusted, level = family([noisy, few])
    alone, _ = family([noisy])
    assert adjusted[1] == min(1.0, 2 * p_beyond(few, margin=MARGIN))
    assert level[1] == 0.025
    assert adjusted[0] == pytest.approx(2 * alone[0])
    assert level[0] == pytest.approx(0.025, abs=0.004)


def test_a_cell_that_cannot_fail_still_counts() -> None:
    cells = list(np.random.default_rng(6).normal(0.08, 0.12, (2, 60)))
    apart = [[(n, k) for k in range(60)] for n in range(2)]
    p = [p_beyond(d, margin=MARGIN) for d in cells]
    both, void = family(cells, apart), family(cells, apart, p=[p[0], 1.0])
    alone = family(cells[:1])
    assert void[0][1] == 1.0
    assert void[0][0] == both[0][0] > alone[0][0]
    assert void[1].tolist() == both[1].tolist()


def test_within_the_margin_nothing_fails_however_many_cells() -> None:
    adjusted, _ = family(list(np.random.default_rng(7).normal(0.0, 0.12, (30, 60))))
    assert adjusted.tolist() == [1.0] * 30


def test_equal_empty_and_single_differences_have_a_p_of_one_or_their_bound() -> None:
    adjusted, level = family([np.zeros(60), np.array([]), np.array([0.9])])
    assert adjusted.tolist() == [1.0, 1.0, 1.0]
    assert level == pytest.approx([0.05 / 3] * 3)
    nothing, none = family([])
    assert nothing.size == none.size == 0


def test_a_family_gets_the_draws_that_it_needs() -> None:
    d = np.random.default_rng(8).normal(0.3, 0.12, 60)
    adjusted, level = family([d, *[np.zeros(60)] * 50], resamples=1)
    assert adjusted[0] <= 0.05
    assert level[0] > 0


def test_a_largest_t_without_end_leaves_an_interval_that_excludes_nothing() -> None:
    d = np.tile([0.2, 0.4], 6)  # one draw in 2,048 makes all deviations equal
    adjusted, level = family([d, *[np.zeros(60)] * 99], seed=1)
    found = fail_interval(d, level_alpha=level[0])
    assert (found.low > MARGIN) == (adjusted[0] <= 0.05)


def test_the_same_seed_gives_the_same_answer() -> None:
    one, two = (family(*tiny(), seed=9, margin=TINY) for _ in range(2))
    assert one[0].tolist() == two[0].tolist()
    assert one[1].tolist() == two[1].tolist()


@pytest.mark.parametrize("alpha", [0.0, 1.0, float("nan")])
def test_a_level_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        family([np.zeros(9)], alpha=alpha)


def test_names_must_fit_their_cells() -> None:
    d = np.random.default_rng(8).normal(0.3, 0.12, 60)
    with pytest.raises(ValueError, match=r"shape|assign|broadcast"):
        family([d], [range(59)])


def failures(
    seed: int, runs: int, theta: Array, rho: float, clusters: int, draws: int
) -> tuple[int, int]:
    """Counts the runs in which any cell fails, by the largest |t| and by Holm."""
    rng = np.random.default_rng(seed)
    joint = steps = 0
    for _ in range(runs):
        cells = correlated(rng, theta, rho, clusters)
        p = [p_beyond(d, margin=MARGIN) for d in cells]
        adjusted, _ = family(list(cells), p=p, rng=rng, resamples=draws)
        joint += bool((adjusted <= 0.05).any())
        steps += bool((holm(p) <= 0.05).any())
    return joint, steps


def test_false_failures_of_a_family_are_not_more_than_alpha() -> None:
    joint, _ = failures(10, 250, np.full(20, MARGIN), 0.5, 60, 199)
    assert binomtest(joint, 250).proportion_ci(0.98).low <= 0.05


def test_what_moves_together_is_found_more_often_than_by_holm() -> None:
    theta = np.where(np.arange(20) < 2, 0.1, 0.0)
    joint, steps = failures(11, 200, theta, 0.8, 60, 499)
    assert joint >= steps
    assert joint > 100


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("clusters", [30, 120])
def test_false_failures_of_a_family_stay_below_alpha_over_many_runs(
    rho: float, clusters: int
) -> None:
    # every cell at the margin: the worst case that H0 allows
    joint, _ = failures(12, 4000, np.full(20, MARGIN), rho, clusters, 999)
    assert binomtest(joint, 4000).proportion_ci(0.95).high <= 0.06


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_a_family_is_no_weaker_than_under_holm_over_many_runs(rho: float) -> None:
    for failing in (1, 5, 20):
        theta = np.where(np.arange(20) < failing, 0.09, 0.0)
        joint, steps = failures(13, 2000, theta, rho, 60, 1999)
        assert joint >= steps - 10  # sign draws are few where a family's share is small
