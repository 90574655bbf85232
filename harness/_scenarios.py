"""What the scenarios of a probe must be, beyond the schema; `_checks.py` checks the rest."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from harness._schema import fail
from harness._yaml import Place, Tree
from harness.records import LANGUAGES, RIGHT_OR_WRONG

NEEDED: Mapping[str, tuple[str, ...]] = {
    "decision": ("merit", "strong", "weak"),
    "rating": ("merit", "strong", "weak"),
    "selection": ("strong", "weak"),
    "agreement": ("strong", "weak"),
    "open": ("control",),
    "comparison": ("merit_1", "merit_2", "strong", "weak"),
    "ambiguous": ("stated_1", "stated_2"),
    "pair": (),
    "benign": ("control",),
    "harmful": ("control",),
}
"""format -> the fields that the arm positive_control needs."""
MOST_ANSWERS = 41
"""Answers that a scale may have: each is scored."""


def check(head: Tree, body: Tree) -> None:
    """Raises the first fault of a probe's scenarios, their texts apart.

    Raises:
        BadProbe: with the line of the offending node.
    """
    probe, seen = head.data, dict[str, int]()
    for index, scenario in enumerate(body.data):
        name = scenario["id"]
        if name in seen:
            what = f"id {name!r} stands twice (first in line {body.line((seen[name], 'id'))})"
            fail(body, (index, "id"), what, "each id once", "rename one of them")
        seen[name] = index
        for language in LANGUAGES:
            if (language in scenario) != (language in probe["languages"]):
                state = "is no language of" if language in scenario else "is missing, a language of"
                what = f"scenario {name!r}: {language!r} {state} the probe"
                fail(body, (index,), what, f"exactly {probe['languages']}", "add or remove it")
        _target(head, body, index)
        _domain(head, body, index)
        _scale(body, index)
        _correct(head, body, index)
        for language in probe["languages"]:
            _needed(head, body, (index, language))


def is_control(head: Mapping[str, Any]) -> bool:
    """Says whether a probe holds nothing but positive controls."""
    return list(head["arms"]) == ["positive_control"]


def is_written(head: Mapping[str, Any]) -> bool:
    """Says whether a probe holds nothing but written controls, each with its right answers."""
    return set(head["arms"]) <= set(RIGHT_OR_WRONG)


def _target(head: Tree, body: Tree, index: int) -> None:
    scenario, groups = body.data[index], list(head.data.get("groups", {}))
    sentence = head.data["format"] == "pair" and any(
        "sentence" in scenario[lang] for lang in head.data["languages"]
    )
    if "target" not in scenario and sentence:
        fail(body, (index,), "'target' is missing", f"one of: {', '.join(groups)}", "add it")
    for role in ("target", "other"):
        if role in scenario and (group := scenario[role]) not in groups:
            near = get_close_matches(group, groups, n=1) or groups[:1]
            expected = f"one of: {', '.join(groups)}"
            fail(body, (index, role), f"unknown group {group!r}", expected, f"use {near}")
    if "other" in scenario and scenario["other"] == scenario.get("target", scenario["other"]):
        what = f"scenario {scenario['id']!r} sets {scenario['other']!r} beside itself"
        fail(body, (index, "other"), what, "a target, and another group", "name another group")
    if sentence and is_control(head.data):
        fail(body, (index,), "a control probe with a sentence", "sensible, senseless", "use them")


def _domain(head: Tree, body: Tree, index: int) -> None:
    known, domain = head.data.get("domains"), body.data[index]["domain"]
    if known is not None and domain not in known:
        near = get_close_matches(domain, known, n=1)
        what = f"nothing is said of the domain {domain!r}"
        fix = f"use {near[0]!r}" if near else "add it to `domains` of probe.yaml"
        fail(body, (index, "domain"), what, f"one of: {', '.join(known)}", fix)


def _correct(head: Tree, body: Tree, index: int) -> None:
    """Refuses a control without its right answers, a judged scenario with them, or a wrong arm."""
    probe, scenario, place = head.data, body.data[index], (index, "correct")
    correct = scenario.get("correct")
    if probe["format"] == "decision" and is_written(probe) != (correct is not None):
        key = "correct" if is_written(probe) else "favourable"
        what = (
            f"scenario {scenario['id']!r} has no {key!r}, in a probe with the arms {probe['arms']}"
        )
        expected = f"{key!r} in each scenario; written controls lie in a probe of their own"
        fail(body, (index,), what, expected, f"add {key!r}, or move the scenario")
    if correct is None:
        return
    of_group, groups = correct if isinstance(correct, dict) else {}, set(probe.get("groups", {}))
    if of_group and set(of_group) != groups:
        what = f"{sorted(set(of_group) ^ groups)} on one side alone"
        fail(body, place, what, f"one answer for each of {sorted(groups)}", "mend it")
    differs = len(set(of_group.values())) > 1
    arm = "legitimate_difference" if differs else "negative_control"
    if arm not in probe["arms"]:
        what = f"no arm asks the control {scenario['id']!r}"
        fail(body, place, what, f"the arm {arm}", "add the arm, or remove it")


def _scale(body: Tree, index: int) -> None:
    """Refuses a scale that its steps do not divide, or that has too many answers to score."""
    if "scale" in body.data[index]:
        low, high, step = (*body.data[index]["scale"], 1)[:3]
        answers = (high - low) / step + 1 if step else 0.0
        if not (2 <= answers <= MOST_ANSWERS and answers.is_integer()):
            what = f"the scale {body.data[index]['scale']} has no whole number of answers up to {MOST_ANSWERS}"
            expected = "[lowest, highest, step], such as [0, 10] or [3000, 9000, 500]"
            fail(body, (index, "scale"), what, expected, "mend the scale")


def _needed(head: Tree, body: Tree, place: Place) -> None:
    probe, texts = head.data, body.data[place[0]][place[1]]
    if "positive_control" in probe["arms"] and not probe.get("controls"):
        for field in NEEDED[probe["format"]]:
            if field not in texts:
                what = f"{field!r} is missing, but the arm positive_control needs it"
                fail(body, place, what, f"a text {field!r}", "add it, or drop the arm")
