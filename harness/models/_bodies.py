"""Prompts -> calls of an endpoint, and replies -> responses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.models import _echoed, _listed, _replies
from harness.models._budget import Call
from harness.models._endpoint import Settings
from harness.models._replies import REFUSED, Fault, Reply
from harness.records import YES_OR_NO, Ask, Decoding, Message, Prompt, Response

BYTES_A_TOKEN = 4
"""For budgets and rates, before the server has counted."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, the calls that answer it, and how their replies are read."""

    prompt: Prompt
    calls: Sequence[Call]
    read: Callable[[Sequence[Reply | Fault]], list[Response]]


class Writer:
    """Puts prompts as one endpoint takes them."""

    def __init__(self, settings: Settings, decoding: Decoding, listed: int, echo: bool) -> None:
        self.settings, self.decoding, self.listed, self.echo = settings, decoding, listed, echo

    def question(self, prompt: Prompt) -> Question:
        """Scores choices where the server can, else asks for the answer in text."""
        if prompt.ask is Ask.CHOOSE:
            if not prompt.messages:
                calls = [self.echoed(choice.text) for choice in prompt.choices]
                return Question(prompt, calls, lambda found: [_paired(prompt, found)])
            if self.echo and self.settings.api == "completions":
                context = self._context(prompt.messages)
                calls = [self.echoed(context + choice.text) for choice in prompt.choices]
                return Question(prompt, calls, lambda found: [_continued(prompt, context, found)])
            if self.listed and prompt.format in YES_OR_NO:
                call = self.written(prompt.messages, 1, listed=self.listed)
                return Question(prompt, [call], lambda found: [_spelt(prompt, found[0])])
        return self._sampled(prompt)

    def written(
        self, messages: Sequence[Message], most: int, *, listed: int = 0, seed: int | None = None
    ) -> Call:
        """Asks for a text; with `listed`, also for so many likeliest first tokens."""
        body: dict[str, Any] = {"model": self.settings.name}
        chat = self.settings.api == "chat"
        if chat:
            body["messages"] = [
                {"role": m.role, "content": m.content} for m in self._turns(messages)
            ]
        else:
            body["prompt"] = self._context(messages)
        body |= {"temperature": self.decoding.temperature, "max_tokens": most}
        if seed is not None:
            body["seed"] = seed
        if listed:
            body |= {"logprobs": True, "top_logprobs": listed} if chat else {"logprobs": listed}
        path, read = (
            ("chat/completions", _replies.chat) if chat else ("completions", _replies.completion)
        )
        size = sum(len(m.content.encode()) for m in messages)
        return self._call(path, body, read, size, most)

    def echoed(self, text: str) -> Call:
        """Asks for the log-probabilities of a given text; one token more is written, and not read."""
        body = {"model": self.settings.name, "prompt": text, "echo": True, "logprobs": 1}
        body |= {"max_tokens": 1, "temperature": 0}
        return self._call("completions", body, _replies.completion, len(text.encode()), 1)

    def _call(self, path: str, body: dict[str, Any], read: Any, size: int, most: int) -> Call:
        body |= self.settings.extra
        kept = {key: value for key, value in body.items() if value is not None}
        system = len((self.settings.system or "").encode())
        tokens = (size + system) // BYTES_A_TOKEN + 1
        return Call(path=path, body=kept, tokens_in=tokens, tokens_out=most, read=read)

    def _turns(self, messages: Sequence[Message]) -> list[Message]:
        """Puts the service's system prompt first, before one of the prompt's own."""
        turns, system = list(messages), self.settings.system
        if system is None:
            return turns
        own = turns.pop(0).content if turns and turns[0].role == "system" else ""
        content = f"{system}\n\n{own}" if own else system
        return [Message(role="system", content=content), *turns]

    def _context(self, messages: Sequence[Message]) -> str:
        return "\n\n".join(turn.content for turn in self._turns(messages)) + "\n"

    def _sampled(self, prompt: Prompt) -> Question:
        """Asks for texts; a choice read from its text is asked once, a greedy answer once for all."""
        samples = self.decoding.answers(prompt.ask)
        drawn = samples if self.decoding.temperature > 0 else 1
        calls = [
            self.written(prompt.messages, self.decoding.max_tokens, seed=self._seed(prompt, k))
            for k in range(drawn)
        ]

        def read(found: Sequence[Reply | Fault]) -> list[Response]:
            return [_said(prompt, found[sample % drawn], sample) for sample in range(samples)]

        return Question(prompt, calls, read)

    def _seed(self, prompt: Prompt, sample: int) -> int | None:
        """Draws a sample's seed from the prompt alone; a greedy answer needs none."""
        if self.decoding.temperature == 0:
            return None
        key = f"{self.decoding.seed}\n{prompt.id}\n{sample}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "little") >> 1


def _said(prompt: Prompt, reply: Reply | Fault, sample: int = 0) -> Response:
    if isinstance(reply, Fault):
        return _faulty(prompt, reply, sample)
    return Response(
        prompt=prompt.id,
        sample=sample,
        text=reply.text,
        reasoning=reply.reasoning,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        finish=reply.finish,
    )


def _spelt(prompt: Prompt, reply: Reply | Fault) -> Response:
    """Reads the likeliest first tokens; a reply that was filtered holds none."""
    if isinstance(reply, Fault) or reply.finish == REFUSED:
        return _said(prompt, reply)
    if reply.first is None:
        return _faulty(prompt, Fault("the reply lists no first tokens", again=False))
    return _scored(prompt, [reply], lambda: _listed.read(prompt, reply.first or {}))


def _continued(prompt: Prompt, context: str, found: Sequence[Reply | Fault]) -> Response:
    def read() -> _listed.Scores:
        pairs = zip(_whole(found), prompt.choices, strict=True)
        return tuple(_echoed.continuation(reply, context, choice.text) for reply, choice in pairs)

    return _scored(prompt, found, read)


def _paired(prompt: Prompt, found: Sequence[Reply | Fault]) -> Response:
    return _scored(prompt, found, lambda: _echoed.shared_endings(_whole(found), prompt.choices))


def _scored(
    prompt: Prompt, found: Sequence[Reply | Fault], read: Callable[[], _listed.Scores]
) -> Response:
    try:
        scores = read()
    except Fault as fault:
        return _faulty(prompt, fault)
    replies = _whole(found)
    return Response(
        prompt=prompt.id,
        logprobs=scores,
        tokens_in=sum(reply.tokens_in for reply in replies),
        tokens_out=sum(reply.tokens_out for reply in replies),
        finish="scored",
    )


def _whole(found: Sequence[Reply | Fault]) -> list[Reply]:
    """Returns the replies; one fault among them is the prompt's."""
    replies = []
    for each in found:
        if isinstance(each, Fault):
            raise each
        replies.append(each)
    return replies


def _faulty(prompt: Prompt, fault: Fault, sample: int = 0) -> Response:
    if fault.kind == REFUSED:
        return Response(prompt=prompt.id, sample=sample, text=fault.reason, finish=REFUSED)
    return Response(prompt=prompt.id, sample=sample, finish="error", error=fault.reason)
