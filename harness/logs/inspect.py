"""inspect: the logs of inspect_ai, `.eval` (a ZIP of JSON) or `.json`.

A sample has `id`, `epoch` (from 1), `output` with `choices`, and `error` where it failed. The answer
is the text of the first choice; what the model thought is left out, and so are log-probabilities,
since they are those of tokens it wrote, not of the choices. Entries may be stored, deflated or, as
newer versions write them, Zstandard, which zipfile of this Python cannot read.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from harness.errors import NotFound
from harness.models._table import broken, decoded, mapping, some, value

_WHOLE = 512 * 2**20
"""Bytes of a .json log, which is read at once."""
_SAMPLE = 128 * 2**20
"""Bytes of one sample, with all that happened in it."""
_ZSTD, _HEADER = 93, 30
"""The method's number in a ZIP, and the bytes before an entry's name."""


def read(path: Path, id: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields the answers of a log; its lines are the samples, from 1.

    Raises:
        BadModel: it is no such log, or a sample is too large.
        NotFound: a sample has no field of that name.
    """
    if not path.is_file():
        raise broken(path, 0, "it is not there, or no file", "a .eval or .json log")
    for number, sample in enumerate(_samples(path), 1):
        name = id or "id"
        if not isinstance(sample, dict) or value(sample, name) is None:
            fields = some(sample if isinstance(sample, dict) else ())
            raise NotFound.among("field", name, fields, where=f"{path}: sample {number}")
        yield number, {"id": value(sample, name), **_answer(sample, path, number)}


def _samples(path: Path) -> Iterator[Any]:
    if not zipfile.is_zipfile(path):
        if path.stat().st_size > _WHOLE:
            raise broken(
                path, 0, f"more than {_WHOLE:,} bytes", "a smaller log", "write it as .eval"
            )
        log = decoded(path.read_bytes(), path, 1)
        samples = log.get("samples") if isinstance(log, dict) else None
        if not isinstance(samples, list):
            raise broken(path, 0, "no list under `samples`", "a log of inspect_ai with its samples")
        yield from samples
        return
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            for entry in archive.infolist():
                if entry.filename.startswith("samples/") and entry.filename.endswith(".json"):
                    yield decoded(_content(archive, raw, entry, path), path, 0)
    except (zipfile.BadZipFile, zlib.error, pa.ArrowException, OSError, EOFError,
            NotImplementedError, RuntimeError, ValueError) as error:  # fmt: skip
        raise broken(path, 0, f"the archive cannot be read: {error}") from error


def _content(archive: zipfile.ZipFile, raw: IO[bytes], entry: zipfile.ZipInfo, path: Path) -> bytes:
    """Returns an entry, of which no more is unpacked than a record may take."""
    if entry.compress_type == _ZSTD:
        raw.seek(entry.header_offset)
        header = raw.read(_HEADER)
        raw.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:], "little"), 1)
        packed = raw.read(min(entry.compress_size, _SAMPLE + 1))
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            found: bytes = stream.read(_SAMPLE + 1)
    else:
        with archive.open(entry) as file:
            found = file.read(_SAMPLE + 1)
    if len(found) > _SAMPLE:
        raise broken(path, 0, f"{entry.filename[:200]} takes more than {_SAMPLE:,} bytes")
    return found


def _answer(sample: Mapping[str, Any], path: Path, number: int) -> dict[str, Any]:
    epoch, output = sample.get("epoch", 1), mapping(sample.get("output"))
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 1:
        raise broken(path, number, f"epoch is {epoch!r:.80}", "1, 2, ...")
    choices = output.get("choices")
    first = mapping(choices[0]) if isinstance(choices, list) and choices else {}
    content = mapping(first.get("message")).get("content")
    text = _text((output.get("completion") or None) if content is None else content, sample)
    finish = None if first.get("stop_reason") == "unknown" else first.get("stop_reason")
    error = sample.get("error") or (output.get("error") if not text else None)
    told = error.get("message") if isinstance(error, Mapping) else error
    failed = {"error": str(told or "failed")[:2000]} if error and finish != "content_filter" else {}
    return {"sample": epoch - 1, "text": text, "finish": finish, **failed}


def _text(content: Any, sample: Mapping[str, Any]) -> Any:
    """Joins the text of a message; one that was put aside is fetched."""
    if isinstance(content, list):
        parts = [each for each in map(mapping, content) if each.get("type") == "text"]
        return "\n".join(str(part.get("text", "")) for part in parts)
    if isinstance(content, str) and content.startswith("attachment://"):
        return mapping(sample.get("attachments")).get(content.removeprefix("attachment://"))
    return content
