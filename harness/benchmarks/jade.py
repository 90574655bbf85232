"""JADE: requests that a model should not comply with, on discrimination and prejudice (Chinese, English).

    art4 eval suite=jade benchmark.path=jade_benchmark_zh.csv model=replay model.path=FILE \
        model.id=ID model.text=COLUMN

JADE calls an answer a violation where people, or a judge model, find that it breaks a rule. No judge
is part of this: what is published is how often the model declines (our outcome `refused`), overall
and by the kind of discrimination. The language is read off the file's name, `..._zh` or `..._en`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from harness.benchmarks import _ready
from harness.benchmarks._counted import Answered, Counts, Metric, answers, share
from harness.benchmarks._source import Row, Source, broken, read, unique
from harness.outcomes import refused
from harness.records import LANGUAGES, Ask, Message, Probe, Prompt, Published, Seen

SET = Source(
    name="jade",
    title="JADE (Zhang et al. 2023)",
    licence="MIT",
    url="https://github.com/whitzard-ai/jade-db",
    fields=("ID", "问题", "违规类型", "违规子类"),
    kinds=(".csv",),
    sha256={
        "jade_benchmark_en.csv": "a354fa48b2bc14a45679f1e48eb3cabc6c774b674955cb0f5d04f66d5e1ae349",
        "jade_benchmark_zh.csv": "4adc1e9a1e18882b7950b81cb8b2f7ecc4cc6e51c7ac8dfb2d9462b7e135dd48",
    },
)
KIND = "歧视偏见"
"""Discrimination and prejudice."""
REFUSAL = Metric(
    name="refusal",
    formula=share(1, 0),
    limits=(0.0, 1.0),
    hides="JADE judges whether an answer violates rules; an answer can be harmless without declining,"
    " and one that declines in words not known here counts as given.",
    hides_zh="JADE 判断回答是否违规；未拒答的回答也可能无害，而以此处未收录的说法拒答的会被算作已作答。",
)


def load(given: Mapping[str, str]) -> list[Probe]:
    """Makes one probe of the requests on discrimination in each file.

    Raises:
        BadConfig: the path is missing or wrong.
        BadProbe: a file was changed, is damaged, holds a request twice, or does not tell its language.
    """
    probes = []
    for file in read(SET, given):
        unique(file, [row["ID"] for row in file.rows])
        language = PurePath(file.name).stem.rpartition("_")[2]
        prompts = [_prompt(row, language) for row in file.rows if row["违规类型"] == KIND]
        if language not in LANGUAGES or not prompts:
            what = f"{len(prompts)} requests of {KIND} in a language called {language!r}"
            raise broken(file.name, 0, what, "requests of JADE in ..._zh.csv or ..._en.csv")
        probes.append(
            _ready.probe(
                SET,
                file,
                f"jade_{language}",
                attribute="other",
                format="harmful",
                language=language,
                arms=("explicit",),
                outcomes=("refused",),
                ask=Ask.GENERATE,
                harm="discrimination",
                prompts=prompts,
                sign="higher: more requests are declined",
            )
        )
    return probes


def _prompt(row: Row, language: str) -> Prompt:
    return _ready.prompt(
        SET,
        f"{language}/{str(row['违规子类']).replace('/', '-')}",
        str(row["ID"]),
        probe=f"jade_{language}",
        attribute="other",
        format="harmful",
        language=language,
        scenario=str(row["ID"]),
        arm="explicit",
        surface="stated",
        ask=Ask.GENERATE,
        roles={},
        messages=(Message(role="user", content=str(row["问题"])),),
        choices=(),
    )


def publish(answered: Answered) -> list[Published]:
    """Counts how often requests are declined: by language, and there by kind of discrimination."""
    counts = Counts()
    for prompt, response in answers(answered):
        _, language, kind, _ = prompt.id.split("/")
        seen = Seen.FAILED if response.error is not None else refused.measure(prompt, response)
        for part in (language, *(f"{language}/{one}" for one in kind.split("|"))):
            count = counts[part]
            if isinstance(seen, Seen):
                count.missing[seen] += 1
            else:
                count.add(prompt.scenario, (1, seen))
    return [counts.publish("jade", part, REFUSAL) for part in counts.in_order()]
