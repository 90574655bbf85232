from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from harness.stats.binomial import clopper_pearson, exact_lower, exact_upper, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 160), (0, 1)])
def test_both_intervals_agree_with_scipy(k: int, n: int) -> None:
    for mine, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        theirs = binomtest(k, n).proportion_ci(0.95, method)  # type: ignore[arg-type]
        assert mine(k, n, 0.05) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_published_intervals_are_reproduced() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857, table I: 81/263 and 15/148.
    assert clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert clopper_pearson(15, 148) == pytest.approx((0.0578, 0.1617), abs=5e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_nothing_seen_is_the_closed_form_and_not_zero() -> None:
    assert exact_upper(0, 59, 0.05) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert exact_lower(0, 59, 0.05) == 0
    assert exact_upper(59, 59, 0.05) == 1


@given(st.integers(1, 300), st.data())
def test_one_sided_bounds_leave_alpha_beyond_them(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    if k < n:
        assert binom.cdf(k, n, exact_upper(k, n, 0.05)) == pytest.approx(0.05)
    assert exact_lower(k, n, 0.05) == pytest.approx(1 - exact_upper(n - k, n, 0.05))


@pytest.mark.parametrize(("k", "n", "alpha"), [(0, 0, 0.05), (-1, 5, 0.05), (6, 5, 0.05)])
def test_impossible_counts_are_refused(k: int, n: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="0 <= k <= n"):
        clopper_pearson(k, n, alpha)


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_impossible_level_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        wilson(1, 2, alpha)
