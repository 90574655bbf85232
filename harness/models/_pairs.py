"""Marks which tokens of a sentence pair a masked model scores: those that both sentences share.

Where the prompt says at which character the part behind the change begins, they are the tokens behind
it, which causal models are scored on too, and those before the change. Where it says nothing
(`start` is 0 throughout), they are what `difflib` matches, as CrowS-Pairs was published. Of whole
sentences (surface `whole`) all tokens from `start` on are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.models._encoding import Spans, UnfitError, checked, first_letter, matched
from harness.models._masked import Cloze
from harness.models._packing import count_shared
from harness.records import WHOLE, Choice, Message, Prompt

Coded = tuple[list[int], Spans]
"""Tokens, and the characters that each covers."""


class PairEncoder:
    """Encodes the two texts of a pair, each with the special tokens that the model expects."""

    template = None

    def __init__(self, tokenizer: Any, limit: int | None) -> None:
        self.tokenizer, self.limit = tokenizer, limit

    def context(self, messages: Sequence[Message]) -> str:  # noqa: ARG002
        """Renders nothing: there is no conversation."""
        return ""

    def prompt(self, prompt: Prompt, room: int) -> list[int]:  # noqa: ARG002
        """Refuses a question.

        Raises:
            UnfitError: always.
        """
        raise UnfitError("a masked model continues no text")

    def choices(self, prompt: Prompt) -> tuple[list[Cloze], int]:
        """Returns what to score of each text, and the number of tokens of both.

        Raises:
            UnfitError: it is no pair, its texts share no token, or one is too long.
        """
        whole = prompt.surface == WHOLE
        if prompt.messages or (len(prompt.choices) != 2 and not whole):
            raise UnfitError("a masked model takes two sentences without a question")
        coded = [self._code(choice.text) for choice in prompt.choices]
        if whole:
            places = [_from_start(*own) for own in zip(prompt.choices, coded, strict=True)]
        elif any(choice.start for choice in prompt.choices):
            places = _outside(prompt.choices, coded)
        else:
            places = matched(*coded)
        if not all(places):
            raise UnfitError("the texts share no token")
        requests = [
            Cloze(tuple(checked(tokens, self.limit)), own)
            for (tokens, _), own in zip(coded, places, strict=True)
        ]
        return requests, sum(len(r.tokens) for r in requests)

    def _code(self, text: str) -> Coded:
        coded = self.tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        spans = zip(coded["offset_mapping"], coded["special_tokens_mask"], strict=True)
        return list(coded["input_ids"]), [None if outer else (a, b) for (a, b), outer in spans]


def _from_start(choice: Choice, coded: Coded) -> tuple[int, ...]:
    return tuple(at for at, span in enumerate(coded[1]) if span and span[1] > choice.start)


def _outside(choices: Sequence[Choice], coded: Sequence[Coded]) -> list[tuple[int, ...]]:
    """Finds the tokens before and behind the changed span, the same ones in both texts."""
    if len({choice.text[choice.start :].lstrip() for choice in choices}) > 1:
        raise UnfitError("the texts differ behind the changed span")
    change = min(start_of_change([c.text for c in choices]), *(c.start for c in choices))
    before, behind = [], []
    for choice, (_, spans) in zip(choices, coded, strict=True):
        real = [
            (i, span[1], first_letter(choice.text, span)) for i, span in enumerate(spans) if span
        ]
        before.append([i for i, end, letter in real if end <= change and letter < change])
        behind.append([i for i, _, letter in real if letter >= choice.start])
    tokens = [tokens for tokens, _ in coded]
    head = count_shared([tuple(t[i] for i in own) for t, own in zip(tokens, before, strict=True)])
    tail = count_shared(
        [tuple(t[i] for i in reversed(own)) for t, own in zip(tokens, behind, strict=True)]
    )
    return [
        (*first[:head], *last[len(last) - tail :])
        for first, last in zip(before, behind, strict=True)
    ]


def start_of_change(texts: Sequence[str]) -> int:
    """Returns where the part ends that all texts begin with, at the end of a word.

    In a script without spaces only punctuation surely ends one: 女 of 女人 and 女性 is a piece of
    what changes, and no reader of the texts alone could tell.

    >>> start_of_change(["At work, women talk.", "At work, workmen talk."])
    9
    """
    at = count_shared([tuple(map(ord, text)) for text in texts])
    while at and texts[0][at - 1].isalnum() and any(t[at : at + 1].isalnum() for t in texts):
        at -= 1
    return at
