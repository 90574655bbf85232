"""Reads rows of a file that others wrote: JSONL, JSON, CSV or Parquet, each of bounded size."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import BadModel, NotFound

RECORD = 16 * 2**20
"""Bytes that one record may take."""
SHOWN = 100
"""Names of columns that are shown where one is not found."""
JSON = 2**28
"""Bytes that a file of JSON may have, which is read whole."""
_BATCH, _BATCH_BYTES = 256, 2**30

Row = tuple[int, Mapping[str, Any]]
"""Its line (Parquet: its row), and column -> value."""


def rows(path: Path, columns: Sequence[str] = ()) -> Iterator[Row]:
    """Yields the rows of a file; `columns` must be there, where the kind of file declares them.

    Raises:
        BadModel: the file is not there, cannot be read, or a row is broken or too large.
        NotFound: there is no such column.
    """
    if not path.is_file():
        raise BadModel(
            f"{path} is not there, or no file",
            where="model.path",
            expected=f"a file that ends with {', '.join(KINDS)}",
            fix="correct the path",
        )
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadModel(
            f"{path.name} ends with {path.suffix or 'nothing'!r}, which says no kind of file",
            where=str(path),
            expected=f"one of {', '.join(KINDS)}",
            fix="rename it, or make JSONL of it: one JSON object a line",
        )
    try:
        yield from kind(path, columns)
    except (OSError, pa.ArrowException) as error:
        raise broken(path, 0, f"it cannot be read: {error}") from error


def value(row: Mapping[str, Any], name: str) -> Any:
    """Returns what a column holds; a name with dots leads into nested values, None leads nowhere."""
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def mapping(found: Any) -> Mapping[str, Any]:
    """Returns a mapping as it is, and an empty one for anything else."""
    return found if isinstance(found, Mapping) else {}


def broken(path: Path, line: int, what: str, expected: str = "", fix: str = "") -> BadModel:
    """Makes the error for a line of a file; line 0 stands for the file."""
    return BadModel(
        what if len(what) < 500 else f"{what[:500]}...",
        where=f"{path}:{line}" if line else str(path),
        expected=expected or "a whole record",
        fix=fix or "correct it, or have the file written again",
    )


def some(names: Iterable[str]) -> list[str]:
    """Returns names that can be shown: not too many, none too long, and no escape codes."""
    return [
        "".join(c if c.isprintable() else "?" for c in name[:80]) for name in islice(names, SHOWN)
    ]


def decoded(raw: bytes, path: Path, line: int) -> Any:
    """Reads JSON.

    Raises:
        BadModel: it is none.
    """
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        told = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise broken(path, line, f"no JSON: {told}", "one JSON object a line") from error


def jsonl(path: Path, columns: Sequence[str] = ()) -> Iterator[Row]:  # noqa: ARG001
    """Yields the objects of a JSONL file, which declares no columns; empty lines are passed over."""
    if not path.is_file():
        raise broken(
            path, 0, "it is not there, or no file", "one JSON object a line", "correct the path"
        )
    with path.open("rb") as file:
        for line, raw in _lines(file, path, b""):
            if raw.strip():
                found = decoded(raw, path, line)
                if not isinstance(found, dict):
                    what = f"a {type(found).__name__} where an object should be"
                    raise broken(path, line, what, "one JSON object a line")
                yield line, found


def _json(path: Path, columns: Sequence[str]) -> Iterator[Row]:  # noqa: ARG001
    """Yields the objects of a list, or of all lists of an object, counted from 1."""
    if path.stat().st_size > JSON:
        raise broken(path, 0, f"more than {JSON:,} bytes", "a smaller file", "make JSONL of it")
    found = decoded(path.read_bytes(), path, 0)
    lists = list(found.values()) if isinstance(found, dict) else [found]
    if not all(isinstance(own, list) for own in lists):
        raise broken(path, 0, "something that is no list", "a list of objects, or several by name")
    for at, row in enumerate((each for own in lists for each in own), 1):
        if not isinstance(row, dict):
            raise broken(path, at, f"a {type(row).__name__} where an object should be")
        yield at, row


def _csv(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    before = csv.field_size_limit(RECORD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader((text for _, text in _lines(file, path, "")), strict=True)
            try:
                yield from _records(reader, path, columns)
            except (csv.Error, UnicodeDecodeError) as error:
                raise broken(path, reader.line_num + 1, f"no CSV: {error}") from error
    finally:
        csv.field_size_limit(before)


def _records(reader: Any, path: Path, columns: Sequence[str]) -> Iterator[Row]:
    head: list[str] = next(reader, [])
    if len(set(head)) < len(head):
        raise broken(path, 1, "two columns have one name", "a name of its own for each column")
    _declared(columns, head, path)
    for fields in filter(None, reader):
        if len(fields) != len(head):
            what = f"{len(fields)} fields where the first line names {len(head)}"
            raise broken(path, reader.line_num, what)
        yield reader.line_num, dict(zip(head, fields, strict=True))


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        _declared(columns, file.schema_arrow.names, path)
        number, groups = count(1), range(file.metadata.num_row_groups)
        widest = max((file.metadata.row_group(n).total_byte_size for n in groups), default=1)
        # a value may be packed once for all its rows, but is no larger than its row group
        for batch in file.iter_batches(max(1, min(_BATCH, _BATCH_BYTES // max(1, widest)))):
            if batch.nbytes > RECORD * len(batch):
                raise broken(path, next(number), "rows that are too large", f"{RECORD} bytes each")
            yield from zip(number, batch.to_pylist(), strict=False)


KINDS: Mapping[str, Callable[[Path, Sequence[str]], Iterator[Row]]] = {
    ".jsonl": jsonl,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}


def _declared(columns: Sequence[str], names: Sequence[str], path: Path) -> None:
    for name in columns:
        if name not in names and name.partition(".")[0] not in names:
            raise NotFound.among("column", name, some(names), where=str(path))


def _lines(file: IO[Any], path: Path, end: Any) -> Iterator[tuple[int, Any]]:
    """Yields the lines of a file, none of which is read when it is too long."""
    for line in count(1):
        raw = file.readline(RECORD + 1)
        if raw == end:
            return
        if len(raw) > RECORD:
            raise broken(path, line, f"a line of more than {RECORD:,} bytes")
        yield line, raw
