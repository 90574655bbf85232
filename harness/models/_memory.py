"""The file in which answers are remembered: SQLite, in which several processes may read and write.

A row is one answer: model, prompt, decoding, sample and version make its key, so nothing is served to
another model, to other words or to other settings. Write-ahead logging: a process that is killed
leaves what it had stored, and no half of an answer.
"""

from __future__ import annotations

import json
import sqlite3
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BadConfig

VERSION = 1
"""Of the harness's answers: raised when the same model and prompt would be answered otherwise."""
_APPLICATION = 0x61727434
_WAIT = 30.0
"""Seconds that another process's write is waited for."""
_TABLES = f"""
CREATE TABLE models (model TEXT PRIMARY KEY, told TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE answers (
  model TEXT NOT NULL, prompt TEXT NOT NULL, decoding TEXT NOT NULL, version INTEGER NOT NULL,
  sample INTEGER NOT NULL, id TEXT NOT NULL, made INTEGER NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (model, prompt, decoding, version, sample)
);
CREATE INDEX by_prompt ON answers (prompt);
CREATE INDEX by_id ON answers (id);
PRAGMA application_id = {_APPLICATION};
"""


@dataclass(frozen=True, slots=True)
class Key:
    """What an answer is an answer to; with a sample, it is that of one row."""

    model: str
    """The fingerprint."""
    prompt: str
    """SHA-256 of all that the model is shown or read by."""
    decoding: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Near:
    """Rows that are alike but for their sample."""

    key: Key
    version: int
    samples: int


class Memory:
    """A file of answers that is open.

    Its methods raise sqlite3.Error where the disk is full, or the file damaged.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        """Opens a file; with `new`, makes it where it is not there.

        Raises:
            BadConfig: it is no file of answers, or cannot be opened.
        """
        self.path = path
        try:
            if new:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.is_file():
                raise FileNotFoundError("there is no such file")
            self.base = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
            self.close = weakref.finalize(self, self.base.close)
            self._prepare()
        except (sqlite3.Error, OSError, ValueError) as error:
            raise BadConfig(
                f"{path} cannot be opened as a cache of answers: {error}",
                where="cache",
                expected="a file that `cache=FILE` made, or a new one in a folder that can be written",
                fix="choose another file with cache=FILE",
            ) from error

    def recall(self, key: Key, samples: int) -> list[Mapping[str, Any]] | None:
        """Returns the answers to a prompt, if each of its samples is remembered."""
        found = self.base.execute(
            "SELECT sample, answer FROM answers WHERE model = ? AND prompt = ? AND decoding = ?"
            " AND version = ? AND sample < ? ORDER BY sample",
            (key.model, key.prompt, key.decoding, VERSION, samples),
        ).fetchall()
        if len(found) < samples:
            return None
        return [{"sample": sample, **json.loads(answer)} for sample, answer in found]

    def keep(self, answers: Iterable[tuple[Key, str, int, Mapping[str, Any]]]) -> None:
        """Stores answers (key, id of the prompt, sample, answer), all or none; the first stays."""
        rows = [
            (
                k.model,
                k.prompt,
                k.decoding,
                VERSION,
                sample,
                id,
                int(time.time()),
                json.dumps(answer),
            )
            for k, id, sample, answer in answers
        ]
        with self._writing():
            self.base.executemany("INSERT OR IGNORE INTO answers VALUES (?,?,?,?,?,?,?,?)", rows)

    def introduce(self, fingerprint: str, told: Mapping[str, Any]) -> None:
        """Notes what a model is, so that a miss can be explained."""
        with self._writing():
            text = json.dumps(told, default=str)
            self.base.execute("INSERT OR IGNORE INTO models VALUES (?,?)", (fingerprint, text))

    def models(self) -> dict[str, Mapping[str, Any]]:
        """Returns what each model is."""
        return {m: json.loads(t) for m, t in self.base.execute("SELECT model, told FROM models")}

    def near(self, prompts: Sequence[str]) -> list[Near]:
        """Returns what is remembered of a prompt under any model, settings or version."""
        marks = ",".join("?" * len(prompts))
        found = self.base.execute(
            "SELECT model, prompt, decoding, version, MAX(sample) + 1 FROM answers"  # noqa: S608
            f" WHERE prompt IN ({marks}) GROUP BY model, prompt, decoding, version",
            tuple(prompts),
        )
        return [Near(Key(m, p, d), version, samples) for m, p, d, version, samples in found]

    def under(self, id: str) -> list[tuple[str, str, int, int, int]]:
        """Returns model, decoding, version, sample and time of the answers first asked under an id."""
        return self.base.execute(
            "SELECT model, decoding, version, sample, made FROM answers WHERE id = ? ORDER BY made",
            (id,),
        ).fetchall()

    def counts(self) -> list[tuple[str, int, int, int, int, int]]:
        """Returns for each model and version: answers, prompts, and when the first and last came."""
        return self.base.execute(
            "SELECT model, version, COUNT(*), COUNT(DISTINCT prompt), MIN(made), MAX(made)"
            " FROM answers GROUP BY model, version ORDER BY MAX(made)"
        ).fetchall()

    def prune(self, models: Sequence[str], before: float) -> int:
        """Forgets other versions, these models, and what is older; returns how many answers."""
        marks = ",".join("?" * len(models))
        with self._writing():
            done = self.base.execute(
                f"DELETE FROM answers WHERE version <> ? OR made < ? OR model IN ({marks})",  # noqa: S608
                (VERSION, before, *models),
            )
            self.base.execute("DELETE FROM models WHERE model NOT IN (SELECT model FROM answers)")
        self.base.execute("VACUUM")
        self.base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return done.rowcount

    def _prepare(self) -> None:
        self._check()
        end = time.monotonic() + _WAIT
        while True:  # changing the mode does not wait for another process by itself
            try:
                self.base.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)
        self.base.execute("PRAGMA synchronous = NORMAL")
        with self._writing():
            if self._check():
                for statement in filter(str.strip, _TABLES.split(";")):
                    self.base.execute(statement)

    def _check(self) -> bool:
        """Says whether the file is new; refuses what holds something else."""
        [tables] = self.base.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        [application] = self.base.execute("PRAGMA application_id").fetchone()
        if tables and application != _APPLICATION:
            raise ValueError("it is a database of something else")
        return not tables

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Writes whole or not at all."""
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.base.in_transaction:  # a full disk may have ended it
                self.base.execute("ROLLBACK")
            raise
        self.base.execute("COMMIT")
