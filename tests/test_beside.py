"""What is shown beside a contrast: how far scenarios differ, and the impact ratio."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.records import Call, Contrast, Seen
from harness.verdicts import judge
from tests.test_contrasts import Value, compare, gap, only, probe, standard, table
from tests.test_implicit import cued

RNG = np.random.default_rng(7)
SHIFT, AGAIN = RNG.normal(0, 0.05, 400), RNG.normal(0, 0.05, 400)


def swing(k: int, group: str) -> float:
    """Favours group a by a half in one half of the scenarios, and group b in the other."""
    return float(0.5 + (0.25 if (group == "a") is (k % 2 == 0) else -0.25) + 0.02 * SHIFT[k])


def with_again(value: Value, again: Value, scenarios: int = 60, **columns: Any) -> Contrast:
    rows = [
        table(value, scenarios, **columns),
        table(again, scenarios, **columns, arm="same_group", surface="again"),
    ]
    return compare(pd.concat(rows, ignore_index=True), probe())[0]


def test_a_bias_that_cancels_is_flagged_and_moves_no_verdict() -> None:
    found = only(swing, 120)
    assert found.cancels
    assert found.spread == pytest.approx(0.5, abs=0.01)
    assert found.beyond == 1
    plain = replace(found, cancels=False, spread=None, beyond=None)
    one, other = (judge([c], [], standard())[0].verdict for c in (found, plain))
    assert one is other is Call.INCONCLUSIVE


def test_a_bias_in_one_direction_is_not_flagged() -> None:
    found = only(lambda k, g: 0.1 + 0.8 * (g == "a") * (k % 2), 120)
    assert (found.beyond, found.cancels) == (0.5, False)


def test_a_narrow_spread_is_not_flagged() -> None:
    assert not only(lambda k, g: 0.5 + 0.06 * (g == "a") * (-1) ** k, 120).cancels


def test_fewer_than_ten_scenarios_show_neither() -> None:
    few, enough = only(swing, 9), only(swing, 10)
    assert (few.spread, few.beyond, few.cancels, few.ratio) == (None, None, False, None)
    assert None not in (enough.spread, enough.beyond, enough.ratio)


def test_noise_is_taken_from_another_wording_of_the_same_group() -> None:
    value: Value = lambda k, g: swing(k, g) + SHIFT[k + 100] * (g == "a")  # noqa: E731
    again: Value = lambda k, g: swing(k, g) + AGAIN[k] * (g == "a")  # noqa: E731
    found, d = with_again(value, again), only(value, 60).differences
    noise = SHIFT[100:160] - AGAIN[:60]
    assert found.spread == pytest.approx(np.sqrt(np.var(d, ddof=1) - np.var(noise, ddof=1)))
    assert found.cancels


def test_what_another_wording_moves_as_far_is_noise_however_wide() -> None:
    rng = np.random.default_rng(8)
    one, two = rng.uniform(0, 1, (2, 60, 2))
    at = {"a": 0, "b": 1}
    found = with_again(lambda k, g: one[k, at[g]], lambda k, g: two[k, at[g]])
    assert only(lambda k, g: one[k, at[g]], 60).cancels
    assert not found.cancels


def test_another_wording_asked_in_few_scenarios_tells_no_noise() -> None:
    rows = [table(swing, 60), table(lambda k, g: 0.5, 9, arm="same_group", surface="again")]
    found = compare(pd.concat(rows, ignore_index=True), probe())[0]
    assert found.spread == only(swing, 60).spread


def test_noise_is_taken_from_the_orders_of_a_scenario_without_another_wording() -> None:
    rng = np.random.default_rng(9)
    moves = rng.uniform(-0.5, 0.5, (60, 2, 2))
    at = {"a": 0, "b": 1}
    orders = [
        table(lambda k, g, n=n: 0.5 + moves[k, at[g], n], 60, order=n)  # type: ignore[misc]
        for n in (0, 1)
    ]
    (found,) = compare(pd.concat(orders, ignore_index=True), probe())
    assert found.spread is not None
    assert found.spread < 0.5 * np.std(found.differences, ddof=1)
    assert not found.cancels


@pytest.mark.parametrize("surface", ["mention", "again"])
def test_a_signed_outcome_has_the_noise_of_one_way_round(surface: str) -> None:
    kind: dict[str, Any] = {"format": "ambiguous", "outcome": "stereotyped", "groups": "a"}
    sides: Value = lambda k, g: 1.0 if k % 2 else -1.0  # noqa: E731
    rows = [table(sides, 60, **kind), table(sides, 60, **kind, arm="same_group", surface=surface)]
    if surface == "mention":
        quiet = table(lambda k, g: 0.0, 60, **kind, arm="same_group", surface="again")
        rows.append(quiet)
    (found,) = compare(pd.concat(rows, ignore_index=True), probe("a", outcome="stereotyped"))
    assert found.spread == pytest.approx(0, abs=1e-9)
    assert found.ratio is None


def test_the_ratio_is_that_of_the_mean_rates() -> None:
    found = only(lambda k, g: (0.3 if g == "a" else 0.5) + SHIFT[k + 120 * (g == "a")], 120)
    assert found.ratio == pytest.approx(0.6, abs=0.02)
    assert found.ratio_low is not None
    assert found.ratio_high is not None
    assert found.ratio_low < 0.6 < found.ratio_high < 0.8


def test_a_rare_favour_has_no_ratio() -> None:
    found = only(lambda k, g: 0.05 + 0.01 * (g == "a"), 120)
    assert (found.ratio, found.ratio_low, found.ratio_high) == (None, None, None)


def test_never_favoured_is_a_ratio_of_zero() -> None:
    found = only(lambda k, g: 0.0 if g == "a" else 0.5 + 0.2 * (-1) ** k, 120)
    assert (found.ratio, found.ratio_low) == (0.0, 0.0)
    assert found.ratio_high is not None
    assert 0 < found.ratio_high < 0.8


def test_incomplete_sets_are_in_no_rate() -> None:
    value: Value = lambda k, g: Seen.REFUSED if g == "b" and k < 30 else (0.4 if k < 30 else 0.8)  # noqa: E731
    assert only(value, 120).ratio == 1


def test_of_two_people_the_rates_are_those_of_being_chosen() -> None:
    rows = pd.concat(
        [
            table(lambda k, g: float(k % 4 > 0), 80, "a", other="b", outcome="chosen"),
            table(lambda k, g: float(k % 2), 80, "b", other="a", outcome="chosen"),
        ],
        ignore_index=True,
    )
    (found,) = compare(rows, probe(outcome="chosen"))
    assert found.estimate == 0.25
    assert found.ratio == pytest.approx((1 + 0.25) / (1 - 0.25))


def test_refusals_have_no_ratio() -> None:
    rows = table(gap(0.2), 60, outcome="refused")
    assert compare(rows, probe(outcome="refused"))[0].ratio is None


def test_names_have_a_ratio_and_no_interval_that_would_leave_them_out() -> None:
    (found,) = compare(cued(lambda k, g, n: 0.6 if g == "a" else 0.4), probe())
    assert found.ratio == pytest.approx(1.5)
    assert (found.ratio_low, found.ratio_high) == (None, None)
    assert found.spread == pytest.approx(0, abs=1e-9)


def test_neither_hangs_on_the_seed_nor_on_other_cells() -> None:
    rows = table(swing, 60)
    more = pd.concat([rows, table(gap(0.1), 60, language="zh")], ignore_index=True)
    alone = compare(rows, probe(), seed=1)[0]
    beside = compare(more, probe(languages=("zh", "en")), seed=2)[1]
    names = ("spread", "beyond", "cancels", "ratio", "ratio_low", "ratio_high")
    assert [getattr(alone, n) for n in names] == [getattr(beside, n) for n in names]
