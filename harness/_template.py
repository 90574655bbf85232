"""Fills the slots of a template, and nothing else.

A template is text with `{{ slot }}`. It is checked by its syntax tree (texts and names alone) and
rendered by Jinja2's immutable sandbox, so a probe from anywhere can be rendered without running it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_CJK = "\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’…—"
_SPACES = re.compile(r"[ \t\u00a0]+")
_BEFORE_MARK = re.compile(r" (?=[,.;:!?])")
_IN_CJK = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")
_AT_LINE_END = re.compile(r" ?\n ?")


class TemplateError(ValueError):
    """Says what a template holds besides slots."""


@lru_cache(65536)
def slots(template: str) -> frozenset[str]:
    """Returns the names of a template's slots.

    Raises:
        TemplateError: a statement, filter, attribute, call, comment or broken brackets.
    """
    from jinja2 import TemplateSyntaxError, nodes

    if "{" not in template:
        return frozenset()
    if "{#" in template:
        raise TemplateError("a comment {# #}")
    try:
        body = _engine().parse(template).body
    except (TemplateSyntaxError, RecursionError) as error:
        raise TemplateError(f"broken brackets: {str(error)[:80]}") from error
    found = set()
    for output in body:
        if not isinstance(output, nodes.Output):
            raise TemplateError(f"a statement ({type(output).__name__.lower()})")
        for node in output.nodes:
            if isinstance(node, nodes.Name):
                found.add(node.name)
            elif not isinstance(node, nodes.TemplateData):
                raise TemplateError(f"an expression ({type(node).__name__.lower()})")
    return frozenset(found)


def lower(slot: str) -> str:
    """Returns a slot's name without the capital that asks for a capital."""
    return slot[:1].lower() + slot[1:]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fills a template; a value may itself be a template over the same values."""
    names = slots(template)
    return _compiled(template).render({n: _value(n, values) for n in names}) if names else template


def tidy(text: str) -> str:
    """Removes the spaces that an empty slot leaves behind."""
    text = _BEFORE_MARK.sub("", _SPACES.sub(" ", text))
    return _AT_LINE_END.sub("\n", _IN_CJK.sub("", text)).strip()


def _value(name: str, values: Mapping[str, str]) -> str:
    text = fill(values[lower(name)], values)
    return text[:1].upper() + text[1:] if name[:1].isupper() else text


@lru_cache(8192)
def _compiled(template: str) -> Template:
    return _engine().from_string(template)


@cache
def _engine() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
