"""Small tables whose contrasts can be worked out by hand."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import cli, contrasts, outcomes
from harness._generated import generate
from harness._looks import Looks
from harness.records import MULTIPLICITIES, Call, Contrast, Control, Group, Probe, Seen, Standard
from harness.verdicts import judge

Value = Callable[[int, str], float | Seen]
NOISE = np.random.default_rng(1).normal(0, 0.05, 400)


@cache
def standard() -> Standard:
    return cli.standard_named("art4")


def probe(groups: str = "ab", outcome: str = "favourable", **changes: Any) -> Probe:
    made = generate(1, ["gender"], ["en"])[0]
    named = tuple(Group(name=g, wording={}) for g in groups)
    return replace(made, name="p", groups=named, outcomes=(outcome,), **changes)


def table(value: Value, scenarios: int = 120, groups: str = "ab", **columns: Any) -> pd.DataFrame:
    rows = []
    for k in range(scenarios):
        for group in groups:
            found = value(k, group)
            seen = found if isinstance(found, Seen) else Seen.MEASURED
            rows.append(
                {
                    "probe": "p", "attribute": "gender", "format": "decision", "language": "en",
                    "scenario": f"s{k:03}", "item": f"s{k:03}/0", "surface": "mention",
                    "arm": "explicit", "order": 0, "own": group, "other": "",
                    "prompt": f"{k}{group}", "sample": 0, "outcome": "favourable", "reading": "",
                    "seen": seen.value, "value": np.nan if isinstance(found, Seen) else found,
                } | columns
            )  # fmt: skip
    return pd.DataFrame(rows)


def compare(
    rows: pd.DataFrame, one: Probe, *controls: Control, multiplicity: str = "holm", seed: int = 1
) -> list[Contrast]:
    rule, rng = replace(standard(), multiplicity=multiplicity), np.random.default_rng(seed)
    return contrasts.compare(rows, [one], controls, rule, outcomes.modules([one]), rng)


def only(value: Value, scenarios: int = 120) -> Contrast:
    (found,) = compare(table(value, scenarios), probe())
    return found


def called(contrast: Contrast) -> Call:
    return judge([contrast], [], standard())[0].verdict


def gap(size: float) -> Value:
    return lambda k, g: float(np.clip(0.5 + (size + NOISE[k] if g == "a" else 0.0), 0, 1))


def test_two_groups_make_one_contrast_the_plain_difference() -> None:
    found = only(gap(0.2))
    assert (found.group, found.reference, found.clusters) == ("a", "b", 120)
    assert found.estimate == pytest.approx(0.2 + NOISE[:120].mean())
    assert found.gated
    assert called(found) is Call.FAIL
    assert found.fails_to is not None
    assert found.fails_to > found.margin


def test_no_gap_passes() -> None:
    assert called(only(gap(0.0))) is Call.PASS


def test_mirrored_groups_flip_the_sign_exactly() -> None:
    one = only(gap(0.07))
    (two,) = compare(table(gap(0.07)), probe("ba"))
    assert one.estimate is not None
    assert two.estimate == -one.estimate
    assert two.differences == tuple(-d for d in one.differences)
    assert (two.low, two.high) == pytest.approx((-(one.high or 0), -(one.low or 0)), abs=1e-12)
    assert two.p_fail == pytest.approx(one.p_fail)
    assert called(one) is called(two)


def test_more_groups_are_compared_with_the_mean_of_the_others() -> None:
    level = {"a": 0.9, "b": 0.5, "c": 0.1}
    found = compare(table(lambda k, g: level[g], groups="abc"), probe("abc"))
    assert {c.group: c.estimate for c in found} == pytest.approx({"a": 0.6, "b": 0.0, "c": -0.6})
    assert {c.reference for c in found} == {"others"}


def test_only_so_many_groups_of_an_attribute_gate() -> None:
    found = compare(table(lambda k, g: 0.5, groups="abcdef"), probe("abcdef"))
    assert [c.gated for c in found] == [True] * 4 + [False] * 2


def test_other_never_gates() -> None:
    (found,) = compare(table(gap(0.2)), probe(attribute="other"))
    assert not found.gated


def _always(value: float, *_: object) -> float:
    return value


def test_a_comparison_counts_both_ways_round() -> None:
    rows = []
    for own, other, value in (("a", "b", 1.0), ("b", "a", 0.0)):
        rows.append(table(partial(_always, value), groups=own, other=other, outcome="chosen"))
    (found,) = compare(pd.concat(rows, ignore_index=True), probe(outcome="chosen"))
    assert (found.group, found.reference, found.estimate) == ("a", "b", 1.0)


def test_choosing_by_position_is_no_preference() -> None:
    rows = [table(lambda k, g: 1.0, groups=g, other=o, outcome="chosen") for g, o in ("ab", "ba")]
    (found,) = compare(pd.concat(rows, ignore_index=True), probe(outcome="chosen"))
    assert found.estimate == 0.0


def test_a_signed_outcome_is_compared_with_zero() -> None:
    rows = table(lambda k, g: -1.0, groups="a", other="b", outcome="stereotyped")
    (found,) = compare(rows, probe(outcome="stereotyped"))
    assert (found.reference, found.estimate) == ("zero", -1.0)


def test_nothing_asked_is_no_contrast() -> None:
    assert compare(table(gap(0.0)).iloc[:0], probe()) == []


def test_a_group_without_a_counterpart_is_not_compared() -> None:
    assert compare(table(gap(0.0), groups="a"), probe()) == []


def test_nothing_measured_is_no_difference_of_zero() -> None:
    found = only(lambda k, g: Seen.UNPARSED)
    assert found.estimate is None
    assert found.missing.unparsed == 240
    assert called(found) is Call.INVALID


def test_one_cluster_never_passes_nor_fails() -> None:
    found = only(lambda k, g: 0.5, scenarios=1)
    assert found.detectable is None
    assert called(found) is Call.INCONCLUSIVE


def test_equal_answers_have_an_interval_of_some_width() -> None:
    found = only(lambda k, g: 0.5)
    assert found.estimate == 0.0
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert called(found) is Call.PASS


def test_equal_answers_on_few_scenarios_do_not_pass() -> None:
    assert called(only(lambda k, g: 0.5, scenarios=40)) is Call.INCONCLUSIVE


def test_sets_that_all_refuse_leave_the_estimand() -> None:
    found = only(lambda k, g: Seen.REFUSED if k < 20 else 0.5)
    assert (found.clusters, found.missing.refused, found.bounds) == (100, 40, None)


def test_discordant_refusals_undo_a_pass() -> None:
    found = only(lambda k, g: Seen.REFUSED if k < 20 and g == "a" else gap(0.0)(k, g))
    assert found.bounds is not None
    assert found.low is not None
    assert found.bounds[0] < -found.margin < found.low
    assert called(found) is Call.INCONCLUSIVE


def test_discordant_refusals_undo_a_fail() -> None:
    found = only(lambda k, g: Seen.REFUSED if k < 40 and g == "a" else gap(0.2)(k, g))
    assert found.p_adjusted is not None
    assert found.p_adjusted < 0.05
    assert called(found) is Call.INVALID


def test_few_discordant_refusals_leave_a_large_gap_standing() -> None:
    found = only(lambda k, g: Seen.REFUSED if k < 2 and g == "a" else gap(0.4)(k, g))
    assert called(found) is Call.FAIL


def test_a_set_with_an_unread_answer_is_left_out() -> None:
    found = only(lambda k, g: Seen.UNPARSED if k < 20 and g == "a" else 0.5)
    assert (found.clusters, found.missing.unparsed, found.bounds) == (100, 20, None)


@pytest.mark.parametrize("multiplicity", MULTIPLICITIES)
def test_a_void_cell_enters_the_adjustment_with_p_of_one(multiplicity: str) -> None:
    one, rows = probe(), table(gap(0.2))
    void = Control(
        probe="p", attribute="gender", format="decision", language="en", outcome="favourable",
        name="unparsed", group="all", estimate=0.5, low=0.4, high=0.6, limit="", holds=False,
        voids=True, clusters=9,
    )  # fmt: skip
    (found,) = compare(rows, one, void, multiplicity=multiplicity)
    assert found.p_adjusted == 1.0
    (kept,) = compare(rows, one, replace(void, voids=False), multiplicity=multiplicity)
    assert kept.p_adjusted is not None
    assert kept.p_adjusted < 0.05


def levels(k: int, group: str) -> float:
    """Six groups at different distances, with noise of their own and noise they share."""
    at = "abcdef".index(group)
    own = float(NOISE[(61 * at + k) % 400])
    return float(np.clip(0.5 + (0.1, 0.06, 0.02, 0.0, -0.02, -0.09)[at] + own, 0, 1))


@pytest.mark.parametrize("multiplicity", MULTIPLICITIES)
@pytest.mark.parametrize("groups", ["ab", "abc", "abcdef"])
def test_the_interval_of_fail_agrees_with_its_p(multiplicity: str, groups: str) -> None:
    rows = table(levels, groups=groups)
    found = compare(rows, probe(groups), multiplicity=multiplicity)
    failed = 0
    for c in found:
        assert c.p_adjusted is not None
        assert c.low_fail is not None
        assert c.high_fail is not None
        beyond = c.low_fail > c.margin or c.high_fail < -c.margin
        assert beyond == (c.p_adjusted <= standard().alpha) == ((c.fails_to or 0) > c.margin)
        failed += beyond
    assert failed < len(found) or groups == "ab"


def test_cells_of_the_same_scenarios_are_one_family_of_clusters() -> None:
    rows = table(gap(0.07), outcome="favourable")
    both = pd.concat([rows, rows.assign(outcome="refused")], ignore_index=True)
    same = {**standard().margins, "refused": standard().margins["favourable"]}
    rule = replace(standard(), multiplicity="max_t", margins=same)
    one = probe(arms=("explicit",))
    p = {}
    for name, kept in (("alone", rows), ("twice", both)):
        made = replace(one, outcomes=tuple(kept["outcome"].unique()))
        rng = np.random.default_rng(1)
        found = contrasts.compare(kept, [made], [], rule, outcomes.modules([made]), rng)
        p[name] = {c.p_adjusted for c in found if c.gated}
    assert p["twice"] == p["alone"]


def test_cells_of_other_languages_are_other_clusters() -> None:
    rows = table(gap(0.07))
    both = pd.concat([rows, rows.assign(language="zh")], ignore_index=True)
    one, two = (
        [c.p_adjusted for c in compare(r, probe(languages=("en", "zh")), multiplicity="max_t")]
        for r in (rows, both)
    )
    assert two[0] == two[1]
    assert one[0] is not None
    assert two[0] is not None
    assert one[0] < two[0] < 2 * one[0] + 0.01


def test_the_same_seed_gives_the_same_numbers() -> None:
    rows, one = table(levels, groups="abc"), probe("abc")
    first, again, other = (compare(rows, one, multiplicity="max_t", seed=n) for n in (3, 3, 4))
    assert first == again
    assert first != other
    assert compare(rows, one, seed=3) == compare(rows, one, seed=4)


@pytest.mark.parametrize("multiplicity", MULTIPLICITIES)
def test_nothing_measured_has_no_p_and_still_counts(multiplicity: str) -> None:
    rows = table(gap(0.07))
    none = table(lambda k, g: Seen.UNPARSED, language="zh")
    one = probe(languages=("en", "zh"))
    alone, _ = (compare(r, one, multiplicity=multiplicity) for r in (rows, none))
    both = compare(pd.concat([rows, none], ignore_index=True), one, multiplicity=multiplicity)
    assert [c.p_adjusted is None for c in both] == [False, True]
    assert (both[0].p_adjusted or 0) > (alone[0].p_adjusted or 1)


def test_what_would_settle_few_flips_and_equal_answers_is_told_by_their_rule() -> None:
    flips = only(lambda k, g: float(g == "a" and k == 0), 60)
    assert (called(flips), flips.needed) == (Call.INCONCLUSIVE, 261)
    equal = only(lambda k, g: 0.5, 40)  # 59 more of these would not pass, 66 do
    assert (called(equal), equal.needed) == (Call.INCONCLUSIVE, 66)
    step = only(lambda k, g: 0.6 if g == "a" else 0.5, 40)  # rounding is no spread
    assert step.detectable == only(lambda k, g: 0.5, 40).detectable


@pytest.mark.parametrize("size", [0.0, 0.02, 0.09, 0.2])
@pytest.mark.parametrize("scenarios", [80, 120])
def test_the_margin_curve_is_drawn_by_the_bets_that_decide(size: float, scenarios: int) -> None:
    value = gap(size) if size else lambda k, g: 0.5  # 80 equal answers: the sparse bound passes
    rows = table(value, scenarios, look=1).astype({"scenario": "category"})
    rule, rng, one = standard(), np.random.default_rng(1), probe()
    modules, looks = outcomes.modules([one]), Looks(rule="anytime")
    (found,) = contrasts.compare(rows, [one], (), rule, modules, rng, looks)
    start, end = found.passes_from, found.fails_to
    assert (called(found) is Call.PASS) == (start is not None and start < found.margin)
    assert (called(found) is Call.FAIL) == (end is not None and end > found.margin)


def test_contrasts_become_a_table() -> None:
    assert contrasts.table([only(gap(0.0))]).num_rows == 1
