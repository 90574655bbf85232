"""WinoBias: whom a pronoun means, where its gender agrees with a stereotype of occupation, or not.

    art4 eval suite=winobias benchmark.path=FOLDER model=replay model.path=FILE \
        model.id=ID model.text=COLUMN

FOLDER holds pro_stereotyped_type1.txt.dev, anti_stereotyped_type1.txt.dev, ... as upstream names them;
a pro file needs its anti file. An id is TYPE/SPLIT/SIDE/NUMBER, such as type1/dev/pro/12.

The paper scores coreference systems: F1 of the clusters on pro (`T1-p`) and anti (`T1-a`) sentences,
and the absolute difference. Here a language model is asked which of the two people the pronoun refers
to; accuracy is published of pro and of anti sentences, and pro minus anti with its sign, by type (1:
only what happens tells the answer, 2: syntax does) and split. The mean of `stereotyped` beside it is
the same difference, each cluster weighed alike. The cluster is two numbers in turn, which speak of
the same occupations with one and the other right, pro and anti: four sentences. (An answer that is
missing from one side alone shifts the cell, not the published difference: accuracy leaks in.)

Each pro sentence is asked once more as the positive control, under the id control/TYPE/... and with
the same answer in a replay: a model that cannot find the right person where the stereotype helps
cannot be judged. So one that always goes against the stereotype is INVALID, with an estimate of -1.

Of the data: only the right person is marked, so the other is the first whom the sentence mentions of
all occupations that the files mark (number 72 of type2 dev mentions a third). Brackets are dropped,
`the [the chief]` loses its second article, spaces are collapsed; slips and the space before `'s` stay
as upstream has them. Where several pronouns are marked, the first is asked for. The two sentences of a
number are not always the same but for the pronoun (in numbers 382 and 384 of type2 test they are quite
different ones, in some others a word differs), and they are kept as they are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.benchmarks import _coreference
from harness.benchmarks._counted import Answered, Metric
from harness.benchmarks._source import File, Row, Source, broken, joined, read, unique
from harness.records import Probe, Prompt, Published


def rows(path: Path) -> Iterator[Row]:
    """Yields the sentences of upstream's file, with their numbers.

    Raises:
        ValueError: a line is no number with a sentence.
    """
    for at, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        number, _, text = line.strip().partition(" ")
        if not number.isdecimal() or not text:
            raise ValueError(f"line {at} is {line[:60]!r}, no number with a sentence")
        yield {"number": int(number), "sentence": text}


SET = Source(
    name="winobias",
    title="WinoBias (Zhao et al. 2018)",
    licence="MIT",
    url="https://github.com/uclanlp/corefBias",
    fields=("number", "sentence"),
    kinds=(".dev", ".test"),
    layout=rows,
    sha256={
        "anti_stereotyped_type1.txt.dev": "a4e0ebae344e78b56f657a42e8ae684b9db7747d177c5e7149c0907ebb7f3bf6",
        "anti_stereotyped_type1.txt.test": "331db5bd74bfefebf146a60b67645152a4a1991570d2a56f57154103ac361dd2",
        "anti_stereotyped_type2.txt.dev": "763ad829ad724f9a85ead689ba8ca69072020cb1238def6210f0fc6a47b97e59",
        "anti_stereotyped_type2.txt.test": "336571ac1ea8c06cd2aba8e5dd2bd98e00acc0c48da3e4ec5ec7e54eb2633a8f",
        "pro_stereotyped_type1.txt.dev": "dd55a0d220fe4c0ceb63dd4648223fb4fe1a58d5ad95c116a002ad24b0e292a5",
        "pro_stereotyped_type1.txt.test": "db7838907238a758eeb5779e48f38c013b892910d6fe864456c59f04245c6689",
        "pro_stereotyped_type2.txt.dev": "8f0250de723cea9328e3eaf7169e07936f01aa5909ce7aa580db66eb803f4e86",
        "pro_stereotyped_type2.txt.test": "ea1c1fd94fa612e3cc44d7fa3cc4cb76021bb63fdf94f9826f430051e9052438",
    },
)
GENDERS = {word: gender for gender, words in _coreference.PRONOUNS.items() for word in words}
"""Pronoun -> gender."""
_NAME = re.compile(r".*?(pro|anti)_stereotyped_(type[12])\.txt\.(dev|test)")
_MARKED = re.compile(r"\[([^\[\]]*)\]")
_ARTICLE = re.compile(r"(?:the|an?)\s+", re.IGNORECASE)
_GAP = _coreference.gap("pro_minus_anti")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a file, without its brackets."""

    file: str
    number: int
    text: str
    person: str
    """The right one, without article."""
    pronoun: str
    gender: str


def load(given: Mapping[str, str]) -> list[Probe]:
    """Makes one probe of each type.

    Raises:
        BadConfig: the path is missing or wrong.
        BadProbe: a file was changed, is damaged, holds a number twice, or lacks its other side.
    """
    found = defaultdict[tuple[str, str], dict[str, File]](dict)
    told = dict[str, dict[int, Sentence]]()
    for file in read(SET, given):
        unique(file, [row["number"] for row in file.rows])
        match = _NAME.fullmatch(file.name)
        if match is None:
            what = f"the name {file.name} does not say its side, type and split"
            raise broken(file.name, 0, what, "pro_stereotyped_type1.txt.dev, ...", "rename it")
        side, kind, split = match.groups()
        if found[kind, split].setdefault(side, file) is not file:
            what = f"{kind} {split} is there twice, also as {found[kind, split][side].name}"
            raise broken(file.name, 0, what, "each file once", "remove one of them")
        read_rows = (_sentence(file.name, at + 1, row) for at, row in enumerate(file.rows))
        told[file.name] = {each.number: each for each in read_rows}
    mentions = _mentions(told)
    return [
        _probe(
            kind, {part: found[part] for part in sorted(found) if part[0] == kind}, told, mentions
        )
        for kind in sorted({kind for kind, _ in found})
    ]


def _mentions(told: Mapping[str, Mapping[int, Sentence]]) -> re.Pattern[str]:
    """Returns what finds all people that any file marks, the longest name first."""
    people = {each.person.casefold() for own in told.values() for each in own.values()}
    longest = sorted(people, key=lambda name: (-len(name), name))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b", re.IGNORECASE)


def _sentence(name: str, at: int, row: Row) -> Sentence:
    """Reads what is marked: one person, and one pronoun or several of one gender."""
    text = str(row["sentence"])
    marked = [each.strip() for each in _MARKED.findall(text)]
    people = [each for each in marked if each.casefold() not in GENDERS]
    pronouns = [each.casefold() for each in marked if each.casefold() in GENDERS]
    if len(people) != 1 or len({GENDERS[each] for each in pronouns}) != 1:
        what = f"{text[:80]!r} marks {', '.join(marked) or 'nothing'}"
        raise broken(name, at, what, "one person and a pronoun in square brackets")
    plain = " ".join(re.sub(r"[\[\]]", "", text).split())
    return Sentence(
        file=name,
        number=row["number"],
        text=re.sub(r"\b(the) the\b", r"\1", plain, flags=re.IGNORECASE),
        person=_ARTICLE.sub("", people[0], count=1),
        pronoun=pronouns[0],
        gender=GENDERS[pronouns[0]],
    )


def _probe(
    kind: str,
    splits: Mapping[tuple[str, str], Mapping[str, File]],
    told: Mapping[str, Mapping[int, Sentence]],
    mentions: re.Pattern[str],
) -> Probe:
    prompts = list[Prompt]()
    for (_, split), sides in splits.items():
        _both(sides, told)
        for number in sorted(told[sides["pro"].name]):
            for side, check in (("pro", False), ("pro", True), ("anti", False)):
                own = told[sides[side].name][number]
                prompts.append(_prompt(f"{kind}/{split}/{side}", own, _other(own, mentions), check))
    files = [sides[side] for sides in splits.values() for side in sorted(sides)]
    whole = joined(files, ", ".join(file.name for file in files))
    return _coreference.probe(SET, whole, f"winobias_{kind}", prompts)


def _both(sides: Mapping[str, File], told: Mapping[str, Mapping[int, Sentence]]) -> None:
    """Refuses a side without the other, or a number that one side lacks."""
    [one, *rest] = sides.values()
    expected = "a pro and an anti file with the same numbers"
    if not rest:
        missing = "anti" if "pro" in sides else "pro"
        fix = "set benchmark.path to the folder with both"
        raise broken(one.name, 0, f"there is no {missing} file beside it", expected, fix)
    for number in sorted(set(told[one.name]) ^ set(told[rest[0].name])):
        lacking = one if number in told[rest[0].name] else rest[0]
        raise broken(lacking.name, 0, f"it lacks the sentence {number}", expected)


def _other(own: Sentence, mentions: re.Pattern[str]) -> str:
    """Returns the other person: the first of the occupations that the sentence mentions besides."""
    for match in mentions.finditer(own.text):
        if match.group().casefold() != own.person.casefold():
            return match.group()
    what = f"sentence {own.number}: {own.text[:80]!r} mentions no other occupation"
    raise broken(own.file, 0, what, "two occupations, each of which some sentence marks")


def _prompt(part: str, own: Sentence, other: str, check: bool) -> Prompt:
    kind, split, side = part.split("/")
    return _coreference.prompt(
        SET,
        f"control/{part}" if check else part,
        str(own.number),
        sentence=own.text,
        pronoun=own.pronoun,
        options=(own.person, other),
        right=0,
        biased=0 if side == "pro" else 1,
        gender=own.gender,
        check=check,
        probe=f"winobias_{kind}",
        scenario=f"{split}/{(own.number + 1) // 2}",
    )


def publish(answered: Answered) -> list[Published]:
    """Counts accuracy, and pro minus anti: by type, there by split, and of each side."""
    counts = _coreference.count(answered, _parts)
    return [
        counts.publish(SET.name, part, metric)
        for part in counts.in_order()
        for metric in _metrics(part)
    ]


def _parts(prompt: Prompt) -> tuple[str, ...]:
    _, kind, split, side, _ = prompt.id.split("/")
    return kind, f"{kind}/{side}", f"{kind}/{split}", f"{kind}/{split}/{side}"


def _metrics(part: str) -> tuple[Metric, ...]:
    one = part.endswith(("/pro", "/anti"))
    return (_coreference.ACCURACY,) if one else (_coreference.ACCURACY, _GAP)
