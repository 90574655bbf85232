"""Formats with several people in one text: who is chosen, and who a stereotype points at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

from harness._item import Item, Words, listed, orders, two
from harness.records import Choice

_STATED = 2
"""Option orders of a question whose answer is stated, in turn: a reaction shows in few."""
_VARIANTS = ((False, 1), (True, 1), (False, 2), (True, 2))
"""Whether the two are mentioned in the other order, and which question (or fact) is put."""


_SEATS = ((0, 2, 1, 3), (3, 1, 2, 0))
"""Who of the four stands where; the first two are of the role `first`."""
_NUMBERED = {
    "en": ("No. {}: {}", "\n", "No. {} and No. {}"),
    "zh": ("{}号：{}", "\n", "{}号和{}号"),
}
_SHARE = ("none", "half", "all")
"""How many of the two that are chosen are of the role `first`."""


def comparison(item: Item) -> Iterator[dict[str, Any]]:
    """Asks which of two people is chosen, both ways round and with the options in both orders."""
    for arm, surface, roles, values in _choosing(item):
        options = [item.text(values[f"option_{k}"], values) for k in (1, 2)]
        for order, places in orders(2, item.orders, item.turn):
            yield {
                **{"arm": arm, "surface": surface, "roles": roles, "order": order},
                **_put(item, values, options, ("first", "second"), places),
                "favourable": item.scenario.favourable,
            }


def selection(item: Item) -> Iterator[dict[str, Any]]:
    """Asks which two of four are chosen, of whom two are of one group and two of another."""
    for arm, surface, roles, people in _selecting(item):
        texts = [
            item.text("{{ person }}", item.values(words, merit=merit)) for words, merit in people
        ]
        for order, (turn, _) in orders(2, item.orders, item.turn):
            seats = _SEATS[turn]
            numbers, comma, both = _NUMBERED[item.language]
            shown = comma.join(numbers.format(n + 1, texts[k]) for n, k in enumerate(seats))
            yield {
                **{"arm": arm, "surface": surface, "roles": roles, "order": order},
                "text": item.text(item.frame, item.values({"candidates": shown})),
                "favourable": item.scenario.favourable,
                "choices": [
                    Choice(
                        text=both.format(one + 1, other + 1),
                        meaning=_SHARE[(seats[one] < 2) + (seats[other] < 2)],
                        also=f"{one + 1} {other + 1}",
                    )
                    for one, other in combinations(range(4), 2)
                ],
            }


def _selecting(
    item: Item,
) -> Iterator[tuple[str, str, dict[str, str], list[tuple[Words, str]]]]:
    """Yields the four people, those of the role `first` before those of `second`."""
    own = [f"{{{{ merit_{n} }}}}" for n in (1, 2, 3, 4)]
    for arm in item.arms:
        if arm == "explicit":
            for g, h in permutations(item.groups, 2):
                words = [item.words(g)] * 2 + [item.words(h)] * 2
                roles = {"first": g.name, "second": h.name}
                yield arm, "mention", roles, list(zip(words, own, strict=True))
        elif arm == "same_group":
            for g in item.groups:
                roles = {"first": g.name, "second": g.name}
                for surface, first, second in _both_ways(item.words(g), item.again(g)):
                    words = [first] * 2 + [second] * 2
                    yield arm, surface, roles, list(zip(words, own, strict=True))
        elif arm == "positive_control" and not item.probe.controls:
            for surface, other in (("strong", "weak"), ("weak", "strong")):
                merits = [f"{{{{ {surface} }}}}"] * 2 + [f"{{{{ {other} }}}}"] * 2
                yield arm, surface, {}, [(item.neutral, merit) for merit in merits]


def _choosing(item: Item) -> Iterator[tuple[str, str, dict[str, str], dict[str, str]]]:
    for arm in item.arms:
        if arm == "explicit":
            for g, h in permutations(item.groups, 2):
                values = item.values(two(item.words(g), item.words(h)))
                yield arm, "mention", {"first": g.name, "second": h.name}, values
        elif arm == "same_group":
            for g in item.groups:
                roles = {"first": g.name, "second": g.name}
                for surface, first, second in _both_ways(item.words(g), item.again(g)):
                    yield arm, surface, roles, item.values(two(first, second))
        elif arm == "positive_control" and not item.probe.controls:
            words = two(item.neutral, item.neutral)
            for surface, other in (("strong", "weak"), ("weak", "strong")):
                merits = {"merit_1": f"{{{{ {surface} }}}}", "merit_2": f"{{{{ {other} }}}}"}
                yield arm, surface, {}, item.values(words, **merits)


def ambiguous(item: Item) -> Iterator[dict[str, Any]]:
    """Asks what the text does not tell: option orders x mention orders x question polarity."""
    for arm, surface, roles, target, other in _suspected(item):
        variants = _VARIANTS if item.orders == 0 else (_VARIANTS[item.turn % 4],)
        for swapped, which in variants:
            values = item.values(two(other, target) if swapped else two(target, other))
            person = 2 if swapped else 1  # where the target stands
            if arm == "positive_control":
                values["context"] = f"{values['context']} {values[f'stated_{which}']}"
                people = ["wrong", "wrong"]
                people[which - 1] = "right"
                name = f"stated{which}"
            else:
                people = ["counter", "counter"]
                people[(person if which == 1 else 3 - person) - 1] = "stereotyped"
                name = "question" if which == 1 else "nonneg"
                values["question"] = values[name]
            fields = ("option_1", "option_2", "unknown")
            options = [item.text(values[field], values) for field in fields]
            most = item.orders or (_STATED if arm == "positive_control" else 0)
            for order, places in orders(3, most, item.turn):
                yield {
                    **{"arm": arm, "surface": surface, "roles": roles, "order": order},
                    "variant": f".{name}{'.swapped' * swapped}",
                    **_put(item, values, options, (*people, "unknown"), places),
                }


def _suspected(item: Item) -> Iterator[tuple[str, str, dict[str, str], Words, Words]]:
    target, others = item.sides
    for arm in item.arms:
        if arm == "same_group":
            roles = {"target": target.name, "other": target.name}
            for surface, one, two_ in _both_ways(item.words(target), item.again(target)):
                yield arm, surface, roles, one, two_
        elif arm == "explicit" or not item.probe.controls:
            surface = "mention" if arm == "explicit" else "stated"
            for h in others:
                roles = {"target": target.name, "other": h.name}
                yield arm, surface, roles, item.words(target), item.words(h)


def _both_ways(words: Words, again: Words) -> tuple[tuple[str, Words, Words], ...]:
    """Returns (surface of person 1, wording of person 1, wording of person 2)."""
    return ("mention", words, again), ("again", again, words)


def _put(
    item: Item,
    values: dict[str, str],
    options: list[str],
    meanings: tuple[str, ...],
    places: tuple[int, ...],
) -> dict[str, Any]:
    shown = listed([options[k] for k in places], item.language)
    text = item.text(item.frame, {**values, "options": shown})
    return {
        "text": text,
        "choices": [Choice(text=options[k], meaning=meanings[k]) for k in places],
    }
