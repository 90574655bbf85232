"""Remembers the answers of any model, and asks it only what is not remembered.

An answer is found again by the model's fingerprint, what the prompt shows it, how answers are drawn,
and which sample it is; where samples are drawn, also by the prompt's id, which their seed depends on.
Failed calls are never remembered. A file that cannot be read or written any more is left alone, with
one line of warning: the run goes on without it.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.models._base import Keep, Model, Window, answer, answer_one
from harness.models._memory import Key, Memory
from harness.records import WHOLE, Decoding, Prompt, Response

_STORED = ("text", "reasoning", "logprobs", "tokens_in", "tokens_out", "finish")


def key_of(prompt: Prompt, fingerprint: str, decoding: Decoding, labelled: bool) -> Key:
    """Returns what an answer to a prompt is found by."""
    drawn: dict[str, Any] = {"temperature": decoding.temperature, "max_tokens": decoding.max_tokens}
    if decoding.temperature > 0:
        drawn |= {"seed": decoding.seed, "id": prompt.id}
    shown = {
        "messages": [[m.role, m.content] for m in prompt.messages],
        "choices": [[c.text, c.meaning, c.start] for c in prompt.choices],
        "ask": prompt.ask,
        "format": prompt.format,
    }
    if prompt.surface == WHOLE:
        shown["whole"] = True
    read = asdict(replace(prompt, look=1)) if labelled else shown
    digest = hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()
    return Key(fingerprint, digest, json.dumps(drawn))


class Cached:
    """A model whose answers are remembered; its provenance is the model's own."""

    def __init__(self, model: Model, path: Path, decoding: Decoding) -> None:
        """Opens the file of answers.

        Raises:
            BadConfig: it cannot be opened.
        """
        self.model, self.decoding = model, decoding
        self.abilities = model.abilities
        self.texts = getattr(model, "texts", False)
        self.labelled = getattr(model, "labelled", False)
        told = dict(model.describe())
        self.fingerprint = str(told.pop("fingerprint"))
        self.memory: Memory | None = Memory(path, new=True)
        self._guarded(lambda memory: memory.introduce(self.fingerprint, told))

    def describe(self) -> Mapping[str, Any]:
        """Returns the provenance of the model."""
        return self.model.describe()

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers a window, from memory where it can."""
        return answer_one(self, prompts)

    def answer(self, windows: Iterable[Window], keep: Keep) -> None:
        """Answers windows; what is not remembered goes to the model, in the way it prefers."""
        begun: dict[int, tuple[list[Prompt], dict[str, list[Response]]]] = {}

        def due() -> Iterator[Window]:
            for number, read in windows:
                prompts = read()
                known = self._recall(prompts)
                missed = [prompt for prompt in prompts if prompt.id not in known]
                begun[number] = (prompts, known)
                if missed:
                    yield number, partial(list, missed)
                else:
                    done(number, [])

        def done(number: int, given: Sequence[Response]) -> None:
            prompts, known = begun.pop(number)
            self._store(prompts, given)
            for response in given:
                known.setdefault(response.prompt, []).append(response)
            keep(number, [response for prompt in prompts for response in known[prompt.id]])

        answer(self.model, due(), done)

    def _key(self, prompt: Prompt) -> Key:
        return key_of(prompt, self.fingerprint, self.decoding, self.labelled)

    def _recall(self, prompts: Sequence[Prompt]) -> dict[str, list[Response]]:
        """Returns the answers that are remembered, by the prompt's id."""
        found: dict[str, list[Response]] = {}

        def read(memory: Memory) -> None:
            for prompt in prompts:
                known = memory.recall(self._key(prompt), self.decoding.answers(prompt.ask))
                if known is not None:
                    found[prompt.id] = [_response(prompt, answer) for answer in known]

        self._guarded(read)
        return found

    def _store(self, prompts: Sequence[Prompt], given: Sequence[Response]) -> None:
        asked = {prompt.id: prompt for prompt in prompts}
        rows = [
            (self._key(asked[r.prompt]), r.prompt, r.sample, {k: getattr(r, k) for k in _STORED})
            for r in given
            if _sound(r)
        ]
        if rows:
            self._guarded(lambda memory: memory.keep(rows))

    def _guarded(self, use: Callable[[Memory], object]) -> None:
        """Uses the memory; gives it up, with one line, where that fails."""
        if self.memory is None:
            return
        try:
            use(self.memory)
        except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
            told = f"warning: the cache {self.memory.path} is left alone from here on: {error}\n"
            sys.stderr.write(told)
            self.memory = None


def _sound(response: Response) -> bool:
    """Says whether an answer is one: no failed call, and no log-probability that is no number."""
    numbers = (number for tokens in response.logprobs or () for number in tokens)
    return response.error is None and all(map(math.isfinite, numbers))


def _response(prompt: Prompt, answer: Mapping[str, Any]) -> Response:
    logprobs = answer["logprobs"]
    by_choice = None if logprobs is None else tuple(tuple(tokens) for tokens in logprobs)
    rest = {name: answer[name] for name in ("sample", *_STORED)}
    return Response(prompt=prompt.id, **{**rest, "logprobs": by_choice})
