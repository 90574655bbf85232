"""What the pages of scorecards and comparisons share: escaping, words in two languages, style."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.reports import _view
from harness.words import WORDS, zh

HAN = re.compile(r"[\u4e00-\u9fff]")


def environment(folder: Path) -> Environment:
    """Makes the environment of the templates in a folder; everything that they print is escaped."""
    made = Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"w": _word, "zh": zh, "flat": _view.flat}
    made.globals |= {"number": _view.number, "interval": _view.interval}
    return made


def model(run: Mapping[str, Any]) -> str:
    """Names the model of a run, however much provenance says of it."""
    found = run.get("model", "")
    if not isinstance(found, Mapping):
        return str(found)
    return str(found.get("name") or found.get("path") or found.get("backend") or "")


def spoken(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Says which language each line is in, where every line has its twin in the other one."""
    told = [("zh" if HAN.match(line) else "" if HAN.search(line) else "en", line) for line in lines]
    languages = [language for language, _ in told]
    paired = languages.count("zh") == languages.count("en")
    return told if paired else [("", line) for line in lines]


def _harmless(value: Any) -> Any:
    """Runs on everything the template prints: no character of outside text stays invisible."""
    outside = isinstance(value, str) and not isinstance(value, Markup)
    return _view.clean(value) if outside else value


def _word(term: str) -> Markup:
    """Puts a known word in both languages, of which the page's switch hides one."""
    if term not in WORDS:
        return Markup.escape(_view.clean(term))
    told = Markup('<span class="w"><span lang="zh">{}</span> <span lang="en">{}</span></span>')
    return told.format(*WORDS[term])
