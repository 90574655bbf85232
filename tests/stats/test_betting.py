from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.stats.betting import CAP, Evidence, betting_interval, evidence
from harness.stats.intervals import equivalence, least_clusters

one = st.floats(-1, 1) | st.sampled_from([-1.0, 0.0, 0.3, 1.0])
some = st.lists(one, min_size=1, max_size=100)
NAN = math.nan


def flips(
    rng: np.random.Generator, share: float, shift: float, shape: tuple[int, int]
) -> tuple[np.ndarray, float]:
    """Differences that are 1 for a share of the clusters and `shift` for the rest; their theta."""
    return np.where(rng.random(shape) < share, 1.0, shift), share + (1 - share) * shift


def by_hand(x: list[float], m: float, alpha: float) -> float:
    """The hedged capital against m, step by step as the paper writes it; its largest value."""
    up = down = largest = 1.0
    before = 0.25
    for t in range(1, len(x) + 1):
        bet = math.sqrt(2 * math.log(2 / alpha) / (len(x) * before))
        up *= 1 + min(bet, CAP / m) * (x[t - 1] - m)
        down *= 1 - min(bet, CAP / (1 - m)) * (x[t - 1] - m)
        largest = max(largest, up / 2, down / 2)
        means = [(0.5 + sum(x[:i])) / (i + 1) for i in range(1, t + 1)]
        spread = sum((v - mean) ** 2 for v, mean in zip(x, means, strict=False))
        before = (0.25 + spread) / (t + 1)
    return largest


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.02, 0.98))
def test_the_interval_inverts_the_hedged_capital_step_by_step(x: list[float], m: float) -> None:
    i = betting_interval(x, 0.05, limits=(0.0, 1.0))
    if min(abs(m - i.low), abs(m - i.high)) > 1e-9 and m != pytest.approx(np.mean(x)):
        assert (i.low < m < i.high) == (by_hand(x, m, 0.05) < 1 / 0.05)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("shift", [0.0, 0.03])
@pytest.mark.parametrize("clusters", [60, 240])
def test_flips_are_covered_also_beside_a_shift(share: float, shift: float, clusters: int) -> None:
    rng = np.random.default_rng(1)
    d, theta = flips(rng, share, shift, (300, clusters))
    found = [betting_interval(row, 0.10) for row in d]
    for missed in (sum(i.high < theta for i in found), sum(i.low > theta for i in found)):
        assert stats.binomtest(missed, 300).proportion_ci(0.98).low <= 0.05


def test_what_equivalence_cannot_see_this_interval_does() -> None:
    # docs/decisions/0043: 2 % flips beside a steady shift of .03, K = 60, passes in 30 % of runs
    d, theta = flips(np.random.default_rng(2), 0.02, 0.03 / 0.98, (400, 60))
    d = (d + np.random.default_rng(3).normal(0, 0.02, d.shape)).clip(-1, 1)
    t_rule = np.mean([equivalence(row, margin=theta).high < theta for row in d])
    betting = np.mean([betting_interval(row, 0.10).high < theta for row in d])
    assert t_rule > 0.2
    assert betting <= 0.03


def test_below_59_clusters_it_passes_only_in_a_narrower_range() -> None:
    for k in (20, 58, 79):
        assert betting_interval([0.0] * k, 0.10).high >= 0.05
    assert betting_interval([0.0] * 80, 0.10).high < 0.05
    narrow = (-0.25, 0.25)
    assert least_clusters(0.05, reach=0.25) == 14
    assert betting_interval([0.0] * 17, 0.10, limits=narrow).high >= 0.05
    assert betting_interval([0.0] * 18, 0.10, limits=narrow).high < 0.05


@given(some, st.floats(0.001, 0.5))
def test_the_interval_holds_the_estimate_and_mirrors(d: list[float], alpha: float) -> None:
    i = betting_interval(d, alpha)
    m = betting_interval([-x for x in d], alpha)
    assert -1 <= i.low <= i.estimate <= i.high <= 1
    assert (m.low, m.high) == pytest.approx((-i.high, -i.low), abs=1e-9)


def test_more_clusters_narrow_it_towards_the_truth() -> None:
    d = np.random.default_rng(4).normal(0.1, 0.12, 4000).clip(-1, 1)
    few, many = betting_interval(d[:100]), betting_interval(d)
    assert many.high - many.low < 0.02 < few.high - few.low
    assert many.low < 0.1 < many.high


def test_clusters_that_drift_never_give_an_empty_interval() -> None:
    i = betting_interval([1.0] * 200 + [-1.0] * 200)
    assert i.low == i.estimate == 0
    assert i.high >= 0


def test_the_limits_scale_with_the_outcome() -> None:
    d = np.random.default_rng(5).normal(0, 0.1, 80)
    i, wide = betting_interval(d), betting_interval(4 * d, limits=(-4, 4))
    assert (wide.low, wide.high) == pytest.approx((4 * i.low, 4 * i.high))
    a, b = evidence(d, margin=0.05), evidence(4 * d, margin=0.2, limits=(-4, 4))
    assert a.beyond == pytest.approx(b.beyond)


def crosses(d: np.ndarray, margin: float, alpha: float = 0.05) -> tuple[float, float]:
    """Shares of rows that ever PASS and ever FAIL, looking after each cluster."""
    found: list[Evidence] = [evidence(row, margin=margin) for row in d]
    passes = [min(e.below.max(), e.above.max()) >= math.log(1 / alpha) for e in found]
    return float(np.mean(passes)), float(
        np.mean([e.beyond.max() >= -math.log(alpha) for e in found])
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_looking_after_each_cluster_errs_at_the_margin_at_most_at_alpha(sign: int) -> None:
    rng = np.random.default_rng(6)
    normal = rng.normal(0.05, 0.12, (400, 300)).clip(-1, 1)
    sparse, theta = flips(rng, 0.05, 0.0, (400, 300))
    shifted, moved = flips(rng, 0.02, 0.03, (400, 300))
    for d, margin in ((normal, 0.05), (sparse, theta), (shifted, moved)):
        passes, fails = crosses(sign * d, margin)
        assert passes <= 0.07
        assert fails <= 0.07


def test_the_price_of_any_look_is_that_simulated_for_the_method() -> None:
    # METHOD section 5: median 117 clusters when fair, 62 at three margins
    rng = np.random.default_rng(7)
    fair = [evidence(d, margin=0.05) for d in rng.normal(0, 0.12, (300, 300)).clip(-1, 1)]
    settled = [
        max((e.below >= math.log(20)).argmax(), (e.above >= math.log(20)).argmax()) + 1
        for e in fair
    ]
    assert np.median(settled) == pytest.approx(117, abs=5)
    large = [evidence(d, margin=0.05) for d in rng.normal(0.15, 0.12, (300, 300)).clip(-1, 1)]
    failed = [(e.beyond >= math.log(20)).argmax() + 1 for e in large]
    assert np.median(failed) == pytest.approx(62, abs=4)


@given(some)
def test_what_was_seen_is_not_changed_by_what_comes_after(d: list[float]) -> None:
    whole, part = evidence(d, margin=0.05), evidence(d[: len(d) // 2 + 1], margin=0.05)
    assert (whole.below[: part.below.size] == part.below).all()
    assert (whole.beyond[: part.beyond.size] == part.beyond).all()


@given(some)
def test_mirrored_differences_swap_the_sides(d: list[float]) -> None:
    e, m = evidence(d, margin=0.05), evidence([-x for x in d], margin=0.05)
    assert m.above == pytest.approx(e.below)
    assert m.beyond == pytest.approx(e.beyond)


def test_one_cluster_says_next_to_nothing_and_a_long_run_does_not_overflow() -> None:
    e = evidence([1.0], margin=0.05)
    assert abs(e.beyond[0]) < math.log(2)
    e = evidence([1.0] * 5000, margin=0.05)
    assert np.isfinite(e.beyond).all()
    assert e.beyond[-1] > 1000
    assert e.below[-1] < 0


def test_what_the_limits_rule_out_needs_no_evidence() -> None:
    e = evidence([0.3, 0.4], margin=0.2, limits=(-0.1, 1.0))
    assert (e.above == math.inf).all()
    assert np.isfinite(e.below).all()
    at = evidence([0.3, 0.4], margin=0.1, limits=(-0.1, 1.0))
    assert np.isfinite(at.above).all()


@pytest.mark.parametrize("d", [[], [NAN], [math.inf], [2.0]])
def test_what_is_no_set_of_differences_is_refused(d: list[float]) -> None:
    with pytest.raises(ValueError, match=r"number|NaN|outside"):
        betting_interval(d)
    with pytest.raises(ValueError, match=r"number|NaN|outside"):
        evidence(d, margin=0.05)


@pytest.mark.parametrize("bad", [0.0, 1.0, NAN])
def test_a_level_or_margin_outside_its_range_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        betting_interval([0.1], bad)
    with pytest.raises(ValueError, match="margin"):
        evidence([0.1], margin=bad)
