"""A process that shares a cache with others: its model answers with its own name and the question."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.models._cached import Cached
from harness.records import Ask, Choice, Decoding, Message, Prompt, Response


class Echo:
    """Answers what it is asked, and counts."""

    abilities = frozenset(Ask)

    def __init__(self, name: str, decoding: Decoding | None = None) -> None:
        self.name, self.decoding = name, decoding or Decoding()
        self.asked: list[str] = []

    def describe(self) -> Mapping[str, Any]:
        return {"name": self.name, "fingerprint": f"print of {self.name}", "dtype": "float32"}

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        self.asked += [prompt.id for prompt in prompts]
        return [
            Response(
                prompt=prompt.id, sample=sample, text=said(self.name, prompt, sample),
                logprobs=((-0.1, -1 / 3), *[(-2.0,)] * (len(prompt.choices) - 1))
                if prompt.ask is Ask.CHOOSE else None,
                tokens_in=3, tokens_out=1, finish="stop",
            )
            for prompt in prompts
            for sample in range(1 if prompt.ask is Ask.CHOOSE else self.decoding.samples)
        ]  # fmt: skip


def said(name: str, prompt: Prompt, sample: int = 0) -> str:
    return f"{name} on {prompt.messages[0].content} ({sample})"


def prompt(id: str, text: str = "", ask: Ask = Ask.GENERATE, **more: Any) -> Prompt:
    choices = tuple(Choice(text=c, meaning=c) for c in ("yes", "no")) if ask is Ask.CHOOSE else ()
    given: dict[str, Any] = {
        "id": id, "probe": "p", "attribute": "gender", "format": "decision", "language": "en",
        "scenario": "s", "item": "i", "roles": {}, "surface": "mention", "arm": "explicit",
        "order": 0, "favourable": "yes", "ask": ask, "choices": choices,
        "messages": (Message(role="user", content=text or f"question {id}"),),
    }  # fmt: skip
    return Prompt(**{**given, **more})


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(file: str, name: str, start: int, seconds: float) -> None:
    """Asks windows of prompts until the time is over; says whether each answer was its own."""
    model = Echo(name)
    cached, end, number, wrong = (
        Cached(model, Path(file), Decoding()),
        time.time() + seconds,
        start,
        0,
    )
    while time.time() < end:
        window = [prompt(str(n)) for n in range(number % 500, number % 500 + 20)]
        given = cached.respond(window)
        wrong += [r.text for r in given] != [said(name, p) for p in window]
        number += 10
        say(f"window {number}")
    say(f"wrong {wrong} broken {cached.memory is None}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
