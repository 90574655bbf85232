"""Formats with one person or group: a decision, a rating, a request, a claim to agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from harness._item import Item, Words, orders
from harness._names import DRAWN
from harness._template import slots
from harness.records import Ask, Choice

Side = tuple[str, str, dict[str, str], Words, str, str]
"""Arm, surface, roles, slots, the group whose texts are taken, and the variant of the item."""

SPELLINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {"yes": ("Yes", "yes", "YES"), "no": ("No", "no", "NO")},
    "zh": {
        "yes": ("是", "能", "可以", "应该", "Yes", "yes", "YES"),
        "no": (
            "否",
            "不是",
            "不能",
            "不可以",
            "不应该",
            "No",
            "no",
            "NO",
        ),
    },
}
"""How yes and no are spelt, Latin ones also with a space before. No spelling begins another."""

_PLAIN = {
    "en": {"yes": "Yes, that is right.", "no": "No, that is wrong."},
    "zh": {"yes": "对，是这样。", "no": "不对，不是这样。"},
}
"""Answer sentences of a plain question, where a probe's own speak of what should be done."""

_FULL_STOP = {"en": ".", "zh": "。"}
_OPTIONS = {"en": ("yes or no", "no or yes"), "zh": ("“是”或“否”", "“否”或“是”")}


def decision(item: Item) -> Iterator[dict[str, Any]]:
    """Asks one yes-or-no question about one person."""
    for arm, surface, roles, words, group, variant in _sides(item):
        if item.scenario.correct and item.scenario.legitimate != (arm == "legitimate_difference"):
            continue
        instead, favourable, sentences = _asked(item, arm, surface, group)
        values = item.values(words, group, **instead)
        for parts in _yes_or_no(item, values, sentences):
            yield {
                **{"arm": arm, "surface": surface, "roles": roles, "variant": variant},
                **{"favourable": favourable, **parts},
            }


def agreement(item: Item) -> Iterator[dict[str, Any]]:
    """Puts a claim, and its denial, about the group that it is told of and about another.

    The positive control is a claim without a group.
    """
    sentences = item.probe.answers.get(item.language, {})
    for arm, surface, roles, words in _claimed(item):
        control = arm == "positive_control"
        put = ((surface, "yes"),) if control else (("claim", "yes"), ("denial", "no"))
        for field, agrees in put:
            values = item.values(words, statement=f"{{{{ {field} }}}}")
            for parts in _yes_or_no(item, values, sentences):
                yield {
                    **{"arm": arm, "surface": surface, "roles": roles, "favourable": agrees},
                    **{"variant": "" if control else f".{field}", **parts},
                }


def _claimed(item: Item) -> Iterator[tuple[str, str, dict[str, str], Words]]:
    target, others = item.sides
    roles = (("target", target), *(("other", h) for h in others))
    for arm in item.arms:
        for role, group in roles if arm != "positive_control" else ():
            again = arm == "same_group"
            words = item.again(group) if again else item.words(group)
            yield arm, "again" if again else "mention", {role: group.name}, words
        for surface in ("strong", "weak") if arm == "positive_control" else ():
            yield arm, surface, {}, item.neutral


def rating(item: Item) -> Iterator[dict[str, Any]]:
    """Asks for a number about one person."""
    low, high, step = item.scenario.scale
    ending = _FULL_STOP[item.language]
    choices = [
        Choice(text=f"{n}{ending}", meaning=str(n)) for n in range(low, high + 1, step)
    ]  # the full stop ends the number: 1 does not begin 10
    for arm, surface, roles, words, group, variant in _sides(item):
        values = item.values(words, group, **_merit(arm, surface), low=str(low), high=str(high))
        yield {
            **{"arm": arm, "surface": surface, "roles": roles, "variant": variant},
            "text": item.text(item.frame, values),
            "choices": choices,
            "favourable": item.scenario.favourable,
        }


def request(item: Item) -> Iterator[dict[str, Any]]:
    """Puts one request; the positive control is another request, without a group."""
    for arm, surface, roles, words, group, variant in _sides(item):
        if surface == "weak":
            continue
        instead = {"request": "{{ control }}"} if arm == "positive_control" else {}
        must = "refuse" if item.scenario.refuse and arm != "positive_control" else ""
        text = item.text(item.frame, item.values(words, group, **instead))
        yield {
            **{"arm": arm, "surface": surface, "roles": roles, "variant": variant},
            **{"text": text, "favourable": must},
        }


def _sides(item: Item) -> Iterator[Side]:
    for arm in item.arms:
        if arm in ("explicit", "negative_control", "legitimate_difference"):
            for g in item.groups:
                yield arm, "mention", {"person": g.name}, item.words(g), g.name, ""
            if not item.groups:
                yield arm, "mention", {}, {}, "", ""
        elif arm == "implicit":
            for k in range(DRAWN):
                for g in item.groups:
                    name = item.drawn[g.name][k]
                    yield arm, name, {"person": g.name}, item.cued(name), g.name, f".name{k}"
        elif arm == "same_group":
            for g in item.groups:
                yield arm, "again", {"person": g.name}, item.again(g), g.name, ""
        elif arm == "neutral":
            yield arm, "mention", {}, item.neutral, arm, ""
        elif arm == "positive_control" and not item.probe.controls:
            yield arm, "strong", {}, item.neutral, "neutral", ""
            yield arm, "weak", {}, item.neutral, "neutral", ""


def _asked(item: Item, arm: str, surface: str, group: str) -> tuple[Words, str, Words]:
    """Returns the fields that an arm replaces, the favourable answer, and the answer sentences."""
    if item.scenario.correct:
        return {}, item.scenario.correct[group], _PLAIN[item.language]
    if arm == "negative_control":
        return {"question": item.plain["question"]}, item.plain["answer"], _PLAIN[item.language]
    return _merit(arm, surface), item.scenario.favourable, item.probe.answers.get(item.language, {})


def _merit(arm: str, surface: str) -> Words:
    """Returns the record that stands for the borderline one in the positive control."""
    return {"merit": "{{ " + surface + " }}"} if arm == "positive_control" else {}


def _yes_or_no(item: Item, values: dict[str, str], sentences: Words) -> Iterator[dict[str, Any]]:
    """Puts a text with yes and no to choose from, in both orders where the frame lists them."""
    listed = "options" in slots(item.frame)
    for order, _ in orders(2, item.orders, item.turn) if listed else [(0, ())]:
        values["options"] = _OPTIONS[item.language][order]
        text, choices = item.text(item.frame, values), _yes_no(item, sentences, order)
        yield {"order": order, "text": text, "choices": choices}


def _yes_no(item: Item, sentences: Words, order: int) -> tuple[Choice, ...]:
    if item.probe.ask is Ask.GENERATE:
        return ()
    return _choices(item.language, sentences["yes"], sentences["no"], order)


@lru_cache(256)
def _choices(language: str, yes: str, no: str, order: int) -> tuple[Choice, ...]:
    sentences = {"yes": yes, "no": no}
    answers = ("yes", "no") if order == 0 else ("no", "yes")
    spellings = [
        Choice(text=space + text, meaning=f"{answer}:spelling")
        for answer in answers
        for text in SPELLINGS[language][answer]
        for space in (("", " ") if text.isascii() else ("",))
    ]
    texts = [Choice(text=sentences[answer], meaning=f"{answer}:text") for answer in answers]
    return (*spellings, *texts)
