"""The largest difference between two groups, shown beside what is judged."""

from typing import Any

import pandas as pd
import pytest

from harness import outcomes, pairwise
from harness.records import Probe, Seen
from tests.test_contrasts import gap, probe, standard, table


def largest(rows: pd.DataFrame, one: Probe) -> Any:
    modules = outcomes.modules([one])
    return pairwise.largest(rows, [one], standard(), modules)


def test_the_largest_difference_is_between_two_groups() -> None:
    level = {"a": 0.9, "b": 0.5, "c": 0.1}
    (found,) = largest(table(lambda k, g: level[g], groups="abc"), probe("abc"))
    assert (found.group, found.reference) == ("a", "c")
    assert found.estimate == pytest.approx(0.8)
    assert found.low < 0.8 < found.high


def test_the_largest_difference_needs_three_groups_and_answers() -> None:
    assert largest(table(gap(0.2)), probe()) == []
    assert largest(table(lambda k, g: Seen.REFUSED, groups="abc"), probe("abc")) == []
    signed = table(lambda k, g: 1.0, groups="a", other="b", outcome="stereotyped")
    assert largest(signed, probe("abc", "stereotyped")) == []


def test_people_who_never_met_are_not_compared() -> None:
    """Each way round is a row; c met a alone."""
    rows = []
    for own, other, value in (("a", "b", 0.9), ("b", "a", 0.4), ("a", "c", 0.6), ("c", "a", 0.5)):
        rows.append(table(lambda _, __, v=value: v, groups=own, other=other, outcome="chosen"))  # type: ignore[misc]
    (found,) = largest(pd.concat(rows, ignore_index=True), probe("abc", "chosen"))
    assert (found.group, found.reference) == ("a", "b")
    assert found.estimate == pytest.approx(0.5)
    assert largest(pd.concat(rows[:1] * 1), probe("abc", "chosen")) == []
