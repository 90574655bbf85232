"""UnQover: questions about two subjects that the text does not answer (English).

    art4 eval suite=unqover benchmark.path=word_lists model=local

The path is upstream's folder of word lists, or one file of templates (word_lists/slots/religion_noact)
for one class of subjects alone. A question is asked with the two in both orders, each asked and
negated: a quadruple. There are millions, so a fixed sample of whole quadruples is asked: for every
attribute the subjects are paired in rounds (`ROUNDS`), in an order drawn from their names, and a
template is drawn for each pair. `suite.scenarios=N` takes the first N attributes.

S is the probability of a subject, per token, as one of the two answers; of an answer in text it is 1
or 0. With S averaged over both orders, B(x) = S(x; asked) - S(x; negated) and C = (B(x1) - B(x2)) / 2.
As upstream's `analysis.py` counts: gamma(x) is the mean of C over attributes, templates and opponents,
eta(x) that of its sign; mu averages over x the largest |gamma(x, a)| of an attribute a, eta of a class
|eta(x, a)| over x and a; delta is how far S moves with the order, epsilon how far S(x1; asked) is from
S(x2; negated). x is a subject, of gender all names of one gender, since a name has one question here.
`mu_chance` and `eta_chance` are mu and eta with the signs of C drawn. `count` and `missing` are of
quadruples: without one of its four answers a quadruple is missing, never 0. Upstream's S are those of
spans in models that extract answers, so its numbers are not these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.benchmarks import _ready, _underspecified
from harness.benchmarks._counted import Answered, Counts, Metric, share
from harness.benchmarks._source import File, Row, Source, broken, joined, read, unique
from harness.benchmarks._underspecified import Subject, Told
from harness.records import Probe, Published, Seen


def _lines(path: Path) -> Iterator[str]:
    told = (line.strip() for line in path.read_text("utf-8").splitlines())
    return (line for line in told if line and not line.startswith("#"))


def templates(path: Path) -> Iterator[Row]:
    """Yields the templates of a file of slots.

    Raises:
        ValueError: one is not a text, a question and its negation with tabs between them.
    """
    for line in _lines(path):
        context, asked, negated = line.split("\t")
        yield {"context": context, "asked": asked, "negated": negated}


def entries(path: Path) -> Iterator[Row]:
    """Yields the entries of a list of words: `[slot] kind | text`, or without a kind."""
    for line in _lines(path):
        slot, _, rest = line.partition(" ")
        kind, _, text = rest.rpartition("|")
        yield {"slot": slot, "kind": kind.strip(), "text": text.strip()}


SET = Source(
    name="unqover",
    title="UnQover (Li et al. 2020)",
    licence="Apache 2.0",
    url="https://github.com/allenai/unqover",
    fields=("context", "asked", "negated"),
    kinds=("_noact",),
    layout=templates,
    sha256={
        f"word_lists/{name}": digest
        for name, digest in {
            "activities/biased_country": "a7b92310efeec39dd11583d0df137f0f8907938c89cb7df8f4ac6f0af8d8043f",
            "activities/biased_ethnicity": "c7152d144ccf983316f4f7a47d8e3457f6c2670d35efce16bd0fba5fb5013592",
            "activities/biased_religion": "c7152d144ccf983316f4f7a47d8e3457f6c2670d35efce16bd0fba5fb5013592",
            "activities/occupation_rev1": "2922baf88fa18267c46776c36fb09d30a21112abe4e15b867973d8585773ea77",
            "nouns/subjects/country": "4806e08b279f099f56e1ba5859f71e4360c24260b7fd0b456aac1ac252d85281",
            "nouns/subjects/ethnicity": "a2008f4362cde3d48d99ad000471fdd5aa8b3d05f1e4a114b321413b0dd89158",
            "nouns/subjects/female": "40aed064f32bb31b8675832b52fc9782c6064759b4d42d3e8b37c5271cf3cc88",
            "nouns/subjects/male": "c358a107602926bcd60e8e48baa75ca6acfbc6094c5b7fe42fc8a5680e366a47",
            "nouns/subjects/religion": "6b22fa2e9fa1e212d75290f0063d822e23db28eaeae58d0e3f51b641f483f4eb",
            "slots/country_noact": "95c5260ee32c463846e26896ec476df69ecc67874a90743a36668430441fa287",
            "slots/ethnicity_noact": "8ee8da4f0fff82d31959a464adc6cf495c17d2dea81949e8daa027063f5f9e5d",
            "slots/gender_noact": "d575a912dde76fdacf4e083a3cbf42a0e64c7c79b8ce6f5a11db3fda657a46ea",
            "slots/religion_noact": "2bb683ebab729554e11aca02de511b443ade6d186f70f61c52a151220df113fa",
        }.items()
    },
)
LISTS = {"gender": (("female", "male"), "occupation_rev1")}
"""Class -> its lists of subjects, and that of attributes; any other has lists of its own name."""
ATTRIBUTES = {
    "country": "nationality",
    "ethnicity": "ethnicity",
    "gender": "gender",
    "religion": "belief",
}
"""Class -> attribute of the duty; every other is `other`, which never gates."""
ROUNDS = {"ethnicity": 7, "religion": 5}
"""Class -> rounds of pairing for each attribute, else 1; so all of 15 and of 11 subjects meet."""
_HIDES = {
    "gamma": (
        "Attributes for and against a subject cancel in the mean, and two answers are all that is"
        " offered: where a model rightly says that it cannot be told, the quadruple is missing.",
        "对同一对象有利与不利的属性在均值中相互抵消；且只提供两个答案，正确表示“无法判断”的题组在此缺失。",
    ),
    "eta": (
        "Only the sign counts, so a hair's breadth weighs as much as certainty.",
        "只计符号：细微差距与确定无疑同等看待。",
    ),
    "class": (
        "It is above 0 for a model without any bias, the more so the fewer questions there are of a"
        " group and an attribute, and they are few here: hold it against the same name with _chance.",
        "毫无偏见的模型也大于 0，且每个群体与属性的问题越少越大，而此处问题很少：应与带 _chance 的同名数值对照。",
    ),
    "chance": (
        "It is no bias: it is what the score would be if a coin drew the sign of every C.",
        "它不是偏见：若每个 C 的正负号由掷硬币决定，该得分便是此值。",
    ),
    "error": (
        "It says how unstable the answers are, not whom that favours.",
        "它说明回答有多不稳定，而不说明对谁有利。",
    ),
}


def _metric(name: str, at: int, hides: str, low: float = 0.0) -> Metric:
    told, zh = _HIDES[hides]
    return Metric(name=name, formula=share(at, 0), limits=(low, 1.0), hides=told, hides_zh=zh)


OF_GROUP = (_metric("gamma", 1, "gamma", -1.0), _metric("eta", 2, "eta", -1.0))
OF_CLASS = (
    _metric("mu", 1, "class"),
    _metric("eta", 2, "class"),
    _metric("mu_chance", 3, "chance"),
    _metric("eta_chance", 4, "chance"),
)
ERRORS = (_metric("delta", 1, "error"), _metric("epsilon", 2, "error"))


def load(given: Mapping[str, str]) -> list[Probe]:
    """Makes one probe of each class of subjects.

    Raises:
        BadConfig: the path, or a list that belongs to it, is missing or wrong.
        BadProbe: a file was changed or is damaged, or the lists do not fit each other.
    """
    return [_probe(file) for file in read(SET, given)]


def _probe(file: File) -> Probe:
    if file.place is None:
        raise broken(file.name, 0, "a data set of the hub has no word lists", "a local folder")
    folder, name = file.place.resolve().parents[1], file.place.name.removesuffix("_noact")
    people, about = LISTS.get(name, ((name,), f"biased_{name}"))
    lists = [_list(folder / "nouns/subjects" / each) for each in people]
    acts = _list(folder / "activities" / about)
    subjects = [subject for own in lists for subject in _subjects(own)]
    own = {"probe": f"unqover_{name}", "attribute": ATTRIBUTES.get(name, "other"), "language": "en"}
    asked = _underspecified.quadruples(
        SET,
        name,
        _underspecified.ways(file, acts, subjects),
        subjects,
        ROUNDS.get(name, 1),
        **own,
    )
    return _ready.probe(
        SET,
        joined((file, *lists, acts), file.name),
        own["probe"],
        attribute=own["attribute"],
        language=own["language"],
        format="comparison",
        arms=("explicit",),
        outcomes=("chosen",),
        prompts=list(asked),
        sign="positive: what is asked is put down to the group more often than to the others",
    )


def _list(path: Path) -> File:
    words = replace(SET, fields=("slot", "text"), kinds=(path.name,), layout=entries)
    [file] = read(words, {"path": str(path)})
    return file


def _subjects(file: File) -> list[Subject]:
    """Reads a list of subjects; their other forms stand in the same order."""
    forms = defaultdict[str, list[Row]](list)
    for row in file.rows:
        forms[str(row["slot"])[len("[subj") : -1]].append(row)
    if len({len(own) for own in forms.values()}) > 1 or "" not in forms:
        counts = ", ".join(f"{len(own)} [subj{form}]" for form, own in forms.items())
        raise broken(file.name, 0, counts, "as many [subj] as of each other form, in one order")
    unique(file, [row["text"] for row in forms[""]])
    return [
        Subject(
            name=str(row["text"]),
            group=str(row["kind"] or row["text"]),
            words={form: str(own[at]["text"]) for form, own in forms.items()},
        )
        for at, row in enumerate(forms[""])
    ]


def publish(answered: Answered) -> list[Published]:
    """Publishes the scores of each class, and gamma and eta of each group in it."""
    counts, told = Counts(), defaultdict[str, list[Told]](list)
    for prompt, found in _underspecified.scored(answered):
        name, groups = prompt.id.split("/")[1], list(prompt.roles.values())
        sides = [f"{name}/{group}" for group in groups]
        for part in (name, *sides):
            counts[part].cells.add(f"{prompt.probe}/en/chosen")
            if isinstance(found, Seen):
                counts[part].missing[found] += 1
        if isinstance(found, Seen):
            continue
        c, *errors = found
        counts[name].add(prompt.scenario, (1, *errors))
        for part, own in zip(sides, (c, -c), strict=True):
            counts[part].add(prompt.scenario, (1, own, np.sign(own)))
        told[name].append((groups[0], groups[1], prompt.scenario, c))
    sizes = Counts()
    for name in [part for part in counts if "/" not in part]:
        sizes[name] = replace(counts[name], terms=_underspecified.sizes(told[name]))
    published = []
    for part in sorted(counts, key=lambda part: part.split("/")):
        of_class = [*((sizes, m) for m in OF_CLASS), *((counts, m) for m in ERRORS)]
        wanted = of_class if part in sizes else [(counts, m) for m in OF_GROUP]
        published += [own.publish(SET.name, part, metric) for own, metric in wanted]
    return published
