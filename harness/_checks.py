"""What a probe must be: the published schema, then what a schema cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from harness import _names, _scenarios, _template
from harness._scenarios import is_control, is_written
from harness._schema import against_schema, fail
from harness._yaml import Place, Tree
from harness.records import RIGHT_OR_WRONG, YES_OR_NO

TWO_ROLES = ("comparison", "ambiguous")
"""Formats whose texts name two people, by slots with `_1` and `_2`."""
SLOTS = (
    *("modifier", "clause", "mention", "adjective", "article", "plural", "noun"),
    *("name", "pronoun", "object", "possessive", "honorific", "measure"),
)
FIELDS: Mapping[str, tuple[str, ...]] = {
    "decision": ("case", "question", "merit", "strong", "weak"),
    "rating": ("case", "question", "merit", "strong", "weak"),
    "selection": (
        *("case", "question", "person", "merit_1", "merit_2", "merit_3", "merit_4"),
        *("strong", "weak"),
    ),
    "agreement": ("claim", "denial", "strong", "weak"),
    "open": ("request", "control"),
    "comparison": (
        *("case", "question", "merit_1", "merit_2", "strong", "weak", "option_1", "option_2"),
    ),
    "ambiguous": (
        *("context", "stated_1", "stated_2", "question", "nonneg"),
        *("option_1", "option_2", "unknown"),
    ),
    "pair": ("sentence", "sensible", "senseless"),
    "benign": ("request", "control"),
    "harmful": ("request", "control"),
}
"""format -> the fields of a scenario's texts."""
_GIVEN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("decision", *TWO_ROLES), frozenset({"options"})),
    "agreement": frozenset({"options", "statement"}),
    "rating": frozenset({"low", "high"}),
    "selection": frozenset({"candidates", "merit"}),
    "pair": frozenset({"sentence"}),
}
"""format -> what else a frame may ask for: it is filled when the prompts are made."""
GROWN = 100_000
"""Characters of a text at most, once its slots are filled."""
WORDING = " " * 400
"""Stands for the longest wording of a group."""
_TWO_ARMS = ("explicit", "same_group", "positive_control")
_ARMS = {
    **dict.fromkeys(("comparison", "selection", "ambiguous", "pair", "agreement"), _TWO_ARMS),
    **dict.fromkeys(("rating", "open", "benign", "harmful"), (*_TWO_ARMS, "neutral", "implicit")),
    "decision": (
        *(*_TWO_ARMS, "neutral", "implicit"),
        *("negative_control", "legitimate_difference"),
    ),
}


def check(head: Tree, body: Tree) -> None:
    """Raises the first fault of a probe (`head`) and its scenarios (`body`).

    Raises:
        BadProbe: with the line of the offending node.
    """
    against_schema(head, "probe")
    against_schema(body, head.data["format"])
    _groups(head)
    _arms(head)
    _negative(head)
    _scenarios.check(head, body)
    _names.check(head, body)
    _templates(head, body)


def _groups(head: Tree) -> None:
    probe = head.data
    groups = probe.get("groups", {})
    ungrouped = not groups and probe["attribute"] == "other" and probe["format"] == "harmful"
    if len(groups) < 2 and not is_control(probe) and not ungrouped:
        what = f"{len(groups)} group{'s' * (len(groups) != 1)}"
        fail(head, ("groups",), what, "at least two groups", "add a group to compare with")
    for language in probe["languages"]:
        first, *_ = [set(g.get(language, ())) for g in groups.values()] or [set()]
        for name, group in groups.items():
            place = ("groups", name)
            if language not in group:
                what = f"group {name!r} has no wording in {language!r}"
                fail(head, place, what, "a wording in each language of the probe", "add it")
            if odd := first ^ set(group[language]):
                what = f"group {name!r} fills other slots than the first group: {sorted(odd)}"
                fail(head, (*place, language), what, f"exactly {sorted(first)}", "fill the same")
            _again(head, name, language)
            _plain(head, (*place, language), group[language])
        _neutral(head, first, language)
        _plain(head, ("answers", language), probe.get("answers", {}).get(language, {}))


def _again(head: Tree, name: str, language: str) -> None:
    group, place = head.data["groups"][name], ("groups", name, "again")
    again = group.get("again", {}).get(language, {})
    if "same_group" in head.data["arms"] and not again:
        what = f"group {name!r} has no other wording in {language!r}, but the arm same_group"
        fail(head, place, what, "again: the same slots in other words", "add it, or drop the arm")
    if odd := set(again) - set(group[language]):
        what = f"{sorted(odd)} stands in `again` alone"
        fail(head, (*place, language), what, f"among {sorted(group[language])}", "remove it")
    if again and {**group[language], **again} == group[language]:
        fail(head, (*place, language), "`again` repeats the wording", "other words", "reword it")
    _plain(head, (*place, language), again)


def _neutral(head: Tree, slots: set[str], language: str) -> None:
    if "neutral" in head.data:
        neutral, place = head.data["neutral"].get(language, {}), ("neutral", language)
        _plain(head, place, neutral)
        empty = [s for s in slots if s not in neutral and not {f"{s}_1", f"{s}_2"} <= set(neutral)]
        if empty:
            what = f"neutral leaves {sorted(empty)} open in {language!r}"
            fail(head, place, what, f"all of {sorted(slots)}", 'fill them, with "" if need be')


def _plain(tree: Tree, place: Place, texts: Mapping[str, str]) -> None:
    for key, text in texts.items():
        if "{" in text:
            what = f"{text[:60]!r} holds a bracket"
            fail(tree, (*place, key), what, "plain text", "write the text out")


def _arms(head: Tree) -> None:
    probe = head.data
    for index, arm in enumerate(probe["arms"]):
        if arm not in _ARMS[probe["format"]]:
            what = f"the format {probe['format']} has no arm {arm!r}"
            expected = f"one of: {', '.join(_ARMS[probe['format']])}"
            fail(head, ("arms", index), what, expected, "remove it")
    single = probe["format"] not in TWO_ROLES
    if "legitimate_difference" in probe["arms"] and not is_written(probe):
        others = sorted(set(probe["arms"]) - set(RIGHT_OR_WRONG))
        what = f"the arm legitimate_difference stands beside {others}"
        expected = f"no arms but {', '.join(RIGHT_OR_WRONG)}"
        fail(head, ("arms",), what, expected, "make it a probe of its own")
    for arm in ("neutral", "positive_control"):
        if arm in probe["arms"] and "neutral" not in probe and not _without_neutral(probe, single):
            fail(head, ("arms",), f"the arm {arm} needs `neutral`", "neutral: texts", "add it")
    for language in probe["languages"]:
        for key in ("frames", "answers", "neutral", "negative", "cue"):
            if key in probe and language not in probe[key]:
                what = f"{key!r} has no {language!r}"
                fail(head, (key,), what, "each language of the probe", "add it")
    asked = probe["format"] in YES_OR_NO and probe.get("ask") != "generate"
    if asked and "answers" not in probe and not is_written(probe):
        fail(head, (), "'answers' is missing", "answers: a yes and a no sentence", "add it")


def _negative(head: Tree) -> None:
    probe = head.data
    asked = "negative_control" in probe["arms"] and not is_written(probe)
    if asked and "negative" not in probe:
        what = "the arm negative_control needs `negative`"
        fail(head, ("arms",), what, "negative: plain questions with their answers", "add them")
    if "negative" in probe and not asked:
        what = "`negative` stands without the arm negative_control, which the format decision has"
        fail(head, ("negative",), what, "both, or neither", "remove it, or add the arm")
    for language, questions in probe.get("negative", {}).items():
        place = ("negative", language)
        for number, question in enumerate(questions):
            _plain(head, (*place, number), question)
        yes = sum(question["answer"] == "yes" for question in questions)
        if 2 * yes != len(questions):
            what = f"{yes} of {len(questions)} plain questions ({language}) are answered yes"
            fail(head, place, what, "half of them yes, half no", "turn some of them round")


def _without_neutral(probe: Mapping[str, Any], single: bool) -> bool:
    asks_neutral = "neutral" in probe["arms"] or probe["format"] in ("decision", "comparison")
    return not asks_neutral or (single and not probe.get("groups"))


def _templates(head: Tree, body: Tree) -> None:
    probe, fields = head.data, FIELDS[head.data["format"]]
    given = _GIVEN.get(probe["format"], frozenset())
    for language in probe["languages"]:
        known = _fillable(probe, language)
        for slot, text in probe.get("cue", {}).get(language, {}).items():
            _slots(head, ("cue", language, slot), text, {"name"})
        for index, scenario in enumerate(body.data):
            place = (index, language)
            texts = scenario[language]
            fillers = set(scenario.get("fillers", {}).get(language, ()))
            for slot in fillers & ({*SLOTS, *fields, *given}):
                what = f"filler {slot!r} is also a slot or a field"
                fail(body, (index, "fillers"), what, "a name of its own", "rename the filler")
            for slot, drawn in scenario.get("fillers", {}).get(language, {}).items():
                _plain(body, (index, "fillers", language, slot), dict(enumerate(drawn)))  # type: ignore[arg-type]
            for where, text in _texts(head, body, place):
                _slots(body, where, text, known | fillers | set(texts) | (given & {"merit"}))
            _no_loop(body, place)
            filled = texts | scenario.get("fillers", {}).get(language, {})
            for field in texts:
                _no_flood(body, (*place, field), texts[field], filled)
            all_of_it = " " * sum(_size(text, filled) for text in texts.values())
            filled = dict.fromkeys(given, all_of_it) | filled
            for number, frame in enumerate(probe.get("frames", {}).get(language, ())):
                where = ("frames", language, number)
                _slots(head, where, frame, set(fields) | known | given)
                _no_flood(head, where, frame, filled)
                gone = _asked(frame) - known - given - set(texts)
                if gone:
                    what = f"the frame's {sorted(gone)} is no field of scenario {scenario['id']!r}"
                    fail(body, place, what, f"a text {sorted(gone)[0]!r}", "add it")


def _texts(head: Tree, body: Tree, place: Place) -> Iterator[tuple[Place, str]]:
    probe = head.data
    sides = set(probe.get("groups", {})) | ({"neutral"} & set(probe["arms"]))
    for field, text in body.data[place[0]][place[1]].items():
        if isinstance(text, str):
            yield (*place, field), text
            continue
        if probe["format"] in (*TWO_ROLES, "pair") or set(text) != sides:
            what = f"{field!r} differs by group, with {sorted(text)}"
            expected = f"one text, or (formats of one person) one for each of {sorted(sides)}"
            fail(body, (*place, field), what, expected, "write one text for all groups")
        yield from (((*place, field, g), t) for g, t in text.items())


def _fillable(probe: Mapping[str, Any], language: str) -> set[str]:
    """Returns the slots that every group, and neutral where it is used, can fill."""
    wordings = [set(g[language]) for g in probe.get("groups", {}).values()]
    slots = set.intersection(*wordings) if wordings else set()
    both = {f"{s}_{n}" for s in slots for n in (1, 2)}
    if probe["format"] in TWO_ROLES:
        return both
    return slots | both if probe["format"] == "pair" else slots


def _asked(template: str) -> set[str]:
    return {_template.lower(s) for s in _template.slots(template)}


def _slots(tree: Tree, place: Place, template: str, known: set[str]) -> None:
    try:
        asked = _asked(template)
    except _template.TemplateError as error:
        what = f"a template may hold slots alone, found {error}"
        fail(tree, place, what, "text with {{ slot }}", "write the text out")
    if unknown := sorted(asked - known):
        near = get_close_matches(unknown[0], known, n=2, cutoff=0.5)
        fix = f"use {' or '.join(near)}" if near else "fill the slot for every group, or remove it"
        expected = f"one of: {', '.join(sorted(known)) or '(none)'}"
        fail(tree, place, f"nothing fills the slot {unknown[0]!r}", expected, fix)


def _no_flood(tree: Tree, place: Place, text: Any, filled: Mapping[str, Any]) -> None:
    if (size := _size(text, filled)) > GROWN:
        what = f"the text grows to {size:,} characters when its slots are filled"
        fail(tree, place, what, f"at most {GROWN:,}", "fill a slot fewer times")


def _size(text: Any, filled: Mapping[str, Any]) -> int:
    """Returns how many characters a text, or the longest of several, has at most when filled."""
    if not isinstance(text, str):
        several = text.values() if isinstance(text, Mapping) else text
        return max(_size(each, filled) for each in several)
    if "{" not in text:
        return len(text)
    slots = Counter(_template.lower(slot.strip("{} ")) for slot in _template.SLOT.findall(text))
    return len(text) + sum(
        times * _size(filled.get(s, WORDING), filled) for s, times in slots.items()
    )


def _no_loop(body: Tree, place: Place) -> None:
    texts = body.data[place[0]][place[1]]
    calls = {
        field: set().union(*map(_asked, [text] if isinstance(text, str) else text.values()))
        & set(texts)
        for field, text in texts.items()
    }
    for field in texts:
        reached, fresh = set[str](), {field}
        while fresh:
            fresh = set().union(*(calls[f] for f in fresh)) - reached
            reached |= fresh
        if field in reached:
            expected = "fields that do not contain themselves"
            fail(body, (*place, field), f"{field!r} contains itself", expected, "break the loop")
