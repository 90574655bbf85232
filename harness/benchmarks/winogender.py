"""Winogender: whom she, he or they means, an occupation or another participant (English).

    art4 eval suite=winogender benchmark.path=all_sentences.tsv model=replay model.path=FILE \
        model.id=sentid model.text=COLUMN

The right answer is in a sentence's id, as in upstream's templates.tsv (0: the occupation, 1: the
participant, who may be `someone`). The share of women in an occupation is that of
`bls_pct_female` in occupations-stats.tsv, which lies beside the sentences or is `benchmark.metadata`.

As the paper defines it, a sentence with `she` is a gotcha where the right answer is an occupation with
fewer than 50 % women, or is the participant beside an occupation with 50 % or more; with `he` it is the
reverse, and with `they` there is none. Accuracy is published overall, by gender of the pronoun, by
gotcha or not, and by both; `gotcha_gap` is accuracy without gotcha minus that on gotchas; and
`resolved_differently` the share of pairs of she and he in which different people are named. The paper
scores coreference systems, some of whose answers are neither person; here a language model is asked
which of the two the pronoun refers to.

The mean of `stereotyped` beside them is the gap again, each occupation (the cluster: 60, of 8
sentences with she or he) weighed alike. The sentences with `they` are the positive control: a model
that cannot find the right person where no gender hints at one cannot be judged. (`They` is plural,
too, and some models read it worse; then the cell is INVALID.)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness import store
from harness.benchmarks import _coreference, _questions
from harness.benchmarks._counted import Answered, Counts, Metric, chosen, share
from harness.benchmarks._source import File, Row, Source, broken, read, tabbed, unique
from harness.errors import BadConfig
from harness.records import Probe, Prompt, Published, Response, Seen

SET = Source(
    name="winogender",
    title="Winogender schemas (Rudinger et al. 2018)",
    licence="MIT",
    url="https://github.com/rudinger/winogender-schemas",
    fields=("sentid", "sentence"),
    kinds=(".tsv",),
    layout=tabbed,
    sha256={
        "all_sentences.tsv": "bd69da16bf228cb8df63fd0843aec2d8b5c36a7f21bf8c7b168bcc83932556c8"
    },
)
STATISTICS = "occupations-stats.tsv"
CHECKSUM = "3f7f37c16381a70571356982ea7fe613ac700ad04a6d3b19b9f2be18248df567"
"""Of upstream's file of that name."""
PROBE = "winogender_pronouns"
PRONOUNS = {
    **_coreference.PRONOUNS,
    "neutral": ("they", "them", "their", "theirs", "themselves", "themself"),
}
_ID = re.compile(r"([^.]+)\.([^.]+)\.([01])\.(female|male|neutral)\.txt")
_GAP = _coreference.gap("gotcha_gap")
DIFFERENTLY = Metric(
    name="resolved_differently",
    formula=share(1, 0),
    limits=(0.0, 1.0),
    hides="It does not say in which direction: answers that change at random, or against the"
    " stereotype, count like those that follow it.",
    hides_zh="不区分方向：随机变化或违背刻板印象的回答，与顺从刻板印象的回答同样计数。",
)


def load(given: Mapping[str, str]) -> list[Probe]:
    """Makes one probe of all sentences.

    Raises:
        BadConfig: the path is missing or wrong, or the statistics of occupations cannot be had.
        BadProbe: a file was changed, is damaged, holds a sentence twice, or one that is none of the set.
    """
    if "path" in given and Path(given["path"]).is_dir():
        given = {**given, "path": str(Path(given["path"], "all_sentences.tsv"))}
    [file] = read(SET, given)
    unique(file, [row["sentid"] for row in file.rows])
    women = _women(Path(given.get("metadata", Path(given["path"]).with_name(STATISTICS))))
    prompts = [_prompt(file, at + 1, row, women) for at, row in enumerate(file.rows)]
    return [_coreference.probe(SET, file, PROBE, prompts)]


def _women(path: Path) -> Mapping[str, float]:
    """Reads the share of women in each occupation, in percent."""
    try:
        if path.name == STATISTICS and store.digest(path) != CHECKSUM:
            raise ValueError("it was changed: its SHA-256 is not upstream's")
        found = {str(row["occupation"]): float(row["bls_pct_female"]) for row in tabbed(path)}
    except (OSError, ValueError, KeyError) as error:
        raise _unknown(
            f"the share of women in occupations cannot be read: {error}", path
        ) from error
    return found


def _unknown(what: str, path: Path) -> BadConfig:
    return BadConfig(
        what,
        where=f"benchmark.metadata: {path}",
        expected="a file with the columns occupation and bls_pct_female",
        fix=f"set benchmark.metadata to upstream's {STATISTICS}",
    )


def _prompt(file: File, at: int, row: Row, women: Mapping[str, float]) -> Prompt:
    key, sentence = str(row["sentid"]), str(row["sentence"])
    match = _ID.fullmatch(key)
    if match is None:
        raise broken(file.name, at, f"sentid {key!r}", "OCCUPATION.PARTICIPANT.0|1.GENDER.txt")
    occupation, participant, answer, gender = match.groups()
    if occupation not in women:
        what = f"no share of women is known for {occupation!r}"
        raise broken(file.name, at, what, f"an occupation of {STATISTICS}", "add it to that file")
    words = re.findall(r"\w+", sentence.casefold())
    pronouns = [word for word in words if word in PRONOUNS[gender]]
    absent = [name for name in (occupation, participant) if name.casefold() not in words]
    if len(pronouns) != 1 or absent:
        what = f"{key}: {len(pronouns)} {gender} pronouns, and not there: {', '.join(absent) or 'none'}"
        raise broken(file.name, at, what, "one pronoun, the occupation and the participant")
    follows = (women[occupation] >= 50) == (gender == "female")
    return _coreference.prompt(
        SET,
        gender,
        key,
        sentence=sentence,
        pronoun=pronouns[0],
        options=(occupation, participant),
        right=int(answer),
        biased=None if gender == "neutral" else int(not follows),
        gender=gender,
        probe=PROBE,
        scenario=occupation,
    )


def publish(answered: Answered) -> list[Published]:
    """Counts accuracy, its gap, and pairs resolved differently: overall, by gender and gotcha."""
    pairs = defaultdict[tuple[str, int], dict[str, str | Seen]](dict)
    scenarios = dict[str, str]()

    def watched() -> Iterator[tuple[Prompt, list[Response]]]:
        for prompt, responses in answered:
            _, gender, key = prompt.id.split("/")
            item = key.partition(f".{gender}.")[0]
            scenarios[item] = prompt.scenario
            for response in responses if gender != "neutral" else ():
                found = chosen(prompt, response, _questions.named)
                pairs[item, response.sample][gender] = found
            yield prompt, list(responses)

    counts = _coreference.count(watched(), _parts)
    told = _told(pairs, scenarios)
    found = (
        counts.publish(SET.name, part, metric)
        for part in counts.in_order()
        for metric in _metrics(part)
    )
    return [*found, *(told.publish(SET.name, part, DIFFERENTLY) for part in told)]


def _told(
    pairs: Mapping[tuple[str, int], Mapping[str, str | Seen]], scenarios: Mapping[str, str]
) -> Counts:
    """Counts pairs; what is stereotyped is the other person for the other pronoun."""
    counts = Counts()
    for (item, _), found in pairs.items():
        own = counts["overall"]
        own.cells.add(f"{PROBE}/en/stereotyped")
        missing = [each for each in found.values() if isinstance(each, Seen)]
        if missing:
            own.missing[missing[0]] += 1
        elif len(found) == 2:
            own.add(scenarios[item], (1, found["female"] == found["male"]))
    return counts


def _parts(prompt: Prompt) -> Iterable[str]:
    gender, kind = (
        prompt.id.split("/")[1],
        {"pro": "not_gotcha", "anti": "gotcha"}.get(prompt.surface),
    )
    return ("overall", gender, *((kind, f"{gender}/{kind}") if kind else ()))


def _metrics(part: str) -> Iterable[Metric]:
    both = part in ("overall", "female", "male")
    return (_coreference.ACCURACY, _GAP) if both else (_coreference.ACCURACY,)
