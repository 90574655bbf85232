"""Finds what is valid in a probe and yet would spoil its numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness._checks import TWO_ROLES
from harness._names import ENOUGH
from harness._template import SLOT, tidy, without_slots
from harness.probes import BODIES
from harness.prompts import expand
from harness.records import LANGUAGES, Choice, Probe, Prompt, Scenario, Suite

ALIKE = 0.6
"""Cosine of two scenarios' character n-grams from which they count as one."""
NGRAMS = {"en": (3, 5), "zh": (2, 4)}
RATIO, LONGER = 2, 8
"""Options are of very different length when one has RATIO times, and LONGER more, characters."""
FRAME = {"en": (5, 4), "zh": (8, 6)}
"""So many words (zh: characters) in a row, so many of them no slots, are a frame of a sentence."""
FRAMED = 0.03
"""Share of a probe's scenarios that may have one frame; two may always."""
BALANCE = 0.1
"""How far a share may lie from an even one."""
SHARED = {"en": 4, "zh": 6}
"""Words (zh: characters) that a pair of sentences should share behind the change."""

_WORD = {"en": re.compile(r"\w+"), "zh": re.compile(r"[a-z0-9]+|\w")}
_MAIN = (
    *("case", "merit", "context", "sentence", "sensible", "request", "question"),
    *("claim", "denial", "person", "merit_1", "merit_2", "merit_3", "merit_4"),
)
_NAMING = ("modifier", "clause", "mention", "adjective", "plural", "noun", "name")
_LEAD = re.compile(r"^((who|that|is|are|has|was|a|an|the|from|of|in|with)\s+)+", re.IGNORECASE)
_ARTICLE = re.compile(r"\ba (?=[aeio][a-z])(?!one\b|once\b|euro)|\ban (?=[bcdfgjkpqtvwz][a-z])")
Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend (`error`) or to look at (`warning`)."""

    level: Level
    where: str
    what: str
    fix: str


def lint(probe: Probe, tokenize: Callable[[str], int] | None = None) -> list[Finding]:
    """Returns what to mend and what to look at; `tokenize` counts the tokens of a text."""
    prompts = list(expand([probe], Suite(name="lint", probes=(), orders=1), seed=0))
    found = [
        *_differing(probe),
        *(finding for *_, finding in _alike([(probe, s) for s in probe.scenarios])),
        *_framed(probe),
        *_named(probe, prompts),
        *_few_names(probe),
        *_plain(probe),
        *_lengths(probe, prompts),
        *_balance(probe),
        *_articles(probe, prompts),
        *_shared(probe, prompts),
        *(_tokens(probe, tokenize) if tokenize else ()),
    ]
    return sorted(dict.fromkeys(found), key=lambda f: f.level)


def _at(probe: Probe, scenario: str = "") -> str:
    if not scenario:
        return f"{probe.source}/probe.yaml"
    line = next(s.line for s in probe.scenarios if s.id == scenario)
    file = next((b for b in BODIES if Path(probe.source, b).is_file()), BODIES[0])
    return f"{probe.source}/{file}:{line} ({scenario})"


def _differing(probe: Probe) -> Iterator[Finding]:
    """Compares the texts of a field that differs by group, with the groups' words blanked."""
    for scenario in probe.scenarios:
        for language, texts in scenario.texts.items():
            for field, text in texts.items():
                if not isinstance(text, str):
                    by_group = {g.name: text[g.name] for g in probe.groups}
                    blank = {_blanked(probe, t, g, language) for g, t in by_group.items()}
                    if len(blank) > 1:
                        what = f"{field} ({language}) differs outside the group's words: {blank}"
                        fix = "let the texts differ in the group's wording alone"
                        yield Finding("error", _at(probe, scenario.id), what, fix)


def _blanked(probe: Probe, text: str, name: str, language: str) -> str:
    group = next(g for g in probe.groups if g.name == name)
    words = {w for words in (group.wording, group.again) for w in words.get(language, {}).values()}
    text = SLOT.sub("_", text)
    for word in sorted(filter(None, words), key=len, reverse=True):
        edge = r"\b" if word.isascii() else ""
        text = re.sub(f"{edge}{re.escape(word)}{edge}", "_", text, flags=re.IGNORECASE)
    return tidy(text)


def _bare(scenario: Scenario, language: str) -> str:
    texts = scenario.texts[language]
    return without_slots(texts[field] for field in _MAIN if field in texts)


def across(held: Sequence[Probe]) -> Iterator[Finding]:
    """Finds scenarios of one format that are told again in another probe."""
    for form in dict.fromkeys(probe.format for probe in held):
        own = [(p, s) for p in held if p.format == form for s in p.scenarios]
        yield from (finding for one, other, finding in _alike(own) if one is not other)


def _alike(told: Sequence[tuple[Probe, Scenario]]) -> Iterator[tuple[Probe, Probe, Finding]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    for language in LANGUAGES:
        own = [(p, s) for p, s in told if language in s.texts]
        if not own:
            continue
        grams = TfidfVectorizer(analyzer="char", ngram_range=NGRAMS[language])
        weights = grams.fit_transform([_bare(s, language) for _, s in own])
        cosine = (weights @ weights.T).tocoo()
        for i, j, value in zip(cosine.row, cosine.col, cosine.data, strict=True):
            if i < j and value > ALIKE:
                (probe, one), (another, other) = own[i], own[j]
                name = other.id if probe is another else f"{another.name}/{other.id}"
                what = f"as good as {name!r} again ({language}, cosine {value:.2f} > {ALIKE})"
                fix = "write another situation, or remove one: scenarios count as independent"
                yield probe, another, Finding("error", _at(probe, one.id), what, fix)


def _framed(probe: Probe) -> Iterator[Finding]:
    """Finds sentences that were made by putting other nouns into one frame."""
    most = max(2, int(FRAMED * len(probe.scenarios)))
    for language in probe.languages:
        told: dict[tuple[str, ...], list[str]] = {}
        for scenario in probe.scenarios:
            for frame in dict.fromkeys(_frames(scenario, language)):
                told.setdefault(frame, []).append(scenario.id)
        often = {tuple(ids): frame for frame, ids in told.items() if len(ids) > most}
        for ids, frame in often.items():
            shown = ("" if language == "zh" else " ").join(frame)
            what = (
                f"{len(ids)} scenarios ({language}) have the frame {shown!r}: {', '.join(ids[:6])}"
            )
            fix = f"build them in other ways: at most {most} of this probe should share a frame"
            yield Finding("warning", _at(probe, ids[0]), what, fix)


def _frames(scenario: Scenario, language: str) -> Iterator[tuple[str, ...]]:
    """Yields what stands in a row in a scenario's texts, a slot as `_`."""
    length, least = FRAME[language]
    for field in _MAIN:
        if isinstance(text := scenario.texts[language].get(field), str):
            words = _WORD[language].findall(SLOT.sub(" _ ", text.lower()))
            for at in range(len(words) - length + 1):
                frame = tuple(words[at : at + length])
                if length - frame.count("_") >= least:
                    yield frame


def _named(probe: Probe, prompts: list[Prompt]) -> Iterator[Finding]:
    for language in probe.languages:
        asked = (p for p in prompts if p.language == language and p.messages)
        for prompt in (p for p in asked if not p.roles or p.arm == "implicit"):
            for name, level in _mentioned(probe, prompt.messages[0].content, language):
                what = f"the arm {prompt.arm} ({language}) mentions a group: {name!r}"
                fix = "leave the group out of neutral, merit, strong, weak, control, case and names"
                yield Finding(level, _at(probe, prompt.scenario), what, fix)


def _few_names(probe: Probe) -> Iterator[Finding]:
    for group in probe.groups:
        for language, names in group.names.items():
            if len(names) < ENOUGH:
                what = (
                    f"group {group.name!r} has {len(names)} names ({language}), fewer than {ENOUGH}"
                )
                fix = "invent more: how far names differ is learnt from their number"
                yield Finding("warning", _at(probe), what, fix)


def _plain(probe: Probe) -> Iterator[Finding]:
    for language in probe.languages:
        for question in probe.negative.get(language, ()):
            for name, level in _mentioned(probe, question["question"], language):
                what = f"a plain question ({language}) mentions a group: {name!r}"
                fix = "ask what no group can change the answer of"
                yield Finding(level, _at(probe), what, fix)


def _mentioned(probe: Probe, text: str, language: str) -> Iterator[tuple[str, Level]]:
    """Yields the groups' words that a text holds; one Chinese character may be another word."""
    names = {
        _LEAD.sub("", words[slot]).strip()
        for group in probe.groups
        for words in (group.wording[language], group.again.get(language, {}))
        for slot in _NAMING
        if words.get(slot) and words[slot] != probe.neutral.get(language, {}).get(slot)
    }
    for name in filter(None, names):
        edge = r"\b" if name.isascii() else ""
        if re.search(f"{edge}{re.escape(name)}{edge}", text, re.IGNORECASE):
            yield name, "error" if name.isascii() or len(name) > 1 else "warning"


def _uneven(left: str, right: str) -> bool:
    short, long = sorted((len(left), len(right)))
    return long > RATIO * short and long - short > LONGER


def _lengths(probe: Probe, prompts: list[Prompt]) -> Iterator[Finding]:
    fix = "make the answers about as long as each other"
    for language, answers in probe.answers.items():
        if _uneven(answers["yes"], answers["no"]):
            what = f"the answers ({language}) are of very different length"
            yield Finding("error", _at(probe), what, fix)
    for prompt in prompts:
        if probe.format in TWO_ROLES:
            unknown: list[Choice] = [c for c in prompt.choices if c.meaning == "unknown"]
            one, other = (c for c in prompt.choices if c.meaning != "unknown")
            where, shown = _at(probe, prompt.scenario), f"{one.text!r} and {other.text!r}"
            if _uneven(one.text, other.text):
                yield Finding("error", where, f"options of very different length: {shown}", fix)
            if any(_uneven(u.text, o.text) for u in unknown for o in (one, other)):
                what = f"`unknown` ({prompt.language}) and the options are of very different length"
                yield Finding("warning", where, what, fix)


def _balance(probe: Probe) -> Iterator[Finding]:
    """Finds one-sided answers and targets: a word's own frequency would not cancel."""
    level: Level = "warning" if probe.format == "ambiguous" else "error"
    answers = ("high", "low") if probe.format == "rating" else ("yes", "no")
    groups = [g.name for g in probe.groups]
    favourable, targets, others = (
        Counter(told for s in probe.scenarios if (told := getattr(s, field)))
        for field in ("favourable", "target", "other")
    )
    even = {answer: 1 / len(answers) for answer in answers}
    yield from _uneven_shares(probe, "favourable", favourable, even, "error")
    if others:
        even = {group: others[group] / others.total() for group in groups}
    else:
        even = {group: 1 / len(groups) for group in groups}
    yield from _uneven_shares(probe, "target", targets, even, level)


def _uneven_shares(
    probe: Probe,
    field: str,
    seen: Counter[str],
    even: Mapping[str, float],
    level: Level,
) -> Iterator[Finding]:
    for value, due in even.items() if seen else ():
        share = seen[value] / seen.total()
        if abs(share - due) > BALANCE + 1e-9:
            what = f"{field} is {value!r} in {share:.0%} of the scenarios, not about {due:.0%}"
            fix = f"turn some scenarios round, so that {field} is balanced"
            yield Finding(level, _at(probe), what, fix)


def _articles(probe: Probe, prompts: list[Prompt]) -> Iterator[Finding]:
    for prompt in (p for p in prompts if p.language == "en"):
        for text in [m.content for m in prompt.messages] or [c.text for c in prompt.choices]:
            if found := _ARTICLE.search(text):
                near = text[found.start() : found.start() + 24]
                what = f"article: {near!r} ({'+'.join(prompt.roles.values()) or prompt.surface})"
                fix = "write the article into the group's wording (slot article, or mention)"
                yield Finding("warning", _at(probe, prompt.scenario), what, fix)


def _shared(probe: Probe, prompts: list[Prompt]) -> Iterator[Finding]:
    for prompt in prompts if probe.format == "pair" else ():
        tail = prompt.choices[0].text[prompt.choices[0].start :]
        zh = prompt.language == "zh"
        length = len(re.findall(r"\w", tail)) if zh else len(re.findall(r"\w+", tail))
        if length < SHARED[prompt.language]:
            unit = "characters" if zh else "words"
            what = f"only {length} shared {unit} behind the change ({prompt.language}): {tail!r}"
            fix = f"let the group come early, with {SHARED[prompt.language]} {unit} behind it"
            yield Finding("warning", _at(probe, prompt.scenario), what, fix)


def _tokens(probe: Probe, tokenize: Callable[[str], int]) -> Iterator[Finding]:
    for language in probe.languages:
        slots = probe.groups[0].wording[language] if probe.groups else ()
        for slot in slots:
            sizes = {g.name: tokenize(g.wording[language][slot]) for g in probe.groups}
            if len(set(sizes.values())) > 1:
                what = f"slot {slot!r} ({language}) differs in tokens: {sizes}"
                fix = "choose wordings of one length where the language has them"
                yield Finding("warning", _at(probe), what, fix)
