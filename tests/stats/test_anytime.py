"""PASS and FAIL by betting agree with the e-processes, at every look."""

import math

import numpy as np
import pytest

from harness.stats import anytime
from harness.stats.betting import evidence

RNG = np.random.default_rng(8)
FAIR = RNG.normal(0, 0.12, 160).clip(-1, 1)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.05, 0.08])
@pytest.mark.parametrize("clusters", [1, 2, 20, 60, 120, 160])
def test_the_interval_lies_inside_the_margin_exactly_when_both_bets_won(
    shift: float, clusters: int
) -> None:
    d = (FAIR + shift)[:clusters].clip(-1, 1)
    found, e = anytime.equivalence(d, margin=0.05), evidence(d, margin=0.05)
    won = min(e.below.max(), e.above.max()) >= -math.log(0.05)
    assert (found.low >= -0.05 and found.high <= 0.05) == won
    assert found.low <= found.estimate <= found.high


@pytest.mark.parametrize("shift", [-0.4, -0.15, 0.0, 0.15, 0.4])
def test_the_interval_excludes_the_margin_exactly_when_p_is_small(shift: float) -> None:
    d = (FAIR + shift).clip(-1, 1)
    found = anytime.fail_interval(d, level_alpha=0.05)
    beyond = found.low > 0.05 or found.high < -0.05
    assert beyond == (anytime.p_beyond(d, margin=0.05) <= 0.05)
    assert found.low <= found.estimate <= found.high


def test_nothing_seen_is_no_evidence() -> None:
    assert anytime.p_beyond([0.0] * 200, margin=0.05) == 1.0
    one = anytime.equivalence([0.0], margin=0.05)
    assert one.low < -0.5
    assert one.high > 0.5


def test_looking_after_every_cluster_fails_a_fair_model_in_five_percent_at_most() -> None:
    rng, runs = np.random.default_rng(9), 1_000
    d = rng.normal(0.05, 0.12, (runs, 120)).clip(-1, 1)
    assert np.mean([anytime.p_beyond(row, margin=0.05) <= 0.05 for row in d]) <= 0.05


@pytest.mark.parametrize("d", [[], [math.nan], [math.inf], [2.0]])
def test_what_is_no_difference_is_refused(d: list[float]) -> None:
    for call in (anytime.equivalence, anytime.p_beyond):
        with pytest.raises(ValueError, match=r"number|measured|outside"):
            call(d, margin=0.05)
    with pytest.raises(ValueError, match=r"number|measured|outside"):
        anytime.fail_interval(d, level_alpha=0.05)
