"""What a cache of answers holds, and why it did not hold one."""

import argparse
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import runs, store
from harness._commands import say
from harness.errors import BadConfig, BadRun, NotFound
from harness.models._cached import key_of
from harness.models._memory import VERSION, Key, Memory, Near
from harness.records import Decoding, Prompt, from_table

_LISTED = 20
_UNLISTED = "the model's fingerprint differs (how answers are drawn, or its code)"
Models = Mapping[str, Mapping[str, Any]]
"""Fingerprint -> what the model is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run asks a model for."""

    model: Mapping[str, Any]
    decoding: Decoding


def command(asked: argparse.Namespace) -> int:
    """Runs one of the commands on a file that is open."""
    memory = Memory(Path(asked.file))
    try:
        lines = {"stats": stats, "explain": explain, "prune": prune}[asked.what](memory, asked)
    except (sqlite3.Error, ValueError) as error:
        raise BadConfig(
            f"{asked.file} cannot be read or written: {error}",
            where=asked.file,
            expected="a cache of answers that is whole and not in use",
            fix="try again when no run uses it, or remove it: a run does without",
        ) from error
    finally:
        memory.close()
    for line in lines:
        say(line)
    return 0


def stats(memory: Memory, _: argparse.Namespace) -> list[str]:
    """Counts answers by model."""
    models, counts = memory.models(), memory.counts()
    size = sum(p.stat().st_size for p in memory.path.parent.glob(f"{memory.path.name}*"))
    lines = [f"{sum(row[2] for row in counts):,} answers, {size / 2**20:,.1f} MiB"]
    for model, version, answers, prompts, first, last in counts:
        old = "" if version == VERSION else f", of another version ({version}): never served"
        when = dict.fromkeys((_day(first), _day(last)))
        lines.append(
            f"  {_name(models, model):40} {answers:,} answers to {prompts:,} prompts,"
            f" {' to '.join(when)}{old}"
        )
    return lines


def explain(memory: Memory, asked: argparse.Namespace) -> list[str]:
    """Says why answers of a run are not there, or what is there of a prompt."""
    if not (Path(asked.subject) / store.RUN).is_file():
        return _held(memory, asked.subject)
    run = runs.reopen(Path(asked.subject))
    if not run.folder.has(store.PROMPTS):
        raise BadRun(
            f"{asked.subject} has no prompts yet",
            where=asked.subject,
            expected="a run that has begun to ask",
            fix="start it again; it goes on where it stopped",
        )
    wanted, models = (
        Wanted(model=run.head["model"], decoding=Decoding(**run.head["decoding"])),
        memory.models(),
    )
    found, first = Counter[str](), dict[str, str]()
    for window in run.folder.read_windows(store.PROMPTS):
        for prompt in from_table(window, Prompt):
            why = miss(memory, models, prompt, wanted)
            found[why] += 1
            first.setdefault(why, prompt.id)
    hits = found.pop("", 0)
    lines = [f"{hits:,} of {hits + found.total():,} prompts have their answers in {memory.path}"]
    return lines + [f"{n:,} do not: {why}, such as {first[why]}" for why, n in found.most_common()]


def prune(memory: Memory, asked: argparse.Namespace) -> list[str]:
    """Forgets answers of other versions, of some models, or that are old."""
    models = memory.models()
    known = {model: (_name(models, model), str(told.get("name"))) for model, told in models.items()}
    chosen = [model for model, names in known.items() if asked.model in names]
    if asked.model and not chosen:
        shown = [name for name, _ in known.values()]
        raise NotFound.among("model", asked.model, shown, where=str(memory.path))
    before = time.time() - 86_400 * asked.days if asked.days is not None else 0
    return [f"forgot {memory.prune(chosen, before):,} answers"]


def miss(memory: Memory, models: Models, prompt: Prompt, wanted: Wanted) -> str:
    """Says why the answers to a prompt are not remembered; nothing where they are."""
    mark = str(wanted.model["fingerprint"])
    keys = [key_of(prompt, mark, wanted.decoding, labelled) for labelled in (False, True)]
    samples = wanted.decoding.answers(prompt.ask)
    rows = memory.near([key.prompt for key in keys])
    reasons = [_differences(row, keys[0], samples, models, wanted) for row in rows]
    if reasons:
        nearest: list[str] = min(reasons, key=len)
        return "; ".join(nearest)
    return "it was asked in other words" if memory.under(prompt.id) else "it was never asked"


def _differences(row: Near, key: Key, samples: int, models: Models, wanted: Wanted) -> list[str]:
    """Says in what a remembered answer differs from the one that is wanted."""
    told = []
    if row.key.model != key.model:
        there, here = models.get(row.key.model, {}), wanted.model
        names = [n for n in {**there, **here} if n not in ("fingerprint", "notes")]
        if there.get("name") != here.get("name"):
            names = ["name"]
        told += _pairs("model ", there, here, names) or [_UNLISTED]
    there, here = json.loads(row.key.decoding), json.loads(key.decoding)
    told += _pairs("", there, here, [name for name in there if name in here])
    if row.version != VERSION:
        told.append(
            f"the harness's version of answers differs: {row.version} there, {VERSION} here"
        )
    if row.samples < samples:
        told.append(f"{row.samples} samples there, {samples} here")
    return told


def _pairs(
    kind: str, there: Mapping[str, Any], here: Mapping[str, Any], names: Sequence[str]
) -> list[str]:
    return [
        f"{kind}{name} differs: {_short(there.get(name))} there, {_short(here.get(name))} here"
        for name in names
        if there.get(name) != here.get(name)
    ]


def _held(memory: Memory, id: str) -> list[str]:
    """Lists what is remembered of a prompt."""
    found, models = memory.under(id), memory.models()
    if not found:
        raise NotFound(
            f"{id} is neither a run nor a prompt of which an answer is remembered",
            where=str(memory.path),
            expected="the folder of a run, or the id of a prompt that was asked",
            fix="give the folder of the run: it is told why its answers are not there",
        )
    lines = [f"{len(found):,} answers to {id}"]
    for model, decoding, version, sample, made in found[:_LISTED]:
        drawn = ", ".join(f"{k} {v}" for k, v in json.loads(decoding).items() if k != "id")
        lines.append(
            f"  {_name(models, model)}: sample {sample}, {drawn}, version {version}, {_day(made)}"
        )
    return lines + ["  ..."] * (len(found) > _LISTED)


def _name(models: Models, model: str) -> str:
    return f"{models.get(model, {}).get('name', '?')} ({model[:12]})"


def _short(found: Any) -> str:
    text = json.dumps(found, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
