"""Prompts to be answered elsewhere, and answers that were given there."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import _opening, probes, prompts, store
from harness._commands import say
from harness.find import plugin
from harness.models._answers import LISTED, Answer, Answers, Key, parsed
from harness.models._table import broken, jsonl
from harness.records import Ask, Decoding, Prompt, RunConfig


def export(config: RunConfig, target: str) -> int:
    """Writes the prompts of a suite."""
    out = Path(target)
    store.free(out, "--out")
    decoding = _opening.decoding_of(config)
    loaded = probes.select(config.suite, config.probe_paths, config.benchmark)
    prompts.check(loaded, config.suite, config.seed)
    asked = prompts.expand(loaded, config.suite, config.seed)
    count = _write(out, (_question(prompt, decoding) for prompt in asked))
    say(f"wrote {count:,} prompts to {out}")
    return 0


def bring(asked: argparse.Namespace) -> int:
    """Imports answers, and says what is missing, doubled or surplus."""
    path, out = Path(asked.file), Path(asked.out)
    log = plugin("logs", asked.kind.replace("-", "_"))
    store.free(out, "--out")
    due = _due(Path(asked.prompts)) if asked.prompts else None
    answers = Answers(path)
    for line, told in log.read(path, asked.id):
        answers.add(*parsed(told, path, line))
    if not answers.found:
        raise broken(path, 0, "it holds no answer", "a log with samples")
    _write(out, (_line(key, answer) for key, answer in answers.found.items()))
    say(f"wrote {len(answers.found):,} answers to {out}")
    empty = [k for k, a in answers.found.items() if a.empty or a.error is not None]
    _tell("without an answer in the log", [key for key, _ in empty], len(empty))
    _tell("duplicate, the same answer again", answers.doubled, answers.duplicates)
    if due is not None:
        absent = [key for key in due if key not in answers.found]
        surplus = [key for key in answers.found if key not in due]
        _tell("missing: prompts without an answer", map(_named, absent), len(absent))
        _tell("surplus: answers to no prompt", map(_named, surplus), len(surplus))
    return 0


def _question(prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
    """Returns what is asked, without what its answer means."""
    told: dict[str, Any] = {"id": prompt.id, "ask": prompt.ask.value}
    told["messages"] = [asdict(message) for message in prompt.messages]
    told["choices"] = [choice.text for choice in prompt.choices]
    if not prompt.messages:
        told["starts"] = [choice.start for choice in prompt.choices]
    drawn = prompt.ask is Ask.GENERATE
    told["samples"] = decoding.samples if drawn else 1
    return told | {"temperature": decoding.temperature, "max_tokens": decoding.max_tokens}


def _line(key: Key, answer: Answer) -> dict[str, Any]:
    """Returns an answer as model=replay reads it."""
    logprobs: Any = answer.logprobs
    if answer.whole and answer.logprobs:
        logprobs = [number for (number,) in answer.logprobs]
    told = {"text": answer.text, "logprobs": logprobs}
    rest = {"finish": answer.finish or None, "error": answer.error}
    kept = {name: each for name, each in (told | rest).items() if each is not None}
    return {"id": key[0], "sample": key[1], **kept}


def _due(path: Path) -> dict[Key, None]:
    """Reads which answers exported prompts need."""
    due: dict[Key, None] = {}
    for line, row in jsonl(path):
        samples = row.get("samples", 1)
        if not isinstance(row.get("id"), str) or not isinstance(samples, int):
            raise broken(path, line, "no prompt", "a line as `art4 probes export` writes it")
        due |= dict.fromkeys((row["id"], sample) for sample in range(samples))
    return due


def _write(out: Path, lines: Iterable[Any]) -> int:
    count = 0

    def write(path: Path) -> None:
        nonlocal count
        with path.open("wb") as file:
            for line in lines:
                text = json.dumps(line, ensure_ascii=False, allow_nan=False)
                file.write(f"{text}\n".encode(errors="backslashreplace"))
                count += 1

    with store.guarded(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    store.whole(out, write)
    return count


def _named(key: Key) -> str:
    return f"{key[0]} (sample {key[1]})" if key[1] else key[0]


def _tell(what: str, ids: Iterable[str], count: int) -> None:
    say(f"{count:,} {what}")
    for number, each in enumerate(ids):
        if number == LISTED:
            say("  ...")
            return
        say(f"  {each[:200]!r}")
