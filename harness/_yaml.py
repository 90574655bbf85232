"""Reads the YAML and JSONL of probes safely, and remembers the line of everything.

Built on YAML's events rather than its loader: no object is ever constructed. Plain scalars follow
YAML 1.2 (`yes`, `no`, `on`, dates and octal numbers stay texts); aliases, anchors and tags are
refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.errors import BadProbe

Place = tuple[str | int, ...]
"""The keys and positions that lead to a node."""

FILE_BYTES, LINE_BYTES, DEPTH = 5_000_000, 1_000_000, 20
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What no text may hold, written out or as an escape; half a character among it."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file holds, and where."""

    path: Path
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """Returns the line of a node, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def at(self, place: Place = ()) -> str:
        """Returns `file:line` and the path to the node."""
        inside = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
        return f"{self.path}:{self.line(place)}" + (f" ({inside})" if inside else "")


def read(path: Path) -> Tree:
    """Reads a `.yaml` or `.jsonl` file.

    Raises:
        BadProbe: what cannot be read, is too large, is no text, or does more than hold data.
    """
    text = _text(path)
    return _jsonl(path, text) if path.suffix == ".jsonl" else _yaml(path, text)


def _bad(what: str, path: Path, line: int, expected: str, fix: str) -> BadProbe:
    return BadProbe(what, where=f"{path}:{line}", expected=expected, fix=fix)


def _text(path: Path) -> str:
    plain = f"a UTF-8 text file of at most {FILE_BYTES // 10**6} MB"
    try:
        size = path.stat().st_size
        if size > FILE_BYTES:
            raise _bad(f"the file has {size:,} bytes", path, 1, plain, "split the probe")
        raw = path.read_bytes()
    except OSError as error:
        raise _bad(
            f"the file cannot be read: {error.strerror}", path, 1, plain, "restore the file"
        ) from error
    for number, length in enumerate(map(len, raw.split(b"\n")), 1):
        if length > LINE_BYTES:
            expected = f"lines of at most {LINE_BYTES // 10**6} MB"
            raise _bad(f"a line of {length:,} bytes", path, number, expected, "break the line")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise _bad(what, path, line, plain, "save the file as UTF-8") from error
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        what = f"control character {found.group()!r}: the file is binary"
        raise _bad(what, path, line, plain, "remove the character")
    if not text.strip():
        raise _bad("the file is empty", path, 1, plain, "write the probe: see docs/probes.md")
    return text


class _Builder:
    """Turns YAML events into plain data, one recursion for each level (at most DEPTH)."""

    def __init__(self, path: Path, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.tree = Tree(path, None)
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))

    def fail(self, what: str, event: Any, expected: str, fix: str) -> BadProbe:
        return _bad(what, self.tree.path, _line(event), expected, fix)

    def document(self) -> Any:
        next(self.events)  # the start of the stream
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            raise self.fail("the file is empty", start, "a YAML document", "write the probe")
        data = self.node(next(self.events), ())
        next(self.events)  # the end of the document
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            raise self.fail("a second document", event, "one document a file", "remove `---`")
        return data

    def node(self, event: Any, place: Place) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            what = f"alias or anchor {event.anchor!r}"
            raise self.fail(what, event, "plain data", "write the text out, or put it in quotes")
        if getattr(event, "tag", None):
            what = f"tag {event.tag!r}"
            raise self.fail(what, event, "plain data without tags", "remove the tag")
        if len(place) > DEPTH:
            what = f"nested deeper than {DEPTH} levels"
            raise self.fail(what, event, f"at most {DEPTH} levels", "flatten it")
        self.tree.lines.setdefault(place, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            if found := _CONTROL.search(event.value):
                what = f"control character {found.group()!r}"
                raise self.fail(what, event, "plain text", "remove the character")
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(place)
        return self.mapping(place)

    def sequence(self, place: Place) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.node(event, (*place, len(found))))
        return found

    def mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag or event.anchor:
                raise self.fail("a key that is no text", event, "a word as key", "quote the key")
            if (key := event.value) in found:
                first = self.tree.lines[(*place, key)]
                what = f"key {key!r} stands twice (first in line {first})"
                raise self.fail(what, event, "each key once", "remove or rename one of them")
            self.tree.lines[(*place, key)] = _line(event)
            found[key] = self.node(next(self.events), (*place, key))
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INT.fullmatch(text) else text


def _yaml(path: Path, text: str) -> Tree:
    builder = _Builder(path, text)
    try:
        data = builder.document()
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        what = f"no valid YAML: {getattr(error, 'problem', None) or error}"
        line = mark.line + 1 if mark else 1
        fix = "put the text in quotes, or mend the indentation"
        raise _bad(what, path, line, "YAML as in docs/probes.md", fix) from error
    return Tree(path, data, builder.tree.lines)


def _jsonl(path: Path, text: str) -> Tree:
    tree = Tree(path, [])
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            node = json.loads(line, object_pairs_hook=_once, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            what = f"no valid JSON: {error}"
            raise _bad(what, path, number, "one JSON object a line", "mend the line") from error
        if _depth(node) > DEPTH:
            what = f"nested deeper than {DEPTH} levels"
            raise _bad(what, path, number, f"at most {DEPTH} levels", "flatten it")
        if "\\" in line and (found := _CONTROL.search("".join(_texts(node)))):
            what = f"control character {found.group()!r}"
            raise _bad(what, path, number, "plain text", "remove the character")
        tree.lines[(len(tree.data),)] = number
        tree.data.append(node)
    return tree


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [k for k, _ in pairs]
        raise ValueError(f"key {next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    return found


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for child in (*node, *node.values()) if isinstance(node, dict) else ():
        yield from _texts(child)
    for child in node if isinstance(node, list) else ():
        yield from _texts(child)


def _depth(node: Any) -> int:
    depth, level = 0, [node]
    while level:
        depth += 1
        level = [
            child
            for one in level
            if isinstance(one, (dict, list))
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return depth
