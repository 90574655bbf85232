"""Differences and ratios of rates are fairlearn's where both define them: every group equally often."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    selection_rate,
)

from harness import outcomes, pairwise
from tests.test_contrasts import compare, probe, standard, table


def answers(rates: dict[str, float], scenarios: int = 200, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    drawn = {(k, g): float(rng.random() < p) for k in range(scenarios) for g, p in rates.items()}
    return table(lambda k, g: drawn[k, g], scenarios, "".join(rates))


def theirs(rows: pd.DataFrame) -> dict[str, Any]:
    given = {"y_true": rows["value"], "y_pred": rows["value"], "sensitive_features": rows["own"]}
    return {
        "rates": MetricFrame(metrics=selection_rate, **given).by_group,
        "difference": demographic_parity_difference(**given),
        "ratio": demographic_parity_ratio(**given),
    }


@pytest.mark.parametrize(
    "rates", [{"a": 0.7, "b": 0.4}, {"a": 0.3, "b": 0.5}, {"a": 0.5, "b": 0.5}]
)
def test_two_groups(rates: dict[str, float]) -> None:
    rows = answers(rates)
    (ours,), want = compare(rows, probe()), theirs(rows)
    assert ours.estimate == pytest.approx(want["rates"]["a"] - want["rates"]["b"], abs=1e-12)
    assert abs(ours.estimate or 0) == pytest.approx(want["difference"], abs=1e-12)
    assert ours.ratio is not None
    assert min(ours.ratio, 1 / ours.ratio) == pytest.approx(want["ratio"], abs=1e-12)


def test_each_of_several_groups_against_the_mean_of_the_others() -> None:
    rows = answers({"a": 0.8, "b": 0.5, "c": 0.35, "d": 0.5})
    rates = theirs(rows)["rates"]
    for ours in compare(rows, probe("abcd")):
        others = rates.drop(ours.group).mean()
        assert ours.estimate == pytest.approx(rates[ours.group] - others, abs=1e-12)
        assert ours.ratio == pytest.approx(rates[ours.group] / others, abs=1e-12)


def test_the_largest_difference_between_two_of_several_groups() -> None:
    rows, one = answers({"a": 0.8, "b": 0.5, "c": 0.35}), probe("abc")
    (ours,) = pairwise.largest(rows, [one], standard(), outcomes.modules([one]))
    assert ours.estimate == pytest.approx(theirs(rows)["difference"], abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_where_none_or_all_are_favoured(rate: float) -> None:
    rows = answers({"a": rate, "b": rate}, 60)
    (ours,), want = compare(rows, probe()), theirs(rows)
    assert ours.estimate == want["difference"] == 0
    assert ours.ratio == (None if rate == 0.0 else 1.0)  # fairlearn: 0 / 0 is no number either
    assert np.isnan(want["ratio"]) if rate == 0.0 else want["ratio"] == 1
