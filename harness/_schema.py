"""Checks a file of a probe against the published schema, and says what is wrong in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from harness._yaml import Place, Tree
from harness.errors import BadProbe

SCHEMA = Path(__file__).with_name("probe.schema.json")


def against_schema(tree: Tree, kind: str) -> None:
    """Raises the first breach of the published schema, `probe` or a format's scenarios."""
    errors = list(islice(_validator(kind).iter_errors(tree.data), 100))
    if errors:
        _breach(tree, min(errors, key=lambda e: (tree.line(tuple(e.absolute_path)), len(e.path))))


@cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator

    known = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
    return Draft202012Validator(_inlined(known[kind], known))


def _inlined(node: Any, known: Mapping[str, Any]) -> Any:
    """Puts what a `$ref` names in its place: it is looked up once, and not for each text."""
    if isinstance(node, list):
        return [_inlined(each, known) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(ref := node.get("$ref"), str):
        return _inlined(
            known[ref.rpartition("/")[2]] | {k: v for k, v in node.items() if k != "$ref"}, known
        )
    return {key: _inlined(each, known) for key, each in node.items()}


def _breach(tree: Tree, error: Any) -> NoReturn:
    place: Place = tuple(error.absolute_path)
    schema, value = error.schema, error.instance
    expected = schema.get("description", "")
    if error.validator in ("additionalProperties", "propertyNames", "enum"):
        known = schema.get("enum") or list(schema.get("properties", ()))
        wrong = value if error.validator == "enum" else _stranger(value, known)
        place = place if error.validator == "enum" else (*place, wrong)
        near = get_close_matches(str(wrong), [str(k) for k in known], n=2, cutoff=0.5)
        what = f"{'value' if error.validator == 'enum' else 'key'} {wrong!r} is not known here"
        fix = f"use {' or '.join(near)}" if near else "use one of these, or remove it"
        fail(tree, place, what, f"one of: {', '.join(map(str, known))}", fix)
    if error.validator == "required":
        missing = [k for k in error.validator_value if k not in value]
        fail(tree, place, f"{missing[0]!r} is missing", f"a key {missing[0]!r}", "add it")
    shown = repr(value)
    what = error.message if len(error.message) < 160 else f"{shown[:100]}... is not valid"
    if error.validator == "type":
        what = f"{shown[:100]} is no {_word(schema['type'])}"
    if not isinstance(value, str) and error.validator == "type" and "string" in schema["type"]:
        fail(tree, place, what, f"a text: {expected}", "put it in quotes, or write the text")
    rule = f"{error.validator} {str(error.validator_value)[:80]}"
    fail(tree, place, what, f"{expected} ({rule})".strip(), "see docs/probes.md")


def _stranger(value: Mapping[str, Any] | str, known: Iterable[str]) -> str:
    return value if isinstance(value, str) else next(k for k in value if k not in known)


def _word(kind: str | list[str]) -> str:
    return kind if isinstance(kind, str) else " or ".join(kind)


def fail(tree: Tree, place: Place, what: str, expected: str, fix: str) -> NoReturn:
    """Raises a fault with its file and line."""
    raise BadProbe(what, where=tree.at(place), expected=expected, fix=fix)
