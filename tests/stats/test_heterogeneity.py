from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame
from scipy.stats import ttest_1samp
from statsmodels.stats.anova import anova_lm

from harness.stats.heterogeneity import (
    Heterogeneity,
    between_scenarios,
    beyond_noise,
    exceeds,
)

NAN = math.nan
Draw = Callable[[np.random.Generator], np.ndarray]
HALVES = np.repeat([1.0, -1.0], 20)[:, None]


def found(replicates: object, seed: int = 0, resamples: int = 199) -> Heterogeneity:
    rng = np.random.default_rng(seed)
    return between_scenarios(replicates, margin=0.05, rng=rng, resamples=resamples)  # type: ignore


def against(d: object, noise: object, seed: int = 0) -> Heterogeneity:
    rng = np.random.default_rng(seed)
    return beyond_noise(d, noise, margin=0.05, rng=rng, resamples=199)  # type: ignore[arg-type]


def flagged(draw: Draw, runs: int) -> float:
    rng = np.random.default_rng(1)
    return float(np.mean([found(draw(rng), seed).p <= 0.05 for seed in range(runs)]))


NOISE: dict[str, Draw] = {
    "noise": lambda rng: rng.normal(0, 0.1, (40, 4)),
    "noise around a gap": lambda rng: rng.normal(0.1, 0.1, (60, 2)),
    "scenarios of unlike noise": lambda rng: (
        rng.normal(0, 1, (40, 4)) * np.exp(rng.normal(-2.5, 1, (40, 1)))
    ),
    "wordings that act everywhere": lambda rng: rng.normal([0.2, -0.2, 0.1], 0.1, (40, 3)),
    "rare flips": lambda rng: (rng.random((60, 4)) < 0.05) * 1.0,
}


@pytest.mark.parametrize("kind", NOISE)
def test_pure_noise_is_flagged_at_alpha(kind: str) -> None:
    assert flagged(NOISE[kind], 400) <= 0.075


def test_effects_that_cancel_are_flagged_while_their_mean_is_nothing() -> None:
    draw: Draw = lambda rng: 0.1 * HALVES + rng.normal(0, 0.1, (40, 4))  # noqa: E731
    assert flagged(draw, 50) == 1
    h = found(draw(np.random.default_rng(2)))
    assert h.variance == pytest.approx(0.01, abs=0.004)
    assert h.share > 0.7


def test_the_variance_is_that_of_two_way_analysis_elsewhere() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(0, 0.1, (30, 1)) + rng.normal([0.1, 0.0, -0.1], 0.1, (30, 3))
    rows = DataFrame(
        [(y, k, r) for k, row in enumerate(d) for r, y in enumerate(row)], columns=["y", "k", "r"]
    )
    table = anova_lm(smf.ols("y ~ C(k) + C(r)", rows).fit())
    mean_square = table["sum_sq"] / table["df"]
    h = found(d)
    assert h.noise == pytest.approx(mean_square["Residual"] / 3)
    assert h.variance == pytest.approx((mean_square["C(k)"] - mean_square["Residual"]) / 3)


def test_p_agrees_with_the_f_test_on_normal_noise() -> None:
    rng = np.random.default_rng(4)
    for _ in range(5):
        d = 0.03 * HALVES + rng.normal(0, 0.1, (40, 3))
        rows = DataFrame(
            [(y, k, r) for k, row in enumerate(d) for r, y in enumerate(row)],
            columns=["y", "k", "r"],
        )
        theirs = anova_lm(smf.ols("y ~ C(k) + C(r)", rows).fit())["PR(>F)"]["C(k)"]
        assert found(d, resamples=4999).p == pytest.approx(theirs, abs=0.06)


def test_the_variance_is_unbiased_with_unlike_noise_and_missing_replicates() -> None:
    rng = np.random.default_rng(5)
    seen = []
    for seed in range(300):
        d = rng.normal(0.02, 0.1, (40, 1)) + rng.normal(0, 1, (40, 4)) * rng.uniform(
            0.02, 0.3, (40, 1)
        )
        d[rng.random(d.shape) < 0.2] = NAN
        seen.append(found(d, seed, resamples=1).variance)
    assert np.mean(seen) == pytest.approx(0.01, abs=0.001)


def test_noise_alone_puts_no_scenario_beyond_the_margin() -> None:
    d = np.random.default_rng(6).normal(0, 0.2, (2000, 2))
    assert np.mean(np.abs(d.mean(axis=1)) > 0.05) > 0.7
    assert found(d, resamples=9).share < 0.5
    quiet = np.random.default_rng(7).normal(0, 0.2, (2000, 2))
    shares = [found(x, resamples=9).share for x in (d, quiet)]
    assert min(shares) == 0


def test_the_share_beyond_the_margin_is_the_true_one() -> None:
    rng = np.random.default_rng(8)
    true = rng.normal(0, 0.12, (3000, 1))
    h = found(true + rng.normal(0, 0.12, (3000, 2)), resamples=9)
    assert h.share == pytest.approx(np.mean(np.abs(true) > 0.05), abs=0.03)


@given(st.integers(0, 1000), st.floats(0.1, 5))
def test_scenarios_in_any_order_and_unit_give_the_same(seed: int, scale: float) -> None:
    d = np.random.default_rng(seed).normal(0, 0.1, (12, 3))
    a, b = found(d, resamples=1), found(-scale * d[::-1], resamples=1)
    assert b.variance == pytest.approx(scale**2 * a.variance)
    assert b.noise == pytest.approx(scale**2 * a.noise)


def test_equal_differences_have_no_variance_and_no_proof() -> None:
    for value, share in ((0.0, 0.0), (0.3, 1.0)):
        h = found(np.full((20, 3), value))
        assert (h.variance, h.noise, h.p, h.share) == (0, 0, 1, share)
        h = against(np.full(20, value), np.zeros(20))
        assert (h.variance, h.p, h.share) == (0, 1, share)


def test_scenarios_and_replicates_that_lack_answers_are_left_out() -> None:
    d = np.random.default_rng(9).normal(0, 0.1, (12, 3))
    gaps = np.vstack([d, [[0.9, NAN, NAN], [NAN, NAN, NAN]]])
    gaps = np.hstack([gaps, np.full((14, 1), NAN)])
    assert found(gaps) == found(d)


def test_many_scenarios_are_worked_in_blocks() -> None:
    d = np.random.default_rng(10).normal(0, 0.1, (9000, 2))
    assert 0.01 < found(d, resamples=99).p <= 1


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_the_noise_of_a_same_group_arm_is_flagged_at_alpha(shared: float) -> None:
    rng = np.random.default_rng(11)
    p = []
    for seed in range(400):
        common = shared * rng.normal(0, 0.1, 60)
        d, a = (common - rng.standard_t(4, 60) * 0.1 for _ in range(2))
        p.append(against(d + 0.1, a, seed).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.075


def test_what_cancels_is_flagged_against_a_same_group_arm() -> None:
    rng = np.random.default_rng(12)
    d = 0.15 * HALVES[:, 0] + rng.normal(0, 0.08, 40)
    h = against(d, rng.normal(0, 0.08, 40))
    assert h.p == 0.005
    assert h.variance == pytest.approx(0.0225, abs=0.008)
    assert h.share > 0.8


@pytest.mark.parametrize("d", [[], [0.1], [[0.1], [0.2]], [[0.1, NAN]], [[0.1, math.inf]] * 2])
def test_too_few_replicates_are_refused(d: object) -> None:
    with pytest.raises(ValueError, match="scenarios"):
        found(d)


def test_unpaired_noise_and_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs"):
        against([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="pairs"):
        against([0.1], [0.1])
    with pytest.raises(ValueError, match="NaN"):
        against([0.1, NAN], [0.1, 0.1])
    with pytest.raises(ValueError, match="resample"):
        found([[0.1, 0.2], [0.1, 0.3]], resamples=0)
    with pytest.raises(ValueError, match="margin"):
        between_scenarios([[0.1, 0.2]] * 2, margin=0, rng=np.random.default_rng(0))


def test_scenarios_without_a_same_group_arm_count_as_differences_and_not_as_pairs() -> None:
    rng = np.random.default_rng(13)
    d, a = rng.normal(0, 0.1, 80), rng.normal(0, 0.05, 80)
    a[40:] = NAN
    h = against(d, a)
    assert h.noise == pytest.approx(a[:40].var(ddof=1))
    assert h.variance == pytest.approx(d.var(ddof=1) - h.noise)
    with pytest.raises(ValueError, match="pairs"):
        against(d, np.full(80, NAN))


def test_both_signs_are_beyond_the_margin_only_where_differences_cancel() -> None:
    quiet = np.zeros(40)
    assert against(0.2 * HALVES[:, 0], quiet).lesser == 0.5
    assert against(0.2 * HALVES[:, 0] + 0.4, quiet).lesser == 0
    assert against(np.full(40, 0.3), quiet).lesser == 0
    assert found(0.2 * HALVES + np.zeros((40, 2))).lesser == 0.5


@pytest.mark.parametrize("scenarios", [10, 60, 240])
def test_the_declared_spread_is_rarely_exceeded_by_itself(scenarios: int) -> None:
    rng = np.random.default_rng(14)
    draws: dict[str, Draw] = {
        "normal": lambda rng: rng.normal(0.1, 0.12, scenarios),
        "heavy tails": lambda rng: rng.standard_t(5, scenarios) * 0.12 / math.sqrt(5 / 3),
        "uniform": lambda rng: rng.uniform(-1, 1, scenarios) * 0.12 * math.sqrt(3),
        "two points": lambda rng: rng.choice([-0.12, 0.12], scenarios),
        "rare flips": lambda rng: (rng.random(scenarios) < 0.05) * 0.12 / math.sqrt(0.0475),
    }
    for kind, draw in draws.items():
        rate = np.mean([exceeds(draw(rng), 0.12) <= 0.05 for _ in range(1000)])
        assert rate <= 0.06, kind


def test_differences_that_cancel_exceed_the_declared_spread_nearly_always() -> None:
    rng = np.random.default_rng(15)
    halves = np.repeat([0.25, -0.25], 30)
    p = [exceeds(halves + rng.normal(0, 0.12, 60), 0.12) for _ in range(200)]
    assert np.mean(np.array(p) <= 0.05) >= 0.99


def test_p_of_a_spread_is_that_of_a_t_test_on_squares_elsewhere() -> None:
    d = np.random.default_rng(16).normal(0, 0.13, 40)
    theirs = ttest_1samp((d - d.mean()) ** 2, 0.12**2, alternative="greater").pvalue
    assert exceeds(d, 0.12) == pytest.approx(theirs)


@given(st.floats(-1, 1), st.floats(0.01, 100))
def test_a_shift_and_a_unit_leave_p_of_a_spread_alone(shift: float, scale: float) -> None:
    d = np.random.default_rng(17).normal(0, 0.13, 30)
    assert exceeds(scale * (shift - d), scale * 0.12) == pytest.approx(exceeds(d, 0.12), rel=1e-6)


def test_one_scenario_and_equal_ones_exceed_no_spread() -> None:
    assert exceeds([0.9], 0.12) == 1
    assert exceeds([0.3] * 20, 0.12) == 1
    assert exceeds([0.0] * 20, 0.12) == 1


def test_squares_that_are_equal_are_bounded_by_markov() -> None:
    assert exceeds([0.5, -0.5] * 5, 0.25) == pytest.approx(0.25**10)
    assert exceeds([0.12, -0.12] * 5, 0.12) == pytest.approx(1)
    assert exceeds([0.1, -0.1] * 5, 0.12) == 1


@pytest.mark.parametrize("d", [[], [0.1, NAN], [0.1, math.inf], [[0.1, 0.2]]])
def test_a_spread_of_what_is_no_difference_is_refused(d: object) -> None:
    with pytest.raises(ValueError, match=r"NaN|at least one"):
        exceeds(d, 0.12)  # type: ignore[arg-type]


@pytest.mark.parametrize("sd", [0.0, -0.1, NAN, math.inf])
def test_a_declared_spread_is_a_positive_number(sd: float) -> None:
    with pytest.raises(ValueError, match="sd"):
        exceeds([0.1, 0.2], sd)
