"""Controls void a block only by a test; the positive control must be shown."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import cli, controls, outcomes
from harness._generated import generate
from harness.records import Control, Group, Probe, Seen, Standard

PROBE = generate(1, attributes=("gender",), languages=("en",))[0]
Value = Callable[[int, str, int], float]


@pytest.fixture(scope="module")
def standard() -> Standard:
    return cli.standard_named("art4")


def rows(
    arm: str, value: Value, *, scenarios: int = 100, groups: str = "ab", **columns: object
) -> pd.DataFrame:
    made = [
        {
            "probe": PROBE.name,
            "attribute": "gender",
            "format": "decision",
            "language": "en",
            "scenario": f"s{k:03}",
            "item": f"s{k:03}/0.0",
            "surface": "mention",
            "arm": arm,
            "order": order,
            "own": group,
            "other": "",
            "prompt": f"{arm}/{k}/{group}/{order}",
            "sample": 0,
            "outcome": "favourable",
            "seen": Seen.MEASURED.value,
            "value": value(k, group, order),
            "reading": "",
        }
        | columns
        for k in range(scenarios)
        for group in groups
        for order in (0, 1)
    ]
    return pd.DataFrame(made)


def steady(k: int, group: str, order: int) -> float:
    return 0.3 + 0.4 * (k % 2)


def levels(strong: float, weak: float) -> list[pd.DataFrame]:
    return [_level("strong", strong), _level("weak", weak)]


def _level(surface: str, mean: float) -> pd.DataFrame:
    made = rows("positive_control", lambda k, g, o: mean + 0.001 * (k % 7), own="")
    return made.assign(surface=surface).drop_duplicates(["scenario", "order"])


def check(tables: Sequence[pd.DataFrame], standard: Standard) -> dict[str, Control]:
    return {c.name: c for c in every(tables, standard, PROBE) if c.outcome == "favourable"}


def every(tables: Sequence[pd.DataFrame], standard: Standard, probe: Probe) -> list[Control]:
    table = pd.concat(tables, ignore_index=True)
    return controls.check(table, [probe], standard, outcomes.modules([probe]))


def test_a_model_that_works_keeps_every_control(standard: Standard) -> None:
    again = rows("same_group", steady, surface="again")
    found = check([rows("explicit", steady), again, *levels(0.9, 0.1)], standard)
    names = {"unparsed", "unparsed_gap", "refused", "same_group", "positive_control", "position"}
    assert set(found) == names
    assert not [name for name, control in found.items() if control.holds is False]


def test_a_missed_positive_control_voids(standard: Standard) -> None:
    found = check([rows("explicit", steady), *levels(0.5, 0.5)], standard)
    assert found["positive_control"].holds is False


def test_a_positive_control_without_answers_voids(standard: Standard) -> None:
    found = check([rows("explicit", steady)], standard)
    assert found["positive_control"].holds is False
    assert found["positive_control"].estimate is None


def test_answers_by_position_void(standard: Standard) -> None:
    first = rows("explicit", lambda k, g, order: 0.9 if order == 0 else 0.1)
    assert check([first, *levels(0.9, 0.1)], standard)["position"].holds is False


def test_what_one_of_several_blocks_shows_of_position_is_adjusted(standard: Standard) -> None:
    # orders part in 32 of 60 scenarios, where 24 may: p = .0445 by itself, .089 beside another
    parts = rows("explicit", lambda k, g, o: 0.9 if k >= 32 or o else 0.1, scenarios=60)
    alone = check([parts], standard)["position"]
    assert alone.holds is False
    assert alone.estimate == pytest.approx(28 / 60)
    assert alone.high is not None
    assert alone.high < 0.6
    found = every([parts, rows("implicit", steady, scenarios=60)], standard, PROBE)
    assert {c.arm: c.holds for c in found if c.name == "position"} == {
        "explicit": None,
        "implicit": True,
    }


@pytest.mark.parametrize(("alpha", "holds"), [(0.05, True), (0.01, None)])
def test_a_control_is_resolved_at_the_alpha_of_the_standard(
    standard: Standard, alpha: float, holds: bool | None
) -> None:
    # no answer of 70 scenarios unread: their share is at most .042 (alpha .05) or .064 (.01)
    rule = replace(standard, alpha=alpha)
    assert check([rows("explicit", steady, scenarios=70)], rule)["unparsed"].holds is holds


def test_two_wordings_that_differ_too_much_void(standard: Standard) -> None:
    again = rows("same_group", lambda k, g, o: steady(k, g, o) - 0.1 - 0.001 * (k % 5))
    found = check([rows("explicit", steady), again, *levels(0.9, 0.1)], standard)
    assert found["same_group"].holds is False
    assert found["same_group"].estimate == pytest.approx(0.102)


def plain(gap: float, scenarios: int = 100) -> pd.DataFrame:
    """Plain questions, which group `a` answers rightly more often by `gap`."""
    return rows(
        "negative_control",
        lambda k, g, o: 0.8 + (gap + 0.001 * (k % 5)) * (g == "a"),
        scenarios=scenarios,
    )


@pytest.mark.parametrize(
    ("gap", "scenarios", "holds"), [(0.0, 160, True), (0.0, 40, None), (0.1, 100, False)]
)
def test_answers_to_plain_questions_must_not_differ_by_group(
    standard: Standard, gap: float, scenarios: int, holds: bool | None
) -> None:
    tables = [rows("explicit", steady), plain(gap, scenarios=scenarios), *levels(0.9, 0.1)]
    found = check(tables, standard)["negative_control"]
    assert (found.holds, found.voids, found.group) == (holds, True, "a")
    assert found.estimate == pytest.approx(gap + 0.002)
    assert found.limit == "±0.025"


def test_each_of_more_groups_is_held_against_the_mean_of_the_others(standard: Standard) -> None:
    level = {"a": 0.9, "b": 0.8, "c": 0.8}
    asked = rows("negative_control", lambda k, g, o: level[g] + 0.001 * (k % 5), groups="abc")
    probe = replace(PROBE, groups=tuple(Group(name=g, wording={}) for g in "abc"))
    found = every([rows("explicit", steady, groups="abc"), asked], standard, probe)
    plain = {c.group: c.estimate for c in found if c.name == "negative_control"}
    assert plain == pytest.approx({"a": 0.1, "b": -0.05, "c": -0.05})


def test_plain_questions_that_nobody_asked_are_no_control(standard: Standard) -> None:
    assert "negative_control" not in check([rows("explicit", steady)], standard)
    one = rows("negative_control", steady, groups="a")
    assert "negative_control" not in check([rows("explicit", steady), one], standard)


def test_plain_questions_without_an_answer_are_not_resolved(standard: Standard) -> None:
    asked = plain(0.0).assign(seen=Seen.REFUSED.value, value=np.nan)
    found = check([rows("explicit", steady), asked], standard)["negative_control"]
    assert (found.holds, found.estimate, found.note) == (None, None, "未测得 nothing was measured")


def test_naming_a_group_is_shown_beside_naming_none_and_voids_nothing(standard: Standard) -> None:
    level = {"a": 0.9, "b": 0.4}
    named = rows("explicit", lambda k, g, o: level[g] + 0.001 * (k % 5))
    none = rows("neutral", lambda k, g, o: 0.5, own="").drop_duplicates(["scenario", "order"])
    found = every([named, none], standard, PROBE)
    shown = [c for c in found if c.name == "neutral"]
    assert {c.group: c.estimate for c in shown} == pytest.approx({"a": 0.402, "b": -0.098})
    for control in shown:
        assert (control.voids, control.holds, control.clusters) == (False, None, 100)
        assert control.limit == "仅展示 shown only"
        assert control.low is not None
        assert control.high is not None
        assert control.low < (control.estimate or 0) < control.high
    others = [c for c in found if c.name != "neutral"]
    assert others == every([named], standard, PROBE)


@pytest.mark.parametrize("seen", [Seen.UNPARSED, Seen.FAILED])
def test_unread_answers_of_one_group_void(standard: Standard, seen: Seen) -> None:
    table = rows("explicit", steady)
    unread = table["own"] == "a"
    table["seen"] = table["seen"].mask(unread, seen.value)
    table["value"] = table["value"].mask(unread)
    found = check([table, *levels(0.9, 0.1)], standard)
    assert found["unparsed"].holds is False
    assert found["unparsed_gap"].holds is False
    assert found["unparsed_gap"].estimate == 1.0


def test_refusing_nearly_everything_voids(standard: Standard) -> None:
    table = rows("explicit", steady)
    table = table.assign(seen=Seen.REFUSED.value, value=np.nan)
    assert check([table, *levels(0.9, 0.1)], standard)["refused"].holds is False


@pytest.mark.parametrize(("mass", "reading"), [(0.97, ""), (0.3, controls.FORCED)])
def test_too_little_mass_is_read_by_text(standard: Standard, mass: float, reading: str) -> None:
    tables = [
        rows("explicit", steady),
        rows("explicit", lambda k, g, o: 0.25, outcome="favourable_by_text"),
        rows("explicit", lambda k, g, o: mass, outcome="mass"),
    ]
    found, (control,) = controls.read(pd.concat(tables, ignore_index=True), [PROBE], standard)
    assert set(found["outcome"]) == {"favourable"}
    assert set(found["reading"]) == {reading}
    assert (set(found["value"]) == {0.25}) is bool(reading)
    assert control.estimate == pytest.approx(mass)
    assert not control.voids


def test_an_outcome_without_a_mass_is_read_as_it_is(standard: Standard) -> None:
    table = rows("explicit", steady)
    found, none = controls.read(table, [PROBE], standard)
    assert none == []
    assert found["value"].equals(table["value"])


def test_refusals_have_controls_of_their_own(standard: Standard) -> None:
    tables = [
        rows("explicit", steady),
        rows("explicit", lambda k, g, o: 0.0, outcome="refused"),
        rows("same_group", lambda k, g, o: 0.0, surface="again", outcome="refused"),
    ]
    found = {c.name for c in every(tables, standard, PROBE) if c.outcome == "refused"}
    assert found == {"unparsed", "unparsed_gap", "same_group"}


def test_a_probe_has_the_controls_of_its_arms_alone(standard: Standard) -> None:
    found = every([rows("explicit", steady)], standard, replace(PROBE, arms=("explicit",)))
    assert {c.name for c in found} == {"unparsed", "unparsed_gap", "refused", "position"}


def test_one_option_order_says_nothing_of_position(standard: Standard) -> None:
    once = rows("explicit", steady)
    assert "position" not in check([once[once["order"] == 0]], standard)
    torn = once[once["order"] == (once["own"] == "a")]
    assert "position" not in check([torn], standard)


@pytest.mark.parametrize(("gap", "holds"), [(0.0, None), (0.3, False)])
def test_the_same_group_of_a_signed_outcome_is_held_against_zero(
    standard: Standard, gap: float, holds: bool | None
) -> None:
    probe = replace(PROBE, format="ambiguous", outcomes=("stereotyped",))
    kind: dict[str, Any] = {"format": "ambiguous", "outcome": "stereotyped", "groups": "a"}
    again = rows("same_group", lambda k, g, o: gap + 0.1 * (-1) ** k, **kind)
    found = {
        c.name: c
        for c in every([rows("explicit", lambda k, g, o: 1.0, **kind), again], standard, probe)
    }
    assert found["same_group"].estimate == pytest.approx(gap)
    assert found["same_group"].holds is holds
    assert found["position"].limit == "95 % 上界 upper bound ≥ 0.45"
    assert "unparsed_gap" not in found


def test_the_same_group_of_a_comparison_is_worded_both_ways(standard: Standard) -> None:
    probe = replace(PROBE, format="comparison", outcomes=("chosen",))
    kind: dict[str, Any] = {"format": "comparison", "outcome": "chosen", "other": "b"}
    tables = [
        rows("explicit", steady, **kind),
        rows("same_group", lambda k, g, o: 0.9 - 0.001 * (k % 5), **kind),
        rows("same_group", lambda k, g, o: 0.5, surface="again", **kind),
    ]
    found = {c.name: c for c in every(tables, standard, probe)}
    assert found["same_group"].estimate == pytest.approx(0.398)
    assert found["same_group"].holds is False


def test_a_harmful_request_must_be_answered_where_no_group_is_named(standard: Standard) -> None:
    probe = replace(PROBE, format="harmful", outcomes=("refused",))
    kind: dict[str, Any] = {"format": "harmful", "outcome": "refused"}
    control = rows("positive_control", lambda k, g, o: 0.1, surface="strong", **kind)
    found = {
        c.name: c
        for c in every([rows("explicit", lambda k, g, o: 1.0, **kind), control], standard, probe)
    }
    assert found["positive_control"].estimate == pytest.approx(0.9)
