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


def test_all_eight_are_said_only_of_all_eight() -> None:
    eight = [verdict(Call.PASS, a) for a in ATTRIBUTES[:-1]]
    assert "all eight" in summary.lines(Call.PASS, eight, [])[2]
    other = [verdict(Call.PASS, a) for a in ATTRIBUTES[1:]]
    assert "all eight" not in summary.lines(Call.PASS, other, [])[2]
