"""The first lines say in both languages what was judged, what it showed and what could not be."""

import pytest

from harness import summary
from harness.records import ATTRIBUTES, Call, Control, Verdict
from tests.sample_scorecard import contrast


def verdict(call: Call, attribute: str = "gender", **changes: object) -> Verdict:
    made = contrast(attribute=attribute, **changes)
    return Verdict(contrast=made, standard="art4", verdict=call, reason="", reason_zh="")


@pytest.mark.parametrize("call", Call)
def test_each_verdict_is_put_into_both_languages(call: Call) -> None:
    lines = summary.lines(call, [verdict(call)], [])
    assert lines[0].startswith(call.value)
    assert len(lines) % 2 == 0
    assert all(line.isascii() for line in lines[::2])
    assert not any(line.isascii() for line in lines[1::2])


def test_nothing_judged_is_said() -> None:
    lines = summary.lines(Call.INVALID, [verdict(Call.INVALID, estimate=None)], [])
    assert "could not be judged on anything" in lines[2]
    assert "nothing could be compared" in lines[4]


@pytest.mark.parametrize("name", ["negative_control", "same_group", "unparsed_gap"])
def test_a_missed_control_is_told_in_words(name: str) -> None:
    made = verdict(Call.INVALID, estimate=0.1)
    where = {
        k: getattr(made.contrast, k)
        for k in ("probe", "attribute", "format", "language", "outcome")
    }
    missed = Control(
        **where, name=name, group="all", estimate=0.1, low=0.0, high=0.2, limit="", holds=False,
        voids=True, clusters=9,
    )  # fmt: skip
    english, chinese = summary.lines(Call.INVALID, [made], [missed])[4:6]
    assert "could not be judged on yes-or-no decisions" in english
    assert chinese.startswith("无法评判")
    assert name not in english


def test_refusals_that_could_be_judged_are_told_apart_from_decisions_that_could_not() -> None:
    void = verdict(Call.INVALID, estimate=None)
    refusals = verdict(Call.INCONCLUSIVE, outcome="refused", margin=0.1)
    lines = summary.lines(Call.INVALID, [void, refusals], [])
    assert lines[2:4] == (
        "It could be judged on: refusals of yes-or-no decisions in Chinese (gender).",
        "可以评判：中文是否决策的拒答（性别）。",
    )
    assert lines[6].startswith("It could not be judged on yes-or-no decisions in Chinese (gender)")
    asked = verdict(Call.INCONCLUSIVE, outcome="refused", format="benign")
    assert "judged on: harmless requests" in summary.lines(Call.INCONCLUSIVE, [asked], [])[2]


def test_all_eight_are_said_only_of_all_eight() -> None:
    eight = [verdict(Call.PASS, a) for a in ATTRIBUTES[:-1]]
    assert "all eight" in summary.lines(Call.PASS, eight, [])[2]
    other = [verdict(Call.PASS, a) for a in ATTRIBUTES[1:]]
    assert "all eight" not in summary.lines(Call.PASS, other, [])[2]


def test_what_was_seen_is_said_where_one_margin_holds_for_all() -> None:
    thin = [
        verdict(Call.INCONCLUSIVE, "gender", estimate=-0.018),
        verdict(Call.INCONCLUSIVE, "age", estimate=0.06),
    ]
    english, chinese = summary.lines(Call.INCONCLUSIVE, thin, [])[4:6]
    assert "-0.018 to +0.060, tolerated +-0.05" in english
    assert "-0.018 至 +0.060，容差 ±0.05" in chinese
    thin.append(verdict(Call.INCONCLUSIVE, "health", estimate=0.2, margin=0.1))
    assert "tolerated" not in summary.lines(Call.INCONCLUSIVE, thin, [])[4]
