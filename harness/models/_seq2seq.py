"""Scores answers with an encoder-decoder model, whose encoder reads each distinct prompt once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import BadModel
from harness.models._encoding import Encoder, UnfitError, checked
from harness.models._narrow import LOGITS, batches, log_probabilities, narrowed, padded, vocabulary
from harness.records import Message, Prompt


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that the encoder reads, and one whose tokens the decoder scores."""

    source: tuple[int, ...]
    target: tuple[int, ...]


class SplitEncoder:
    """Encodes the conversation for the encoder and each choice by itself for the decoder.

    No token holds a piece of both. The end of text that training put behind answers is not scored,
    as it is not for causal models.
    """

    def __init__(self, tokenizer: Any, system: str | None, limit: int | None) -> None:
        self.tokenizer, self.limit = tokenizer, limit
        self.inner = Encoder(tokenizer, system, limit)
        self.template = self.inner.template

    def context(self, messages: Sequence[Message]) -> str:
        """Renders a conversation up to where the model's answer starts."""
        return self.inner.context(messages)

    def prompt(self, prompt: Prompt, room: int) -> list[int]:
        """Returns the tokens of the conversation, where `room` tokens of answer fit the decoder.

        Raises:
            UnfitError: they do not fit.
        """
        if self.limit is not None and room >= self.limit:
            raise UnfitError(f"{room} tokens to come; the model takes {self.limit}")
        text, plain = self.context(prompt.messages), self.template is None
        return checked(self.tokenizer(text, add_special_tokens=plain)["input_ids"], self.limit)

    def choices(self, prompt: Prompt) -> tuple[list[Answer], int]:
        """Returns what to score for each choice, and the number of prompt tokens.

        Raises:
            UnfitError: there is no question, or a text does not fit.
        """
        if not prompt.messages:
            raise UnfitError("an encoder-decoder model rates an answer, and no text by itself")
        source = tuple(self.prompt(prompt, 0))
        coded = [
            self.tokenizer(choice.text, add_special_tokens=False)["input_ids"]
            for choice in prompt.choices
        ]
        return [Answer(source, tuple(checked(t, self.limit, 1))) for t in coded], len(source)


def prefix_of(model: Any) -> list[int]:
    """Returns the tokens that the decoder is given before an answer.

    Raises:
        BadModel: the model declares none.
    """

    def told(name: str) -> int | None:
        own: int | None = getattr(model.generation_config, name, None)
        return getattr(model.config, name, None) if own is None else own

    first, forced = told("decoder_start_token_id"), told("forced_bos_token_id")
    if first is None:
        raise BadModel(
            "the decoder has no token to start from",
            where="decoder_start_token_id of generation_config.json or config.json",
            expected="the token with which every answer begins",
            fix="add it as the model's authors give it",
        )
    return [first] if forced is None else [first, forced]


class Seq2SeqScorer:
    """Scores with one model; `packing` says how: `encoder once`, or `plain`, one by one."""

    def __init__(self, model: Any, batch: int) -> None:
        self.model, self.batch = model, batch
        self.prefix = prefix_of(model)
        self.packing = "plain"
        self.packing = self._choose_packing()

    @torch.inference_mode()
    def score(self, requests: Sequence[Answer]) -> list[list[float]]:
        """Returns for each request the natural-log probability of each token of its target."""
        if self.packing == "plain":
            return [self._plain(request) for request in requests]
        answers: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
        for request in requests:
            answers.setdefault(request.source, set()).add(request.target)
        most = min(self.batch, max(1, LOGITS // vocabulary(self.model)))
        found: dict[Answer, list[float]] = {}
        for sources in batches(sorted(answers), len, self.batch):
            out, real = encoded(self.model, sources)
            rows = sorted((at, t) for at, source in enumerate(sources) for t in answers[source])
            for own in batches(rows, lambda row: len(self.prefix) + len(row[1]), most):
                given = taken(out, real, [at for at, _ in own])
                scores = self._decode(given, [target for _, target in own])
                found |= {
                    Answer(sources[at], target): scored
                    for (at, target), scored in zip(own, scores, strict=True)
                }
        return [found[request] for request in requests]

    def _decode(
        self, given: Mapping[str, Any], targets: Sequence[tuple[int, ...]]
    ) -> list[list[float]]:
        """Scores one target a row; padding stands behind all that is scored, and sees itself."""
        ids = padded([[*self.prefix, *target[:-1]] for target in targets], 0)[0]
        rows = torch.tensor([row for row, target in enumerate(targets) for _ in target])
        ahead = len(self.prefix) - 1
        places = torch.tensor([ahead + k for target in targets for k in range(len(target))])
        with narrowed(self.model.get_decoder(), lambda states: states[rows, places][None]):
            logits = self._forward(given, ids)[0]
        scores = iter(log_probabilities(logits, torch.tensor([t for own in targets for t in own])))
        return [[next(scores) for _ in target] for target in targets]

    def _plain(self, request: Answer) -> list[float]:
        given = {"input_ids": torch.tensor([request.source], device=self.model.device)}
        ids = torch.tensor([[*self.prefix, *request.target[:-1]]])
        logits = self._forward(given, ids)[0, len(self.prefix) - 1 :]
        return log_probabilities(logits, torch.tensor(request.target))

    def _forward(self, given: Mapping[str, Any], ids: Tensor) -> Tensor:
        """Returns the logits of the decoder, shape (rows, length, vocabulary)."""
        ids = ids.to(self.model.device)
        logits: Tensor = self.model(**given, decoder_input_ids=ids, use_cache=False).logits
        return logits

    def _choose_packing(self) -> str:
        """Batches if that agrees with one by one on a few answers."""
        size = vocabulary(self.model)
        token = [7 * i * i % size for i in range(1, 40)]
        sources = [tuple(token[:9]), tuple(token[3:17]), tuple(token[8:11])]
        targets = [tuple(token[20:23]), tuple(token[20:22] + token[30:35])]
        requests = [Answer(source, target) for source in sources for target in targets]
        want = [sum(scores) for scores in self.score(requests)]
        slack = 1e-4 if self.model.dtype == torch.float32 else 0.3
        self.packing = "encoder once"
        try:
            got = [sum(scores) for scores in self.score(requests)]
        except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
            return "plain"  # its head is no function of the decoder's states
        close = np.allclose(got, want, rtol=1e-6, atol=slack, equal_nan=True)
        return "encoder once" if close else "plain"


def encoded(model: Any, sources: Sequence[Sequence[int]]) -> tuple[Any, Tensor]:
    """Returns what the encoder makes of texts, and which tokens are real, shape (texts, length)."""
    ids, real = (t.to(model.device) for t in padded(sources, 0))
    return model.get_encoder()(input_ids=ids, attention_mask=real), real


def taken(out: Any, real: Tensor, rows: Sequence[int]) -> dict[str, Any]:
    """Returns what a model takes in place of these texts, which its encoder has read."""
    at = torch.tensor(rows)  # on the CPU, since layers may lie on several devices
    states = {**out, "last_hidden_state": out.last_hidden_state[at]}
    return {"encoder_outputs": type(out)(**states), "attention_mask": real[at]}
