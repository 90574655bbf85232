from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from harness.stats.multiplicity import benjamini_hochberg, holm, holm_level
from harness.stats.significance import fail_interval, p_beyond

some_p = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=30)


@pytest.mark.parametrize("size", [1, 2, 7, 48])
def test_both_adjustments_agree_with_statsmodels(size: int) -> None:
    p = np.random.default_rng(size).random(size) ** 4
    p[size // 2 :] = p[size // 2]  # ties
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_a_published_example_is_reproduced() -> None:
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") and "BH"
    p = [0.01, 0.02, 0.03, 0.04, 0.05]
    assert holm(p) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert benjamini_hochberg(p) == pytest.approx([0.05] * 5)


@given(some_p)
def test_a_p_is_below_its_level_exactly_when_holm_rejects(p: list[float]) -> None:
    adjusted, level = holm(p), holm_level(p, 0.05)
    clear = np.abs(adjusted - 0.05) > 1e-9
    assert ((np.array(p) <= level) == (adjusted <= 0.05))[clear].all()
    assert (level <= 0.05 * (1 + 1e-12)).all()
    assert (level >= 0.05 / len(p) * (1 - 1e-12)).all()


@pytest.mark.parametrize("seed", range(10))
def test_the_interval_drawn_at_its_level_says_what_holm_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = [rng.normal(theta, 0.12, 80).clip(-1, 1) for theta in (0, 0.05, 0.08, 0.09, 0.1, -0.1)]
    cells += [np.ones(80), np.zeros(80), np.full(6, 0.9), np.full(7, -1.0)]
    p = [p_beyond(d, margin=0.05) for d in cells]
    rejected = holm(p) <= 0.05
    assert 0 < rejected.sum() < len(cells)
    for d, level, fails in zip(cells, holm_level(p, 0.05), rejected, strict=True):
        i = fail_interval(d, level_alpha=level)
        assert (i.low > 0.05 or i.high < -0.05) == fails


def test_a_p_of_zero_or_one_still_has_a_level() -> None:
    assert holm_level([0.0, 0.0, 1.0]) == pytest.approx([0.05 / 3, 0.05 / 3, 0.05])
    assert holm_level([1.0, 1.0]) == pytest.approx([0.025, 0.025])


def test_no_hypotheses_give_no_p_values() -> None:
    assert holm([]).size == holm_level([]).size == benjamini_hochberg([]).size == 0


@pytest.mark.parametrize("p", [[math.nan], [-0.1], [1.1], [math.inf], [[0.1]]])
def test_what_is_no_p_value_is_refused(p: list[float]) -> None:
    for adjust in (holm, holm_level, benjamini_hochberg):
        with pytest.raises(ValueError, match="p values"):
            adjust(p)
