from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from harness.stats.pooling import partial_pooling

# Colditz et al. (1994): tuberculosis with and without the BCG vaccine; metafor: dat.bcg
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ]
)
# Rubin (1981): coaching in eight schools
SCHOOLS = ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])


def test_the_published_variance_between_trials_is_reproduced() -> None:
    # R: rma(measure = "RR", tpos, tneg, cpos, cneg, data = dat.bcg): tau^2 0.3132, b -0.7145
    a, b, c, d = BCG.T
    y = np.log(a / (a + b) / (c / (c + d)))
    p = partial_pooling(y, np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)))
    assert p.variance == pytest.approx(0.3132, abs=5e-5)
    assert p.mean == pytest.approx(-0.7145, abs=5e-5)


def test_eight_schools_differ_no_more_than_their_errors() -> None:
    # R: rma(y, sei = sigma): tau^2 0, b 7.6856
    p = partial_pooling(*SCHOOLS)
    assert p.variance == 0
    assert p.mean == pytest.approx(7.6856, abs=5e-5)
    assert p.shrinkage == pytest.approx([5 / 7] * 8)
    assert p.estimates == pytest.approx(
        [13.49, 7.78, 4.63, 7.49, 5.20, 5.78, 10.63, 8.92], abs=0.01
    )


def test_at_equal_errors_the_variance_is_that_of_meta_analysis_elsewhere() -> None:
    # with equal errors REML, DerSimonian-Laird and Paule-Mandel are one
    y = np.random.default_rng(1).normal(0.1, 0.2, 12)
    p = partial_pooling(y, np.full(12, 0.1))
    theirs = combine_effects(y, np.full(12, 0.01), method_re="dl")
    assert p.variance == pytest.approx(theirs.tau2, rel=1e-5)
    assert p.mean == pytest.approx(theirs.mean_effect_re)


def test_at_equal_errors_the_shrinkage_is_that_of_efron_and_morris() -> None:
    # Efron and Morris (1975): (k - 3) V / sum (y - mean)^2
    y = np.random.default_rng(2).normal(0, 0.3, 18)
    p = partial_pooling(y, np.full(18, 0.1))
    assert p.shrinkage == pytest.approx([15 * 0.01 / ((y - y.mean()) ** 2).sum()] * 18, rel=1e-5)


@pytest.mark.parametrize("cells", [4, 8, 40])
@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0, 3.0])
def test_intervals_cover_on_average_and_estimates_err_less(cells: int, ratio: float) -> None:
    rng = np.random.default_rng(3)
    runs = 1600 // cells
    covered, pooled, raw = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    for run in range(runs):
        errors = rng.uniform(0.03, 0.2, cells)
        true = rng.normal(0.02, 0.1 * ratio, cells)
        y = rng.normal(true, errors)
        p = partial_pooling(y, errors)
        covered[run] = np.mean((p.low < true) & (true < p.high))
        pooled[run], raw[run] = np.mean((p.estimates - true) ** 2), np.mean((y - true) ** 2)
    assert covered.mean() > 0.93
    assert pooled.mean() < raw.mean()


def test_cells_are_drawn_in_more_the_less_they_know() -> None:
    p = partial_pooling([0.3, 0.3, -0.1, 0.0, 0.1, -0.2], [0.05, 0.3, 0.1, 0.1, 0.1, 0.1])
    assert p.shrinkage[1] > p.shrinkage[0]
    assert p.mean < p.estimates[1] < p.estimates[0] < 0.3


@pytest.mark.parametrize("cells", [1, 2, 3])
def test_fewer_than_four_cells_stay_as_they_are(cells: int) -> None:
    y, errors = [0.1, -0.2, 0.4][:cells], [0.1] * cells
    p = partial_pooling(y, errors)
    assert p.estimates == pytest.approx(y)
    assert p.high - p.low == pytest.approx([2 * 1.959964 * 0.1] * cells)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=1, max_size=30),
    st.floats(0.1, 10),
)
def test_units_signs_and_order_change_nothing_else(
    cells: list[tuple[float, float]], scale: float
) -> None:
    y, errors = np.array(cells).T
    p = partial_pooling(y, errors)
    q = partial_pooling(-scale * y[::-1], scale * errors[::-1])
    assert q.estimates == pytest.approx(-scale * p.estimates[::-1], abs=1e-4 * scale)
    assert q.low == pytest.approx(-scale * p.high[::-1], abs=1e-3 * scale)
    assert ((p.shrinkage >= 0) & (p.shrinkage <= 1)).all()
    assert (p.low < p.high).all()


def test_equal_cells_have_no_variance_between_them() -> None:
    p = partial_pooling([0.1] * 6, [0.05] * 6)
    assert p.variance == 0
    assert p.estimates == pytest.approx([0.1] * 6)


def test_an_enormous_variance_between_cells_leaves_them_alone() -> None:
    y = np.array([-100.0, 50.0, 3.0, 80.0, -60.0])
    p = partial_pooling(y, np.full(5, 1e-3))
    assert p.estimates == pytest.approx(y)
    assert p.variance == pytest.approx(np.var(y, ddof=1), rel=1e-3)


@pytest.mark.parametrize(
    ("y", "errors"),
    [([], []), ([math.nan], [0.1]), ([0.1], [math.inf]), ([0.1], [0.0]), ([0.1], [0.1, 0.1])],
)
def test_what_are_no_cells_is_refused(y: list[float], errors: list[float]) -> None:
    with pytest.raises(ValueError, match=r"number|NaN|errors"):
        partial_pooling(y, errors)


def test_a_level_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        partial_pooling([0.1], [0.1], 1.0)
