"""Asks causal, masked and encoder-decoder models of `transformers` that run in this process.

Settings: see `_settings.Settings`. Weights are safetensors or GGUF; no model's own code is run.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

# Read as torch loads: a waiting thread must not hold a core that another program could use.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch

from harness.errors import BadModel
from harness.models import _decoding, _loading
from harness.models._decoding import Draft
from harness.models._encoders import encoder_of, limit_of, scorer_of
from harness.models._encoding import UnfitError
from harness.models._foreseen import foresee as foresee
from harness.models._kinds import ABILITIES, CANNOT, NOTES, Kind
from harness.models._seq2seq import Seq2SeqScorer
from harness.models._settings import Settings, count_cores
from harness.records import Ask, Decoding, Message, Prompt, Response

ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>")
"""Tokens that end a turn, where the tokenizer knows them, besides those the model declares."""
GROWTH = 4
"""Generation takes so many times the tokens of a scoring batch: its steps are one token each."""


def open(settings: Mapping[str, Any], decoding: Decoding) -> Local:
    """Opens the model that `settings` name.

    Raises:
        BadConfig: a setting is unknown or out of range.
        BadModel: the model is missing, gated, too large, or cannot be read.
    """
    chosen = Settings.read(settings)
    torch.set_num_threads(chosen.threads or count_cores())
    return Local(_loading.load(chosen), chosen, decoding)


class Local:
    """A model in this process."""

    def __init__(self, loaded: _loading.Loaded, settings: Settings, decoding: Decoding) -> None:
        self.loaded, self.settings, self.decoding = loaded, settings, decoding
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        kind, limit = loaded.kind, limit_of(self.model.config, self.model)
        self.tokenizer_digest = _digest(self.tokenizer.backend_tokenizer.to_str())
        self.encoder = encoder_of(kind, self.tokenizer, settings.system, limit)
        self.rendered = self._render_sample()
        self.scorer: Any = scorer_of(kind, self.model, self.tokenizer, settings.batch)
        stateful = getattr(self.model, "_is_stateful", False)
        self.abilities = ABILITIES[kind] - ({Ask.GENERATE} if stateful else set())
        self.cannot = CANNOT[kind]
        self.stops = self._find_stops()
        told = [_config(self.model), sorted(self.stops), getattr(self.scorer, "prefix", [])]
        self.config_digest = _digest(json.dumps(told, sort_keys=True, default=str))

    def describe(self) -> Mapping[str, Any]:
        """Returns its provenance; `fingerprint` is a digest of all that can move an answer."""
        template, places = self.encoder.template, self._places()
        moves = {
            "weights": self.loaded.weights,
            "config": self.config_digest,  # equal weights under other settings answer otherwise
            "tokenizer": self.tokenizer_digest,
            "chat_template": None if template is None else _digest(template),
            "rendered": _digest(self.rendered),  # a template may write today's date
            "system": self.settings.system,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": "+".join(sorted({place.split(":")[0] for place in places.values()})),
            "packing": self.scorer.packing,
            "libraries": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
        }
        return {
            "name": self.loaded.name,
            "fingerprint": _digest(json.dumps(moves, sort_keys=True)),
            **moves,
            "kind": self.loaded.kind.value,
            "notes": list(NOTES[self.loaded.kind]),
            "context": self._context(),
            "revision": self.loaded.revision,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "device_map": places if self.settings.device_map else None,
            "threads": torch.get_num_threads(),
            "batch": self.settings.batch,
        }

    def _places(self) -> Mapping[str, str]:
        """Says which part of the model lies where."""
        spread = getattr(self.model, "hf_device_map", None) or {"": self.model.device}
        return {
            part: str(torch.device("cuda", at) if isinstance(at, int) else at)
            for part, at in spread.items()
        }

    def _context(self) -> str:
        if self.loaded.kind is Kind.MASKED:
            return "sentence pairs"
        return "plain text" if self.encoder.template is None else "chat template"

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers a window: scored choices, or `samples` texts, in the order of the prompts."""
        scored = self._score([p for p in prompts if p.ask is Ask.CHOOSE])
        written = self._write([p for p in prompts if p.ask is Ask.GENERATE])
        return [
            response
            for prompt in prompts
            for response in ([next(scored)] if prompt.ask is Ask.CHOOSE else next(written))
        ]

    def _score(self, prompts: Sequence[Prompt]) -> Iterator[Response]:
        requests: list[Any] = []
        encoded: list[tuple[int, int] | UnfitError] = []
        for prompt in prompts:
            try:
                own, tokens = self.encoder.choices(prompt)
            except UnfitError as error:
                encoded.append(error)
                continue
            encoded.append((len(own), tokens))
            requests += own
        scores = iter(self.scorer.score(requests) if requests else ())
        for prompt, found in zip(prompts, encoded, strict=True):
            if isinstance(found, UnfitError):
                yield _failed(prompt, 0, found)
                continue
            count, tokens = found
            scored = tuple(tuple(next(scores)) for _ in range(count))
            if not all(math.isfinite(value) for choice in scored for value in choice):
                yield _failed(prompt, 0, "the model's log-probabilities are no numbers")
                continue
            yield Response(prompt=prompt.id, logprobs=scored, tokens_in=tokens, finish="scored")

    def _write(self, prompts: Sequence[Prompt]) -> Iterator[list[Response]]:
        samples = self.decoding.samples
        drawn = samples if self.decoding.temperature > 0 else 1
        drafts: list[list[Draft] | UnfitError] = []
        for prompt in prompts:
            try:
                tokens = self.encoder.prompt(prompt, self.decoding.max_tokens)
            except UnfitError as error:
                drafts.append(error)
                continue
            drafts.append([Draft(tokens, self._seed(prompt, k)) for k in range(drawn)])
        for batch in _batches(drafts, GROWTH * self.settings.batch, self.decoding.max_tokens):
            _decoding.write(
                self._begin, batch, self.stops, self.decoding.temperature, self.decoding.max_tokens
            )
        for prompt, own in zip(prompts, drafts, strict=True):
            yield [
                _failed(prompt, sample, own)
                if isinstance(own, UnfitError)
                else self._read(prompt, sample, own[sample % drawn])
                for sample in range(samples)
            ]

    def _begin(self, prompts: Sequence[Sequence[int]]) -> _decoding.Steps:
        if isinstance(self.scorer, Seq2SeqScorer):
            return _decoding.Translated(self.model, prompts, self.scorer.prefix)
        return _decoding.Continued(self.model, prompts, self.scorer.packing == "tree")

    def _read(self, prompt: Prompt, sample: int, draft: Draft) -> Response:
        if draft.finish == "error":
            return _failed(prompt, sample, "the model's logits are no numbers")
        kept = draft.written[:-1] if draft.finish == "stop" else draft.written
        opened = self.tokenizer.decode(draft.tokens[-8:]).rstrip().endswith("<think>")
        text = self.tokenizer.decode(kept, clean_up_tokenization_spaces=False)
        reasoning, text = _split_reasoning(text, opened)
        for mark in self.tokenizer.all_special_tokens:
            text = text.replace(mark, "")
        return Response(
            prompt=prompt.id,
            sample=sample,
            text=text,
            reasoning=reasoning,
            tokens_in=len(draft.tokens),
            tokens_out=len(draft.written),
            finish=draft.finish,
        )

    def _seed(self, prompt: Prompt, sample: int) -> int:
        key = f"{self.decoding.seed}\n{prompt.id}\n{sample}"
        return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little", signed=True)

    def _find_stops(self) -> set[int]:
        declared = self.model.generation_config.eos_token_id if self.model.can_generate() else None
        known = self.tokenizer.get_vocab()
        ends = {known[token] for token in ENDS if token in known}
        listed = declared if isinstance(declared, list) else [declared]
        return {t for t in (*listed, self.tokenizer.eos_token_id, *ends) if t is not None}

    def _render_sample(self) -> str:
        """Renders a conversation at opening, so that a template that cannot is refused then."""
        try:
            return self.encoder.context([Message(role="user", content="?")])
        except UnfitError as error:
            raise BadModel(
                f"{error}",
                where="model.system" if self.settings.system else "the tokenizer's chat template",
                expected="a template that takes a user's turn, and model.system where it is set",
                fix="leave out model.system" if self.settings.system else "mend the template",
            ) from error


def _batches(
    drafts: Sequence[list[Draft] | UnfitError], tokens: int, room: int
) -> Iterator[list[Draft]]:
    """Groups drafts, longest first, to at most `tokens` padded tokens (or a single draft)."""
    ready = [draft for own in drafts if not isinstance(own, UnfitError) for draft in own]
    batch: list[Draft] = []
    for draft in sorted(ready, key=lambda d: -len(d.tokens)):
        if batch and (len(batch) + 1) * (len(batch[0].tokens) + room) > tokens:
            yield batch
            batch = []
        batch.append(draft)
    if batch:
        yield batch


def _split_reasoning(text: str, opened: bool) -> tuple[str | None, str]:
    """Splits a leading <think> block off; one that never ends is all reasoning."""
    if not (opened or text.lstrip().startswith("<think>")):
        return None, text
    reasoning, _, answer = text.partition("</think>")
    return reasoning.replace("<think>", "", 1).strip(), answer.lstrip()


def _config(model: Any) -> Mapping[str, Any]:
    """Returns what the configuration says of the model, not where it lies or who wrote it."""
    said: Mapping[str, Any] = model.config.to_dict()
    return {k: v for k, v in said.items() if k not in ("_name_or_path", "transformers_version")}


def _failed(prompt: Prompt, sample: int, why: object) -> Response:
    return Response(prompt=prompt.id, sample=sample, finish="error", error=str(why))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
