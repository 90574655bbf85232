"""Fills the slots of a template, and nothing else.

A template is text with `{{ slot }}`. Jinja2 parses it, its syntax tree may hold texts and names
alone, and these are joined here: a probe from anywhere is filled without running any of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Environment

_CJK = "\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’…—"
SLOT = re.compile(r"\{\{.*?\}\}")
"""A slot as it is written, for texts that were checked."""
_SPACES = re.compile(r"[ \t\u00a0]{2,}|[\t\u00a0]")
_BEFORE_MARK = re.compile(r" (?=[,.;:!?])")
_IN_CJK = re.compile(f" (?<=[{_CJK}] )(?=[{_CJK}])")  # a space first: that is quickly looked for
_AT_LINE_END = re.compile(r" ?\n ?")
_PLAIN = re.compile(r"\{\{ ([A-Za-z_][A-Za-z0-9_]*) \}\}")
_OF_JINJA = frozenset(
    ("true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else")
)
"""Words that Jinja does not take for names."""


class TemplateError(ValueError):
    """Says what a template holds besides slots."""


class Slot(NamedTuple):
    """What stands between the texts of a template."""

    name: str
    key: str
    """Its name without the capital that asks for a capital."""
    capital: bool


@lru_cache(65536)
def slots(template: str) -> frozenset[str]:
    """Returns the names of a template's slots.

    Raises:
        TemplateError: a statement, filter, attribute, call, comment or broken brackets.
    """
    return frozenset(part.name for part in _parts(template) if isinstance(part, Slot))


@lru_cache(65536)
def _parts(template: str) -> Sequence[str | Slot]:
    """Parts a template into texts and slots, if it has any; raises as `slots` does."""
    if "{" not in template:
        return (template,)
    return _plain(template) or _parsed(template)


def _plain(template: str) -> Sequence[str | Slot]:
    """Parts a template that is written as nearly all are; else returns nothing."""
    texts = _PLAIN.split(template)
    words, names = texts[::2], texts[1::2]
    if "\r" in template or template.endswith("\n") or not names or set(names) & _OF_JINJA:
        return ()
    if any("{" in text or "}" in text for text in words):
        return ()
    found: list[str | Slot] = []
    for text, name in zip(words, [*names, ""], strict=True):
        found += [text] if text else []
        found += [Slot(name, lower(name), name[0].isupper())] if name else []
    return found


def _parsed(template: str) -> Sequence[str | Slot]:
    from jinja2 import TemplateSyntaxError, nodes

    if "{#" in template:
        raise TemplateError("a comment {# #}")
    try:
        body = _engine().parse(template).body
    except (TemplateSyntaxError, RecursionError) as error:
        raise TemplateError(f"broken brackets: {str(error)[:80]}") from error
    found: list[str | Slot] = []
    for output in body:
        if not isinstance(output, nodes.Output):
            raise TemplateError(f"a statement ({type(output).__name__.lower()})")
        for node in output.nodes:
            if isinstance(node, nodes.Name):
                found.append(Slot(node.name, lower(node.name), node.name[:1].isupper()))
            elif isinstance(node, nodes.TemplateData):
                found.append(node.data)
            else:
                raise TemplateError(f"an expression ({type(node).__name__.lower()})")
    return found if any(isinstance(part, Slot) for part in found) else (template,)


def lower(slot: str) -> str:
    """Returns a slot's name without the capital that asks for a capital."""
    return slot[:1].lower() + slot[1:]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fills a template; a value may itself be a template over the same values."""
    if "{" not in template:
        return template
    return "".join(
        [part if isinstance(part, str) else _value(part, values) for part in _parts(template)]
    )


def tidy(text: str) -> str:
    """Removes the spaces that an empty slot leaves behind."""
    if "  " in text or "\t" in text or "\u00a0" in text:  # a quick look: most texts are tidy
        text = _SPACES.sub(" ", text)
    text = _IN_CJK.sub("", _BEFORE_MARK.sub("", text))
    return (_AT_LINE_END.sub("\n", text) if "\n" in text else text).strip()


def without_slots(texts: Iterable[str | Mapping[str, str]]) -> str:
    """Joins texts, those of all groups where they differ, and leaves the slots out."""
    joined = " ".join(t if isinstance(t, str) else " ".join(t.values()) for t in texts)
    return tidy(SLOT.sub(" ", joined))


def _value(slot: Slot, values: Mapping[str, str]) -> str:
    text = fill(values[slot.key], values)
    return text[:1].upper() + text[1:] if slot.capital else text


@cache
def _engine() -> Environment:
    from jinja2 import Environment

    return Environment(autoescape=False)  # noqa: S701 (it parses, and renders nothing)
