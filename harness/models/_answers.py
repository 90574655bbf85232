"""Answers that were collected elsewhere: each id and sample once, whatever the file says twice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.errors import BadConfig, BadModel, NotFound
from harness.models._table import SHOWN, broken, rows, some, value

COLUMNS = ("id", "sample", "text", "logprobs", "finish", "error")
LISTED = 20
"""Ids that a list names before it breaks off."""
_FINISHES = {
    **dict.fromkeys(("end_turn", "eos", "stop_sequence"), "stop"),
    **dict.fromkeys(("max_tokens", "model_length"), "length"),
    **dict.fromkeys(("content_filter", "refusal"), "refused"),
}
"""How services call what `Response.finish` names."""
_MOST = 1e300
"""How large a score of a sentence may be."""
_ABOVE = 1e-4
"""How far rounding may lift a log-probability above 0."""

Key = tuple[str, int]
"""An id and which sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what; without a name it is that of the field, where there is one."""

    id: str | None = None
    """One column, or several with a slash between them, whose values are joined by one."""
    sample: str | None = None
    text: str | None = None
    logprobs: str | None = None
    finish: str | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            name = getattr(self, each.name)
            if not isinstance(name, str | None) or name == "":
                raise BadConfig(
                    f"model.{each.name} is {name!r}",
                    where=f"model.{each.name}",
                    expected="the name of a column",
                    fix=f"set model.{each.name} to a name, or leave it out",
                )

    def needed(self) -> list[str]:
        """Returns the columns that have to be there."""
        named = (getattr(self, name) for name in COLUMNS[1:])
        return list(dict.fromkeys((*(self.id or "id").split("/"), *filter(None, named))))

    def read(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what a row says of each field."""
        told = {name: value(row, getattr(self, name) or name) for name in COLUMNS[1:]}
        parts = [value(row, column) for column in (self.id or "id").split("/")]
        return {"id": parts[0] if len(parts) == 1 else _joined(parts), **told}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer."""

    text: str | None = None
    logprobs: tuple[tuple[float, ...], ...] | None = None
    whole: bool = False
    """Whether a log-probability is that of a whole choice, not of a token."""
    score: float | None = None
    """Of one sentence, whose own id the row has."""
    finish: str = ""
    error: str | None = None
    line: int = field(default=0, compare=False)

    @property
    def empty(self) -> bool:
        """Says whether there is neither an answer nor a reason why there is none."""
        told = (self.text, self.logprobs, self.score, self.error)
        return all(each is None for each in told)


class Answers:
    """The answers of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[Key, Answer] = {}
        self.duplicates = 0
        self.doubled: dict[str, None] = {}
        """Some ids that the file holds more than once."""

    def add(self, key: Key, answer: Answer) -> bool:
        """Adds an answer, and says whether it is new.

        Raises:
            BadModel: another answer has this id.
        """
        known = self.found.setdefault(key, answer)
        if known is answer:
            return True
        if known != answer:
            raise broken(
                self.path,
                answer.line,
                f"two answers to {key[0]!r}, sample {key[1]}: line {known.line} holds another",
                "one answer for each id and sample",
                "name the column that counts the samples with model.sample, or remove one answer",
            )
        self.duplicates += 1
        if len(self.doubled) < LISTED:
            self.doubled[key[0]] = None
        return False


def read(path: Path, columns: Columns) -> Answers:
    """Reads the answers of a JSONL, CSV or Parquet file.

    Raises:
        BadModel: the file cannot be read, a value is of the wrong kind, or two answers have one id.
        NotFound: there is no such column.
    """
    answers, seen = Answers(path), dict[str, None]()
    unmet = dict.fromkeys(columns.needed())
    for line, row in rows(path, columns.needed()):
        if len(seen) < SHOWN:
            seen.update(dict.fromkeys(some(row)))
        told = columns.read(row)
        for name in [name for name in unmet if value(row, name) is not None]:
            del unmet[name]
        if told["id"] is None:
            raise NotFound.among("column", columns.id or "id", some(row), where=f"{path}:{line}")
        answers.add(*parsed(told, path, line))
    if not answers.found:
        raise broken(path, 0, "it holds no answer", "an answer a line, with its id")
    for name in unmet:
        if name not in seen and name.partition(".")[0] not in seen:
            raise NotFound.among("column", name, seen, where=str(path))
    return answers


def parsed(told: Mapping[str, Any], path: Path, line: int) -> tuple[Key, Answer]:
    """Checks the fields of one answer.

    Raises:
        BadModel: a value is of the wrong kind.
    """
    try:
        given = _given(told.get("logprobs"))
        score = _score(given)
        logprobs, whole = _logprobs(None if score is not None else given)
        finish = _text("finish", told.get("finish")) or ""
        answer = Answer(
            text=_text("text", told.get("text")),
            logprobs=logprobs,
            whole=whole,
            score=score,
            finish=_FINISHES.get(finish, finish),
            error=_text("error", told.get("error")) or None,
            line=line,
        )
        return (_id(told.get("id")), _sample(told.get("sample"))), answer
    except ValueError as error:
        raise _wrong(path, line, str(error)) from error


def _wrong(path: Path, line: int, what: str) -> BadModel:
    expected = (
        "id: text or a whole number; text, finish, error: text; sample: 0, 1, ...; logprobs: a"
        " number a choice, or a list of numbers a choice, each at most 0"
    )
    return broken(path, line, what, expected, "correct the row, or name another column")


def _joined(parts: Sequence[Any]) -> str | None:
    return None if None in parts else "/".join(map(_id, parts))


def _id(found: Any) -> str:
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise ValueError(f"the id is {_shown(found)}")
    text = str(found)
    text.encode()  # half a character is no id that a file could hold
    return text


def _sample(found: Any) -> int:
    if found is None or found == "":
        return 0
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 10:
        return int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 10**9:
        raise ValueError(f"the sample is {_shown(found)}")
    return found


def _text(name: str, found: Any) -> str | None:
    if found is not None and not isinstance(found, str):
        raise ValueError(f"the {name} is {_shown(found)}")
    return found


def _given(found: Any) -> Any:
    if not isinstance(found, str):
        return found
    try:  # as a field of a CSV holds it
        return json.loads(found) if found else None
    except (ValueError, RecursionError):
        raise ValueError(f"the logprobs are {_shown(found)}") from None


def _score(found: Any) -> float | None:
    """Returns the score of one sentence, any number; None where something else is given."""
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    if not abs(found) <= _MOST:
        raise ValueError(f"the score is {_shown(found)}")
    return float(found)


def _logprobs(found: Any) -> tuple[tuple[tuple[float, ...], ...] | None, bool]:
    """Returns the log-probabilities by choice and token, and whether one stands for a whole choice."""
    if found is None:
        return None, False
    if not isinstance(found, Sequence) or not found:
        raise ValueError(f"the logprobs are {_shown(found)}")
    whole = not isinstance(found[0], Sequence)
    listed = [[each] for each in found] if whole else found
    return tuple(tuple(map(_logprob, _tokens(each))) for each in listed), whole


def _tokens(found: Any) -> Sequence[Any]:
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise ValueError(f"the logprobs of a choice are {_shown(found)}")
    return found


def _logprob(found: Any) -> float:
    right = isinstance(found, int | float) and not isinstance(found, bool)
    if not right or not math.isfinite(found) or found > _ABOVE:
        raise ValueError(f"a log-probability is {_shown(found)}")
    return float(found)


def _shown(found: Any) -> str:
    text = "a huge number" if isinstance(found, int) and abs(found) > 1e18 else repr(found)
    return text if len(text) < 80 else f"{text[:80]}..."
