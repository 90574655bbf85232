"""Gives the answers that a file holds: they were collected elsewhere, by whatever asked the prompts.

An answer that is missing is a response with an error, so it is counted as failed. Equal duplicates
are counted, two answers to one question are refused, and answers to no question are counted and
told. Log-probabilities of whole choices (one number each) serve formats with a question; a sentence
pair needs those of its shared tokens. Where a row holds one number, it is the score of one sentence
of a published set, whose own id it has (`Choice.also`): those of a prompt make its answer.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

from harness import store
from harness.errors import BadConfig, BadModel, NotFound
from harness.models._answers import LISTED, Answer, Answers, Columns, Key, read
from harness.models._base import Foreseen
from harness.models._given import refuse_unknown
from harness.records import WHOLE, YES_OR_NO, Ask, Decoding, Prompt, Response

BY = ("id", "item", "scenario")
"""What of a prompt an id of the file may mean."""
_NAMED = 3


def open(settings: Mapping[str, Any], decoding: Decoding) -> Replay:
    """Reads the file of answers that `settings` name.

    Raises:
        BadConfig, NotFound: a setting or column is unknown, or missing.
        BadModel: the file cannot be read, or holds two answers to one question.
    """
    columns = [each.name for each in fields(Columns)]
    known = ("path", "name", "by", *columns)
    refuse_unknown(settings, known)
    path, by = settings.get("path"), settings.get("by", "id")
    if not isinstance(path, str) or not path:
        raise BadConfig(
            f"model.path is {path!r}",
            where="model.path",
            expected="a file of answers: .jsonl, .csv or .parquet",
            fix="set model.path=FILE; `art4 probes export` writes the prompts to be answered",
        )
    if by not in BY:
        raise NotFound.among("meaning of an id", str(by), BY, where="model.by")
    mapping = Columns(**{column: settings.get(column) for column in columns})
    called = str(settings.get("name") or Path(path).stem)
    return Replay(read(Path(path), mapping), mapping, by, decoding, called)


def foresee(settings: Mapping[str, Any], decoding: Decoding) -> Foreseen:
    """Says what is known of the answers; raises as `open` does."""
    return replace(Foreseen.of(open(settings, decoding)), count=lambda _: 0)


class Replay:
    """Answers that were collected elsewhere."""

    abilities = frozenset(Ask)
    labelled = True

    def __init__(
        self, answers: Answers, columns: Columns, by: str, decoding: Decoding, name: str
    ) -> None:
        self.answers, self.columns, self.by = answers, columns, by
        self.decoding, self.name = decoding, name
        self.texts = any(a.text is not None for a in answers.found.values())
        self.scores = any(a.score is not None for a in answers.found.values())
        self.digest = store.digest(answers.path)
        self.met: Mapping[str, Any] = {}

    def describe(self) -> Mapping[str, Any]:
        """Returns where the answers come from, and how they meet the prompts once those are known."""
        moves = {"file": self.digest, "columns": asdict(self.columns), "by": self.by}
        text = json.dumps(moves, sort_keys=True)
        counts = {"answers": len(self.answers.found), "duplicate": self.answers.duplicates}
        told = {
            "name": self.name,
            "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
            **moves,
            "path": self.answers.path.name,
            **counts,
            "doubled": list(self.answers.doubled),
            **self.met,
        }
        return {**told, "notes": _notes(told)}

    def expect(self, prompts: Iterable[Prompt]) -> None:
        """Compares the answers with the prompts that will be asked.

        Raises:
            BadModel: no answer belongs to any of them, or one to several questions.
        """
        used, absent, missing, due, first = dict[Key, Prompt](), list[str](), 0, 0, ""
        for prompt in prompts:
            first = first or getattr(prompt, self.by)
            for key in self._keys(prompt):
                due += 1
                if key in self.answers.found:
                    other = used.setdefault(key, prompt)
                    if self.by == "id" and other.messages != prompt.messages:
                        raise self._shared(key, other.id, prompt.id)
                else:
                    missing += 1
                    if missing <= LISTED:
                        absent.append(f"{prompt.id} (sample {key[1]})" if key[1] else prompt.id)
        if not used:
            raise BadModel(
                f"none of {len(self.answers.found):,} answers belongs to a prompt of the suite",
                where=f"{self.answers.path}: ids such as {next(iter(self.answers.found))[0][:200]!r}",
                expected=f"the {self.by} of a prompt, such as {first!r}",
                fix="answer the prompts that `art4 probes export` writes for this suite and seed, or"
                " say with model.id and model.by what an id is",
            )
        surplus = [key for key in self.answers.found if key not in used]
        self.met = {
            "due": due,
            "missing": missing,
            "absent": absent,
            "surplus": len(surplus),
            "unasked": list(islice(dict.fromkeys(key for key, _ in surplus), LISTED)),
        }

    def _shared(self, key: Key, *prompts: str) -> BadModel:
        return BadModel(
            f"the answer {key[0]!r} belongs to {' and to '.join(prompts)}",
            where=str(self.answers.path),
            expected="ids that are unique over all that is asked",
            fix="ask one part of the set at a time, or join columns: model.id=category/example_id",
        )

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Looks each answer up."""
        if self.scores:
            return [self._scored(prompt) for prompt in prompts]
        return [
            self._response(prompt, key[1], self.answers.found.get(key))
            for prompt in prompts
            for key in self._keys(prompt)
        ]

    def _keys(self, prompt: Prompt) -> list[Key]:
        """Returns where the answers to a prompt stand: the one place that knows what an id means.

        An id of a published set may leave out the set and the part: bbq/Age/0, Age/0 or 0.
        """
        if self.scores:
            return [(choice.also or choice.text, 0) for choice in prompt.choices]
        known = self.answers.found
        own: str = getattr(prompt, self.by)
        ours = self.by != "id" or own.startswith(f"{prompt.probe}/")
        parts = [own] if ours else own.split("/")
        names = ["/".join(parts[at:]) for at in range(len(parts))]
        samples = range(self.decoding.answers(prompt.ask))
        return [
            next(((name, sample) for name in names if (name, sample) in known), (own, sample))
            for sample in samples
        ]

    def _scored(self, prompt: Prompt) -> Response:
        """Puts the scores of a prompt's sentences together.

        Only their order counts: where all are above 0 they are taken for likelihoods, else for
        log-likelihoods.
        """
        met = [self.answers.found.get(key) for key in self._keys(prompt)]
        scores = [each.score for each in met if each and each.score is not None]
        if prompt.surface != WHOLE or len(scores) < len(met):
            missing = (
                f"{len(met) - len(scores)} of {len(met)} scores are not in {self.answers.path.name}"
            )
            wrong = (
                missing
                if prompt.surface == WHOLE
                else "a score of a sentence answers no such prompt"
            )
            return Response(prompt=prompt.id, finish="error", error=wrong)
        logs = map(math.log, scores) if min(scores) > 0 else scores
        return Response(prompt=prompt.id, logprobs=tuple((each,) for each in logs), finish="scored")

    def _response(self, prompt: Prompt, sample: int, answer: Answer | None) -> Response:
        wrong = self._amiss(prompt, answer)
        if answer is None or wrong:
            return Response(prompt=prompt.id, sample=sample, finish="error", error=wrong)
        scored = prompt.ask is Ask.CHOOSE and answer.logprobs is not None
        return Response(
            prompt=prompt.id,
            sample=sample,
            text=answer.text,
            logprobs=answer.logprobs if scored else None,
            finish=answer.finish or ("scored" if scored else "stop"),
        )

    def _amiss(self, prompt: Prompt, answer: Answer | None) -> str | None:
        """Says why there is no answer, or why it is none to this prompt."""
        if answer is None or answer.empty:
            return f"no answer in {self.answers.path.name}"
        if answer.error is not None:
            return answer.error
        if prompt.ask is Ask.GENERATE:
            return "log-probabilities where a text was asked for" if answer.text is None else None
        given = len(answer.logprobs or prompt.choices)
        if given != len(prompt.choices):
            return f"{given} log-probabilities for {len(prompt.choices)} choices"
        if prompt.format not in YES_OR_NO and not all(answer.logprobs or (True,)):
            return "a choice without a log-probability"
        if answer.whole and not prompt.messages and prompt.surface != WHOLE:
            return "a pair needs the log-probabilities of its shared tokens, not those of sentences"
        return None


def _notes(told: Mapping[str, Any]) -> list[str]:
    """Tells in English and Chinese how the answers meet the prompts."""
    if "due" not in told:
        return []
    ways = (
        ("missing", "absent", "missing", "缺失"),
        ("surplus", "unasked", "answer no prompt of the suite", "不对应任何提示"),
        ("duplicate", "doubled", "stand there more than once", "重复"),
    )
    such = {
        key: "; ".join(each[:100] for each in told[some][:_NAMED]) + "; ..." * (told[key] > _NAMED)
        for key, some, _, _ in ways
    }
    english = ", ".join(
        f"{told[key]:,} {what}" + (f" ({such[key]})" if told[key] else "")
        for key, _, what, _ in ways
    )
    chinese = "，".join(
        f"{told[key]:,} 条{what}" + (f"（{such[key]}）" if told[key] else "")
        for key, _, _, what in ways
    )
    return [
        f"The answers were collected elsewhere and read from {told['path']}: who gave them, and how it"
        f" was asked, is not known here. Of {told['due']:,} answers that the suite needs, and"
        f" {told['answers']:,} in the file: {english}.",
        f"回答在别处收集，读自 {told['path']}：由谁给出、如何提问，此处无从得知。套件需要 {told['due']:,} 条回答，"
        f"文件中有 {told['answers']:,} 条：{chinese}。",
    ]
