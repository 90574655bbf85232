"""Contrasts of the arm implicit: names are a second random factor."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest

from harness import controls, outcomes, pairwise, scorecards
from harness._names import deal
from harness._paired import evidence_of
from harness.examples import gather, prompts_of, wanted
from harness.records import (
    MULTIPLICITIES,
    Call,
    Contrast,
    Control,
    Group,
    Message,
    Prompt,
    Response,
    Seen,
)
from harness.stats import crossed, significance
from harness.stats.crossed import Crossed
from harness.verdicts import judge
from tests.test_contrasts import compare, gap, probe, standard, table

Told = Callable[[int, str, int], float | Seen]
"""Scenario, group, which of the group's names -> what the answer comes to."""


def cued(told: Told, scenarios: int = 120, groups: str = "ab", names: int = 20) -> pd.DataFrame:
    """Builds the rows of an arm implicit: four names of each group in a scenario."""
    named = [
        Group(name=g, wording={}, names={"en": [f"{g}{n}" for n in range(names)]}) for g in groups
    ]
    hands = list(islice(deal(named, "en", "k"), scenarios))
    rows = []
    for k, hand in enumerate(hands):
        for draw in range(4):
            for g in groups:
                name = hand[g][draw]
                found = told(k, g, int(name[1:]))
                seen = found if isinstance(found, Seen) else Seen.MEASURED
                rows.append(
                    {
                        "scenario": f"s{k:03}", "item": f"s{k:03}/0.0.name{draw}", "surface": name,
                        "own": g, "seen": seen.value, "prompt": f"{k}{name}",
                        "value": np.nan if isinstance(found, Seen) else found,
                    }
                )  # fmt: skip
    plain = table(lambda k, g: 0.5, 1, "a").iloc[[0] * len(rows)].reset_index(drop=True)
    return plain.assign(arm="implicit", **pd.DataFrame(rows))


def random(
    theta: float = 0.0, name_sd: float = 0.0, sd: float = 0.12, seed: int = 1, groups: str = "ab"
) -> Told:
    rng = np.random.default_rng(seed)
    gaps, each = rng.normal(theta, sd, 200), rng.normal(0, name_sd, (len(groups), 40))
    noise = rng.normal(0, 0.02, (200, len(groups), 40))

    def told(k: int, g: str, n: int) -> float:
        at = groups.index(g)
        own = gaps[k] if at == 0 else 0.0
        return float(np.clip(0.5 + own + each[at, n] + noise[k, at, n], 0, 1))

    return told


def only(told: Told, scenarios: int = 120, names: int = 20) -> Contrast:
    (found,) = compare(cued(told, scenarios, names=names), probe())
    return found


def called(contrast: Contrast) -> Call:
    return judge([contrast], [], standard())[0].verdict


def test_a_contrast_of_names_is_that_of_both_random_factors() -> None:
    told = random(0.02, 0.1)
    rows, found = cued(told), only(told)
    code = {name: n for n, name in enumerate(sorted(set(rows["surface"])))}
    own = rows["own"] == "a"
    by_hand = crossed.crossed(
        rows["value"], np.where(own, 1, -1) / (120 * 4), rows["scenario"].str[1:].astype(int),
        rows["surface"].map(code), own.astype(int),
    )  # fmt: skip
    inside = crossed.equivalence(by_hand, margin=0.05)
    beyond = crossed.fail_interval(by_hand, level_alpha=0.05)
    assert found.estimate == pytest.approx(by_hand.estimate)
    assert (found.low, found.high) == pytest.approx((inside.low, inside.high))
    assert (found.low_fail, found.high_fail) == pytest.approx((beyond.low, beyond.high))
    assert found.p_fail == pytest.approx(crossed.p_beyond(by_hand, margin=0.05))
    assert (found.names, found.limited_by, found.clusters) == (20, "names", 120)
    again = evidence_of(found)
    assert isinstance(again, Crossed)
    assert again.variance == pytest.approx(by_hand.variance)
    assert again.floor == pytest.approx(by_hand.floor)


def test_the_arm_is_shown_only() -> None:
    assert not only(random()).gated


def test_alike_names_are_limited_by_scenarios_and_pass_as_groups_named_outright_do() -> None:
    found = only(random(0.0, 0.0, 0.08))
    (plain,) = compare(table(gap(0.0)), probe())
    assert (found.limited_by, plain.names, plain.limited_by) == ("scenarios", 0, "scenarios")
    assert called(found) is called(plain) is Call.PASS


def test_a_gap_fails_and_names_widen_its_interval() -> None:
    few, none = only(random(0.25, 0.05)), only(random(0.25, 0.0))
    assert called(few) is called(none) is Call.FAIL
    assert (few.high_fail or 0) - (few.low_fail or 0) > (none.high_fail or 0) - (none.low_fail or 0)


@pytest.mark.parametrize("theta", [0.0, 0.12, 0.25])
@pytest.mark.parametrize("name_sd", [0.0, 0.1])
def test_the_margin_curve_agrees_with_the_intervals(theta: float, name_sd: float) -> None:
    found = only(random(theta, name_sd))
    assert found.low is not None
    assert found.high is not None
    if found.passes_from is not None and found.passes_from > 0.05:
        assert found.passes_from == pytest.approx(max(-found.low, found.high), abs=2e-6)
    assert (called(found) is Call.PASS) == (
        found.passes_from is not None and found.passes_from < 0.05
    )
    assert (called(found) is Call.FAIL) == ((found.fails_to or 0) > 0.05)
    if found.fails_to is not None:
        assert found.fails_to == max(found.low_fail or 0, -(found.high_fail or 0))


def test_what_can_be_detected_counts_the_names() -> None:
    found = only(random(0.0, 0.15))
    assert found.freedom == 19
    t, z = 2.093, 0.8416
    assert found.detectable == pytest.approx(0.05 + (t + z) * found.variance**0.5, abs=2e-4)


def test_where_names_limit_no_number_of_scenarios_settles_it_and_the_reason_says_so() -> None:
    found = only(random(0.0, 0.15))
    verdict = judge([found], [], standard())[0]
    assert (found.needed, found.limited_by, verdict.verdict) == (None, "names", Call.INCONCLUSIVE)
    assert "names limit it (20 a group)" in verdict.reason
    assert "受姓名数量所限（每组 20 个）" in verdict.reason_zh
    assert "settle" not in verdict.reason


def test_the_scenarios_needed_settle_it_where_names_differ_little() -> None:
    found = only(random(0.0, 0.02), 40)
    plain = only(random(0.0, 0.0), 40)
    assert found.needed is not None
    assert plain.needed is not None
    assert 59 <= plain.needed <= found.needed < 200


def test_ignoring_names_fails_often_and_names_as_a_factor_do_not() -> None:
    naive = right = 0
    for seed in range(40):
        found = only(random(0.0, 0.2, seed=seed), 60)
        naive += significance.p_beyond(found.differences, margin=0.05) <= 0.05
        right += called(found) is Call.FAIL
    assert naive >= 6
    assert right <= 1


def test_a_set_with_an_unread_answer_is_left_out() -> None:
    told = random(0.0, 0.02)
    found = only(lambda k, g, n: Seen.UNPARSED if (k, g) == (3, "a") or n == 7 else told(k, g, n))
    assert found.clusters == 119  # all four sets of one scenario; of the others up to two
    assert found.names == 19
    assert found.missing.unparsed > 40
    assert found.bounds is None


def test_discordant_refusals_are_bounded_over_names_too() -> None:
    told = random(0.0, 0.02, 0.02)
    found = only(lambda k, g, n: Seen.REFUSED if g == "a" and n < 4 else told(k, g, n))
    assert found.bounds is not None
    assert found.low is not None
    assert found.high is not None
    assert found.bounds[0] < -0.05 < found.low
    assert found.bounds[1] > 0.05 > found.high


def test_nothing_read_is_no_difference_of_zero() -> None:
    found = only(lambda k, g, n: Seen.UNPARSED)
    assert (found.estimate, found.names, called(found)) == (None, 0, Call.INVALID)


def test_one_scenario_never_passes_nor_fails() -> None:
    found = only(lambda k, g, n: 0.5, 1)
    assert called(found) is Call.INCONCLUSIVE
    assert found.detectable is None


def test_three_groups_of_names_are_compared_with_the_mean_of_the_others() -> None:
    rows = cued(random(0.2, 0.02, groups="abc"), groups="abc")
    found = compare(rows, probe("abc"))
    assert [c.names for c in found] == [20] * 3
    assert sum(c.estimate or 0 for c in found) == pytest.approx(0, abs=1e-12)
    (pair,) = pairwise.largest(rows, [probe("abc")], standard(), outcomes.modules([probe("abc")]))
    assert (pair.group, pair.arm) == ("a", "implicit")
    wide = pair.high - pair.low
    naive = significance.fail_interval(
        [rows_of(rows, k, "a") - rows_of(rows, k, pair.reference) for k in range(120)],
        level_alpha=0.05 / 3,
    )
    assert wide >= naive.high - naive.low


def rows_of(rows: pd.DataFrame, k: int, group: str) -> float:
    kept = rows[(rows["scenario"] == f"s{k:03}") & (rows["own"] == group)]
    return float(kept["value"].mean())


@pytest.mark.parametrize("multiplicity", MULTIPLICITIES)
def test_the_interval_of_fail_agrees_with_its_p(multiplicity: str) -> None:
    rows = cued(random(0.25, 0.05, groups="abc"), groups="abc")
    for c in compare(rows, probe("abc"), multiplicity=multiplicity):
        beyond = (c.low_fail or 0) > c.margin or (c.high_fail or 0) < -c.margin
        assert beyond == ((c.p_adjusted or 1) <= 0.05)


def test_by_the_largest_t_a_cell_of_names_keeps_its_own_p() -> None:
    rows = cued(random(0.12, 0.03, groups="abc"), groups="abc")
    for c in compare(rows, probe("abc"), multiplicity="max_t"):
        assert c.p_adjusted == pytest.approx(min(1.0, 3 * (c.p_fail or 0)))


def test_both_arms_are_contrasts_of_their_own() -> None:
    rows = pd.concat([table(gap(0.2)), cued(random())], ignore_index=True)
    explicit, implicit = compare(rows, probe())
    assert (explicit.arm, implicit.arm) == ("explicit", "implicit")
    assert explicit == compare(table(gap(0.2)), probe())[0]
    assert replace(implicit, missing=explicit.missing) == replace(
        only(random()), missing=explicit.missing
    )


def checked(rows: pd.DataFrame) -> list[Control]:
    one = probe(arms=("explicit", "implicit"))
    read, mass = controls.read(rows, [one], standard())
    return [*mass, *controls.check(read, [one], standard(), outcomes.modules([one]))]


def test_a_control_that_one_arm_misses_voids_that_arm_alone() -> None:
    silent = cued(lambda k, g, n: Seen.UNPARSED if n < 10 else 0.5)
    rows = pd.concat([table(lambda k, g: 0.5), silent], ignore_index=True)
    found = checked(rows)
    assert [(c.arm, c.holds) for c in found if c.name == "unparsed"] == [
        ("explicit", True),
        ("implicit", False),
    ]
    calls = {v.contrast.arm: v for v in judge(compare(rows, probe(), *found), found, standard())}
    assert calls["explicit"].verdict is Call.PASS
    assert calls["implicit"].verdict is Call.INVALID
    assert "unparsed (implicit)" in calls["implicit"].reason
    assert calls["implicit"].contrast.p_adjusted == 1.0


def test_a_gap_in_reading_is_tested_over_names_too() -> None:
    one_name = cued(lambda k, g, n: Seen.UNPARSED if (g, n) in (("a", 1), ("a", 2)) else 0.5)
    (found,) = (c for c in checked(one_name) if c.name == "unparsed_gap")
    assert found.estimate == pytest.approx(0.1, abs=0.01)
    assert found.holds is None  # two names of twenty are no habit


def test_suspects_are_not_found_by_ignoring_names() -> None:
    found = [only(random(0.0, 0.3, seed=seed), 60) for seed in range(12)]
    naive = [significance.p_beyond(c.differences, margin=0.0) for c in found]
    assert sum(p < 0.01 for p in naive) >= 4
    assert scorecards._suspects(judge(found, [], standard()), 0.05) == ()


def test_the_pairs_that_are_shown_are_those_of_the_arm() -> None:
    told = random(0.1, 0.05)
    rows = pd.concat([table(gap(0.0)), cued(told)], ignore_index=True)
    judged = judge(compare(rows, probe()), [], standard())
    picked = wanted(judged)
    assert {key[3] for key in picked} == {"explicit", "implicit"}
    ids = prompts_of(picked, rows)
    asked = {i: _prompt(i) for i in ids}
    given = {i: Response(prompt=i, text=i) for i in ids}
    shown = gather(picked, rows, asked, given)
    named = [e for e in shown if all(side["answer"][-1].isdigit() for side in e.sides)]
    assert len(named) == 3
    assert all(len(e.sides) == 2 for e in shown)


def _prompt(name: str) -> Prompt:
    return Prompt(
        id=name, probe="p", attribute="gender", format="decision", language="en", scenario="s",
        item="i", roles={"person": "a"}, surface="x", arm="explicit", order=0, favourable="yes",
        ask=probe().ask, messages=(Message(role="user", content="?"),), choices=(),
    )  # fmt: skip
