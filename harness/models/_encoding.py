"""Turns prompts into token sequences, and marks which tokens are scored."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from harness.models._packing import Request, count_shared
from harness.records import WHOLE, Choice, Message, Prompt

Spans = Sequence[tuple[int, int] | None]
"""The characters that each token covers; None for a special token."""


class UnfitError(ValueError):
    """Says why a prompt cannot be put to this model; becomes the response's `error`."""


class Encoder:
    """Encodes with one tokenizer, its chat template and the system prompt of the settings.

    Without a chat template the messages are plain text: a blank line between them, a line break
    at the end.
    """

    def __init__(self, tokenizer: Any, system: str | None, limit: int | None) -> None:
        self.tokenizer, self.system, self.limit = tokenizer, system, limit
        self.template: str | None = tokenizer.chat_template
        first = tokenizer.bos_token_id
        self.first: int | None = tokenizer.eos_token_id if first is None else first
        """What precedes a text whose first token is scored."""

    def context(self, messages: Sequence[Message]) -> str:
        """Renders a conversation up to where the model's answer starts."""
        turns = [{"role": m.role, "content": m.content} for m in messages]
        if self.system is not None:
            own = turns.pop(0)["content"] if turns and turns[0]["role"] == "system" else ""
            content = f"{self.system}\n\n{own}" if own else self.system
            turns.insert(0, {"role": "system", "content": content})
        if self.template is None:
            return "\n\n".join(turn["content"] for turn in turns) + "\n"
        try:
            text = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template raises what it likes
            raise UnfitError(f"the chat template refuses the conversation: {error}") from error
        return str(text)

    def prompt(self, prompt: Prompt, room: int) -> list[int]:
        """Returns the tokens of the conversation, which leaves `room` tokens for the answer."""
        tokens = self._tokens(self.context(prompt.messages), special=self.template is None)[0]
        return checked(tokens, self.limit, room)

    def choices(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Returns what to score for each choice, and the number of prompt tokens.

        A sentence pair has no prompt: all tokens of its texts count.
        """
        if not prompt.messages:
            requests = self._sentences(prompt)
            return requests, sum(len(r.tokens) for r in requests)
        context = self.context(prompt.messages)
        requests = [self._continuation(context, choice.text) for choice in prompt.choices]
        return requests, min(r.start for r in requests)

    def _sentences(self, prompt: Prompt) -> list[Request]:
        """Marks what counts of texts without a question: all, what is marked, or what they share."""
        choices = prompt.choices
        if prompt.surface == WHOLE:
            parts = [(c.text[: c.start], c.text[c.start :]) for c in choices]
            return [self._continuation(*own, special=True) for own in parts]
        if len(choices) == 2 and not any(choice.start for choice in choices):
            return self._matched(choices)
        return self._shared_endings(choices)

    def _matched(self, choices: Sequence[Choice]) -> list[Request]:
        """Marks the tokens that both texts share, as CrowS-Pairs matches them."""
        plain = [self._tokens(choice.text, special=True) for choice in choices]
        coded = [(ids, [s if s[0] < s[1] else None for s in spans]) for ids, spans in plain]
        requests = []
        for (tokens, real), own in zip(coded, matched(*coded), strict=True):
            if not own:
                raise UnfitError("the texts share no token")
            first = next(at for at, span in enumerate(real) if span)
            requests.append(self._request(tokens, first, tuple(at - first for at in own)))
        return requests

    def _continuation(self, context: str, answer: str, *, special: bool = False) -> Request:
        """Encodes both together; a token that straddles the boundary belongs to the answer."""
        tokens, spans = self._tokens(context + answer, special=special or self.template is None)
        start = len(tokens)
        while start and spans[start - 1][1] > len(context):
            start -= 1
        if start == len(tokens):
            raise UnfitError(f"the choice {answer!r} has no token")
        return self._request(tokens, start)

    def _shared_endings(self, choices: Sequence[Choice]) -> list[Request]:
        """Marks the tokens behind `start` that all texts share, the same for every text.

        A space belongs to the word behind it, whether or not the tokenizer's spans say so.
        """
        encoded, tails = [], []
        for choice in choices:
            tokens, spans = self._tokens(choice.text, special=True)
            starts = [first_letter(choice.text, span) for span in spans]
            behind = next((i for i, at in enumerate(starts) if at >= choice.start), len(tokens))
            encoded.append(tokens)
            tails.append(tuple(tokens[behind:][::-1]))
        if len({choice.text[choice.start :].lstrip() for choice in choices}) > 1:
            raise UnfitError("the texts differ behind the changed span")
        shared = count_shared(tails)
        if not shared:
            raise UnfitError("the texts share no token behind the changed span")
        return [self._request(tokens, len(tokens) - shared) for tokens in encoded]

    def _request(
        self, tokens: list[int], start: int, kept: tuple[int, ...] | None = None
    ) -> Request:
        if start == 0:
            if self.first is None:
                raise UnfitError(
                    "the first token is scored, but there is no BOS or EOS to precede it"
                )
            tokens, start = [self.first, *tokens], 1
        return Request(tuple(checked(tokens, self.limit)), start, kept)

    def _tokens(self, text: str, *, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """Returns tokens and the characters each covers; without an end-of-text at the end."""
        coded = self.tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        tokens, spans = list(coded["input_ids"]), list(coded["offset_mapping"])
        while spans and len(spans) > 1 and tuple(spans[-1]) == (0, 0):
            tokens.pop()
            spans.pop()
        return tokens, spans


def matched(one: tuple[list[int], Spans], other: tuple[list[int], Spans]) -> list[tuple[int, ...]]:
    """Finds the unmodified tokens as the published metric does, special tokens left out."""
    blocks = SequenceMatcher(None, one[0], other[0], autojunk=False).get_matching_blocks()
    pairs = [(a + k, b + k) for a, b, size in blocks for k in range(size) if one[1][a + k]]
    return [tuple(a for a, _ in pairs), tuple(b for _, b in pairs)]


def checked(tokens: list[int], limit: int | None, room: int = 0) -> list[int]:
    """Returns the tokens, which leave `room` within what the model takes.

    Raises:
        UnfitError: they do not, or there are none.
    """
    if limit is not None and len(tokens) + room > limit:
        raise UnfitError(f"{len(tokens)} tokens and {room} to come; the model takes {limit}")
    if not tokens:
        raise UnfitError("the prompt has no token")
    return tokens


def first_letter(text: str, span: tuple[int, int]) -> int:
    """Returns where the token's first character that is no space stands."""
    start, end = span
    covered = text[start:end]
    return end - len(covered.lstrip()) if covered else start
