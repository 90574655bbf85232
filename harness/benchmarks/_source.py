"""Reads the data of a published set: a file, a folder of files, or a Hugging Face data set id."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness import store
from harness.errors import BadConfig, BadProbe, HarnessError
from harness.models._table import rows

Row = Mapping[str, Any]
_ID = re.compile(r"[\w.-]+/[\w.-]+")
_UNREADABLE = (
    *(OSError, csv.Error, RecursionError),
    *(ValueError, TypeError, KeyError, AttributeError),
)
"""What reading a file raises that is damaged, or of another set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a published set is, and how its files are known."""

    name: str
    title: str
    """With authors and year."""
    licence: str
    url: str
    fields: tuple[str, ...]
    """Columns that every row has."""
    kinds: tuple[str, ...] = (".jsonl",)
    """How the names of its files end."""
    layout: Callable[[Path], Iterable[Row]] | None = None
    """What reads a file that is neither JSONL, CSV nor Parquet; it may raise ValueError."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """File of upstream, by name (with folders where names repeat) -> checksum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a set, read whole."""

    name: str
    digest: str
    rows: Sequence[Row]
    known: bool
    """Whether upstream's checksum is known, and this is it."""
    place: Path | None = None
    """Where it lies; None where it is no single file."""


def read(source: Source, given: Mapping[str, str]) -> list[File]:
    """Reads the files that `given` names (`path`, `revision`, `sha256`), in the order of their names.

    Raises:
        BadConfig: no path is given, or it leads to nothing of the set.
        BadProbe: a file was changed since upstream published it, is damaged, or lacks a column.
    """
    path = given.get("path")
    if path is None:
        raise _wrong(source, "benchmark.path is not set", f"get the data from {source.url}")
    place = Path(path).expanduser()
    if place.exists():
        if "revision" in given:
            raise _wrong(source, f"{path} is a local path", "leave benchmark.revision out")
        return [_file(source, file, given) for file in _files(source, place)]
    if _ID.fullmatch(path) and not place.suffix:
        return [_hub(source, path, given.get("revision"))]
    raise _wrong(source, f"{path} is not there", "correct benchmark.path")


def tabbed(path: Path, quoting: Literal[0, 3] = csv.QUOTE_NONE) -> Iterator[Row]:
    """Yields the rows of a file with tabs between its cells, under the names of its head.

    Raises:
        ValueError: a row has another number of cells than the head.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=quoting, strict=True):
            if None in row or None in row.values():
                first = next(iter(row.values()))
                raise ValueError(f"row {first!r} has another length than the head")
            yield row


def joined(files: Sequence[File], name: str) -> File:
    """Stands for several files that one probe is made of: known if each is, a digest of all."""
    digest = hashlib.sha256("".join(file.digest for file in files).encode()).hexdigest()
    return replace(files[0], name=name, digest=digest, known=all(file.known for file in files))


def by_key(file: Path, columns: Sequence[str]) -> dict[tuple[str, ...], Row]:
    """Reads a file of metadata by the values of some columns.

    Raises:
        BadConfig: it is not there or cannot be read.
    """
    try:
        return {tuple(str(row[c]) for c in columns): row for _, row in rows(file, columns)}
    except (HarnessError, KeyError) as error:
        raise BadConfig(
            f"the metadata cannot be read: {getattr(error, 'what', error)}",
            where=f"benchmark.metadata: {file}",
            expected=f"a file with the columns {', '.join(columns)}",
            fix="correct benchmark.metadata",
        ) from error


def unique(file: File, ids: Sequence[object]) -> None:
    """Refuses a file that holds an item twice.

    Raises:
        BadProbe: it does.
    """
    seen = set[object]()
    for at, each in enumerate(ids):
        if each in seen:
            raise broken(file.name, at + 1, f"the item {each!r} is there twice", "each item once")
        seen.add(each)


def broken(name: str, line: int, what: str, expected: str, fix: str = "") -> BadProbe:
    """Makes the error for a row of a set's file; line 0 stands for the file."""
    where = f"{name}, row {line}" if line else name
    return BadProbe(what, where=where, expected=expected, fix=fix or "fetch the file again")


def _files(source: Source, place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    depth = max((name.count("/") for name in source.sha256), default=0)
    levels = ["*/" * level for level in range(depth + 1)]
    found = sorted(f for kind in source.kinds for at in levels for f in place.glob(f"{at}*{kind}"))
    if not found:
        raise _wrong(
            source, f"{place} holds no {' or '.join(source.kinds)}", "name the folder that does"
        )
    return found


def _file(source: Source, path: Path, given: Mapping[str, str]) -> File:
    digest, whole = store.digest(path), f"/{path.resolve().as_posix()}"
    name = next((name for name in source.sha256 if whole.endswith(f"/{name}")), path.name)
    known = source.sha256.get(name)
    wanted = given.get("sha256", known or digest)
    if digest != wanted:
        whose = "benchmark.sha256 says" if "sha256" in given else "upstream published"
        raise broken(
            str(path),
            0,
            f"{name} was changed: its SHA-256 is {digest[:16]}...",
            f"{wanted[:16]}..., as {whose}",
            f"fetch it from {source.url}, or accept this one with benchmark.sha256={digest}",
        )
    if not path.name.endswith(source.kinds):
        what = f"{path.name} does not end with {' or '.join(source.kinds)}"
        raise _wrong(source, what, "name a file of the set")
    try:
        found = list(source.layout(path)) if source.layout else [row for _, row in rows(path)]
    except HarnessError as error:
        raise broken(str(path), 0, error.what, error.expected, error.fix) from error
    except _UNREADABLE as error:
        raise broken(
            str(path), 0, f"it cannot be read: {error}", f"a file of {source.title}"
        ) from error
    _check(source, name, found)
    return File(name=name, digest=digest, rows=found, known=digest == known, place=path)


def _hub(source: Source, name: str, revision: str | None) -> File:
    """Loads a data set of the hub; no code of it is run."""
    import datasets

    try:
        parts = datasets.load_dataset(name, revision=revision)
    except Exception as error:  # a missing set, a gate, no connection, a broken cache
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise _wrong(
            source, f"{name} is no path here and cannot be had: {told}", "give a local path"
        ) from error
    found = [row for part in sorted(parts) for row in parts[part]]
    _check(source, name, found)
    text = json.dumps(found, sort_keys=True, ensure_ascii=False, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return File(name=f"{name}@{revision or 'main'}", digest=digest, rows=found, known=False)


def _check(source: Source, name: str, found: Sequence[Row]) -> None:
    if not found:
        raise broken(name, 0, "it holds no row", f"rows of {source.title}")
    for at, row in enumerate(found):
        if missing := [column for column in source.fields if column not in row]:
            raise broken(
                name,
                at + 1,
                f"{', '.join(missing)} missing",
                f"the columns of {source.title}: {', '.join(source.fields)}",
                "give a file of this set",
            )


def _wrong(source: Source, what: str, fix: str) -> BadConfig:
    kinds = " or ".join(source.kinds)
    return BadConfig(
        what,
        where="benchmark.path",
        expected=f"the data of {source.title}: a {kinds} file, a folder of them, or a data set id",
        fix=fix,
    )
