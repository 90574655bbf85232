"""Reads scores of given texts from a server that echoes them with their log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from harness.models._listed import Scores
from harness.models._replies import Fault, Reply, number
from harness.records import Choice


def continuation(reply: Reply, context: str, answer: str) -> tuple[float, ...]:
    """Returns what each token of an answer was given; one that straddles the boundary is of it.

    Raises:
        Fault: the reply does not say.
    """
    at, found = 0, []
    for token, value in _tokens(reply, context + answer):
        at += len(token)
        if at > len(context):
            found.append(value)
    return _numbers(found)


def shared_endings(replies: Sequence[Reply], choices: Sequence[Choice]) -> Scores:
    """Returns the scores of the tokens that all texts share behind what was changed.

    Raises:
        Fault: there are none, or a reply does not say.
    """
    if len({choice.text[choice.start :].lstrip() for choice in choices}) > 1:
        raise Fault("the texts differ behind the changed span", again=False)
    tails = []
    for reply, choice in zip(replies, choices, strict=True):
        at, tail = 0, []
        for token, value in _tokens(reply, choice.text):
            if at + len(token) - len(token.lstrip()) >= choice.start:
                tail.append((token, value))
            at += len(token)
        tails.append(tail[::-1])
    shared = 0
    for same in zip(*tails, strict=False):
        if len({token for token, _ in same}) > 1:
            break
        shared += 1
    if not shared:
        raise Fault("the texts share no token behind the changed span", again=False)
    return tuple(_numbers([value for _, value in tail[:shared][::-1]]) for tail in tails)


def _tokens(reply: Reply, text: str) -> list[tuple[str, float | None]]:
    """Returns the tokens that spell the text, without a mark or space before it and what follows."""
    scored = list(reply.scored or ())
    for skipped in (0, 1):
        for lead in ("", " "):
            spelt, found = "", []
            for token, value in scored[skipped:]:
                if len(spelt) >= len(lead + text):
                    break
                found.append((token if spelt else token.removeprefix(lead), value))
                spelt += token
            if spelt == lead + text:
                return found
    raise Fault("the echoed tokens do not spell the text", again=False)


def _numbers(values: Sequence[float | None]) -> tuple[float, ...]:
    if not values:
        raise Fault("no token of the choice was scored", again=False)
    if None in values:
        raise Fault("a token of the choice has no log-probability", again=False)
    return tuple(map(number, values))
