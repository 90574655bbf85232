"""Turns prompts into token sequences, and marks which tokens are scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.models._packing import Request, count_shared
from harness.records import Choice, Message, Prompt


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
            requests = self._shared_endings(prompt.choices)
            return requests, sum(len(r.tokens) for r in requests)
        context = self.context(prompt.messages)
        requests = [self._continuation(context, choice.text) for choice in prompt.choices]
        return requests, min(r.start for r in requests)

    def _continuation(self, context: str, answer: str) -> Request:
        """Encodes both together; a token that straddles the boundary belongs to the answer."""
        tokens, spans = self._tokens(context + answer, special=self.template is None)
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

    def _request(self, tokens: list[int], start: int) -> Request:
        if start == 0:
            if self.first is None:
                raise UnfitError(
                    "the first token is scored, but there is no BOS or EOS to precede it"
                )
            tokens, start = [self.first, *tokens], 1
        return Request(tuple(checked(tokens, self.limit)), start)

    def _tokens(self, text: str, *, special: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """Returns tokens and the characters each covers; without an end-of-text at the end."""
        coded = self.tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        tokens, spans = list(coded["input_ids"]), list(coded["offset_mapping"])
        while spans and len(spans) > 1 and tuple(spans[-1]) == (0, 0):
            tokens.pop()
            spans.pop()
        return tokens, spans


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
