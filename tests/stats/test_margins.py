from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats import anytime, evidence
from harness.stats.crossed import crossed
from harness.stats.intervals import equivalence
from harness.stats.margins import fails_to, passes_from
from harness.stats.significance import p_beyond

one = st.floats(-1, 1) | st.sampled_from([-0.02, 0.0, 0.02, 1.0])
some = st.lists(one, min_size=1, max_size=120)


def passes(d: object, margin: float) -> bool:
    i = equivalence(d, margin=margin)  # type: ignore[arg-type]
    return i.low > -margin and i.high < margin


@settings(max_examples=50)
@given(some, st.floats(0.01, 0.99))
def test_it_passes_from_there_on_and_not_before(d: list[float], margin: float) -> None:
    start = passes_from(d)
    if start is None:
        assert not passes(d, margin)
    elif abs(margin - start) > 2e-6:
        assert passes(d, margin) == (margin > start)


@given(some, st.floats(0.001, 0.05), st.floats(0.01, 0.99))
def test_it_fails_up_to_there_and_not_after(d: list[float], level: float, margin: float) -> None:
    end = fails_to(d, level_alpha=level)
    assert end is None or end > 0
    if abs(margin - (end or 0)) > 1e-6:
        assert (p_beyond(d, margin=margin) <= level) == (end is not None and margin < end)


@settings(max_examples=50)
@given(some)
def test_the_margin_that_passes_lies_above_the_one_that_fails(d: list[float]) -> None:
    start, end = passes_from(d), fails_to(d, level_alpha=0.05)
    assert start is None or end is None or end < start


def test_normal_differences_pass_from_the_end_of_their_interval() -> None:
    d = np.random.default_rng(2).normal(0.02, 0.12, 160)
    i = equivalence(d, margin=0.1)
    assert passes_from(d) == pytest.approx(max(-i.low, i.high), abs=1e-6)


def test_small_noise_passes_only_from_where_enough_clusters_were_asked() -> None:
    d = np.tile([0.001, -0.001], 30)
    assert passes_from(d) == pytest.approx(1 - 0.05 ** (1 / 60), abs=2e-6)


def test_equal_zeros_pass_from_the_exact_bound() -> None:
    # 0.9 margin = 1 - .05^(1/200)
    assert passes_from([0.0] * 200) == pytest.approx((1 - 0.05 ** (1 / 200)) / 0.9, abs=2e-6)


def test_a_wide_range_is_searched_in_its_own_unit() -> None:
    wide = passes_from([0.0] * 200, limits=(-100, 100))
    assert wide == pytest.approx(100 * (1 - 0.05 ** (1 / 200)) / 0.9, abs=2e-4)


def test_what_always_differs_passes_nowhere_and_fails_far() -> None:
    assert passes_from([1.0] * 100) is None
    assert passes_from([0.0]) is None
    assert fails_to([-1.0] * 100, level_alpha=0.05) == pytest.approx(0.928, abs=5e-4)
    assert fails_to([0.0] * 100, level_alpha=0.05) is None


def test_names_push_both_margins_out() -> None:
    rng = np.random.default_rng(4)
    each = rng.normal(0, 0.1, 40)
    scenario, draw = np.repeat(np.arange(120), 4), rng.random((120, 20)).argsort(axis=1)[:, :4]
    y, name = [], []
    for g, theta in enumerate((0.3, 0.0)):
        y.append(0.5 + theta + each[draw.ravel() + 20 * g] + rng.normal(0, 0.1, 480))
        name.append(draw.ravel() + 20 * g)
    groups = np.repeat([0, 1], 480)
    c = crossed(
        np.concatenate(y), np.where(groups, -1, 1) / 480, np.tile(scenario, 2),
        np.concatenate(name), groups,
    )  # fmt: skip
    start, end = passes_from(c), fails_to(c, level_alpha=0.05)
    i, j = evidence.equivalence(c, margin=0.4), evidence.fail_interval(c, level_alpha=0.05)
    assert start is not None
    assert start == pytest.approx(i.high, abs=2e-6)
    assert end == pytest.approx(j.low)
    assert start > (passes_from(c.differences) or 1)
    assert (end or 0) < (fails_to(c.differences, level_alpha=0.05) or 0)
    for margin in (0.1, 0.2, 0.3):
        assert (evidence.p_beyond(c, margin=margin) <= 0.05) == (margin < (end or 0))


@pytest.mark.parametrize("theta", [-0.2, 0.0, 0.03, 0.1, 0.2])
def test_where_bets_decide_they_draw_the_curve(theta: float) -> None:
    d = np.random.default_rng(5).normal(theta, 0.12, 120).clip(-1, 1)
    start, end = passes_from(d, tests=anytime), fails_to(d, level_alpha=0.05, tests=anytime)
    assert start is not None
    for margin in (0.02, 0.05, 0.08, 0.15, 0.3):
        i = anytime.equivalence(d, margin=margin)
        assert (-margin < i.low and i.high < margin) == (start < margin)
        assert (anytime.p_beyond(d, margin=margin) <= 0.05) == (margin < (end or 0))
    assert passes_from([0.0] * 80) < 0.05 < passes_from([0.0] * 80, tests=anytime)  # type: ignore[operator]


def test_no_differences_are_refused() -> None:
    with pytest.raises(ValueError, match="number"):
        passes_from([])
    with pytest.raises(ValueError, match="number"):
        fails_to([], level_alpha=0.05)
