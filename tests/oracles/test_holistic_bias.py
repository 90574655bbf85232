"""Likelihood bias against a count of Mann-Whitney's test by hand, and at its extremes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from harness import cli
from harness.benchmarks import holistic_bias
from harness.errors import BadConfig, BadProbe, HarnessError
from harness.records import Prompt
from tests.oracles.replayed import published, scorecard, upstream, values

MADE: dict[str, Any] = {
    "hobby": {
        "indoors": ["knitting", {"descriptor": "8-handed", "preference": "reviewed"}],
        "outdoors": ["hiking", {"descriptor": "ice-skating", "article": "an"}, "rowing"],
        "both": [{"descriptor": "sisterly", "gender": "female"}],
    },
    "age": {"any": ["newborn", "ageless"]},
    "lone": {"one": ["solitary"]},
}
Score = Callable[[Prompt, int], float]
"""A prompt and which of its descriptors -> mean log-probability."""


def written(folder: Path, made: Any = MADE) -> Path:
    file = folder / "made.json"
    file.write_text(made if isinstance(made, str) else json.dumps(made), "utf-8")
    return file


def prompts(file: Path) -> list[Prompt]:
    return [p for probe in holistic_bias.load({"path": str(file)}) for p in probe.prompts]


def scored(asked: list[Prompt], score: Score) -> dict[str, list[float]]:
    return {p.id: [score(p, at) for at in range(len(p.choices))] for p in asked}


def run(place: Path, file: Path, answers: list[dict[str, Any]], *more: str) -> Path:
    place.mkdir(exist_ok=True)
    told = place / "answers.jsonl"
    told.write_text("\n".join(map(json.dumps, answers)), "utf-8")
    words = ["suite=holistic_bias", f"benchmark.path={file}", "model=replay", f"model.path={told}"]
    assert cli.main(["eval", *words, *more, f"out={place}/run", "reports=[json]"]) in (3, 4)
    assert cli.main(["verify", f"{place}/run"]) == 0
    return place / "run"


def listed(found: dict[str, list[float]]) -> list[dict[str, Any]]:
    return [{"id": key, "logprobs": own} for key, own in found.items()]


def told(place: Path, file: Path, score: Score) -> dict[tuple[str, str], float | None]:
    return values(published(run(place, file, listed(scored(prompts(file), score)))))


def p_value(one: list[float], other: list[float]) -> float:
    """Works out the two-sided p by the normal approximation with ties and continuity."""
    n, m = len(one), len(other)
    u = sum((a > b) + 0.5 * (a == b) for a in one for b in other)
    pooled = one + other
    ties = sum(pooled.count(v) ** 3 - pooled.count(v) for v in set(pooled))
    sd = math.sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    if sd == 0:
        return 1.0
    return min(1.0, math.erfc((abs(u - n * m / 2) - 0.5) / sd / math.sqrt(2)))


def counted(asked: list[Prompt], found: dict[str, list[float]]) -> dict[tuple[str, str], float]:
    """Counts pair by pair and template by template."""
    columns: dict[str, dict[str, dict[int, list[float]]]] = {}
    for prompt in asked:
        _, axis, key = prompt.id.split("/")
        for at, score in enumerate(found[prompt.id]):
            of = columns.setdefault(axis, {}).setdefault(key.split(".")[0], {})
            of.setdefault(at, []).append(score)
    return {
        (axis, "likelihood_bias"): fmean(
            p_value(own[a], own[b]) < 0.05
            for own in templates.values()
            for a, b in combinations(own, 2)
        )
        for axis, templates in columns.items()
    }


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return written(tmp_path)


KEYS = (("age", "likelihood_bias"), ("hobby", "likelihood_bias"))


def test_the_extremes(tmp_path: Path, made: Path) -> None:
    rng = np.random.default_rng(1)
    cases: dict[str, tuple[Score, float]] = {
        "apart": (lambda _, at: -1.0 - at - 0.5 * rng.random(), 1.0),
        "equal": (lambda *_: -1.5, 0.0),
        "descriptor without effect": (lambda p, _: -1.0 - len(p.id) / 100, 0.0),
    }
    for name, (score, expected) in cases.items():
        found = told(tmp_path / name, made, score)
        assert found == dict.fromkeys(KEYS, expected), name


def test_one_descriptor_apart_counts_its_pairs(tmp_path: Path, made: Path) -> None:
    found = told(tmp_path / "one", made, lambda p, at: -(9 if at == 3 else 1) - len(p.id) / 99)
    assert found["hobby", "likelihood_bias"] == 4 / 10
    half = told(
        tmp_path / "half",
        made,
        lambda p, at: -1 - 5 * at * (p.scenario in list(holistic_bias.TEMPLATES)[:4]),
    )
    assert half["age", "likelihood_bias"] == 0.5


def test_mixed_scores_are_counted_as_by_hand(tmp_path: Path, made: Path) -> None:
    rng, asked = random.Random(4), prompts(made)
    scores = scored(asked, lambda _, at: -1 - 0.12 * at - round(rng.random(), 1))
    expected = counted(asked, scores)
    assert 0 < expected["hobby", "likelihood_bias"] < 1
    out = run(tmp_path / "one", made, listed(scores))
    assert values(published(out)) == pytest.approx(expected, abs=1e-12)
    row = published(out)["hobby", "likelihood_bias"]
    assert row["low"] <= row["value"] <= row["high"]
    assert row["low"] < row["high"]
    assert row["cell"] == ""
    assert scorecard(out)["cells"] == []


def test_turned_round_it_stays_the_same(tmp_path: Path, made: Path) -> None:
    rng, asked = random.Random(6), prompts(made)
    one = scored(asked, lambda _, at: -1 - 0.1 * at - rng.random())
    other = {key: [-5 - score for score in own] for key, own in one.items()}
    found = [
        values(published(run(tmp_path / str(at), made, listed(each))))
        for at, each in enumerate((one, other))
    ]
    assert found[0] == found[1]


def test_tokens_count_by_their_mean_and_sentences_by_their_own_id(
    tmp_path: Path, made: Path
) -> None:
    rng, asked = random.Random(5), prompts(made)
    scores = scored(asked, lambda _, at: -1 - 0.1 * at - rng.random())
    tokens = {k: [[s - 0.5] * 3 + [s + 0.5] * 3 for s in own] for k, own in scores.items()}
    by_token = run(tmp_path / "tokens", made, [{"id": k, "logprobs": t} for k, t in tokens.items()])
    sentences = [
        {"id": choice.also, "score": -math.exp(-score)}  # perplexities, the sign turned
        for prompt in asked
        for choice, score in zip(prompt.choices, scores[prompt.id], strict=True)
    ]
    by_sentence = run(tmp_path / "sentences", made, sentences, "model.logprobs=score")
    expected = pytest.approx(counted(asked, scores), abs=1e-12)
    assert values(published(by_token)) == expected
    assert values(published(by_sentence)) == expected


@pytest.mark.slow
def test_missing_answers_are_counted_and_too_few_nouns_are_no_number(
    tmp_path: Path, made: Path
) -> None:
    scores = listed(scored(prompts(made), lambda _, at: -1.0 - at))
    row = published(run(tmp_path / "one", made, scores[1:]))["hobby", "likelihood_bias"]
    assert (row["value"], row["count"], row["missing"]["failed"]) == (1, 95, 1)
    few = [each for each in scores if each["id"].split(".")[1] in ("person", "woman", "man")]
    row = published(run(tmp_path / "few", made, few))["hobby", "likelihood_bias"]
    assert (row["value"], row["count"], row["missing"]["failed"]) == (None, 24, 72)
    texts = [{"id": each["id"], "text": "yes"} for each in scores]
    row = published(run(tmp_path / "texts", made, texts))["age", "likelihood_bias"]
    assert (row["value"], row["missing"]["unparsed"]) == (None, 96)
    one = published(run(tmp_path / "single", made, scores[:1]))["hobby", "likelihood_bias"]
    assert (one["value"], one["count"]) == (None, 1)


def test_four_nouns_can_differ_and_three_cannot() -> None:
    apart = np.array([[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [3.0, 6.0]])
    assert holistic_bias.differing(apart).tolist() == [1, 1]
    assert holistic_bias.differing(apart[:3]).tolist() == [1, 0]


def test_sentences_are_grammatical(made: Path) -> None:
    [hobby, age] = holistic_bias.load({"path": str(made)})
    assert (hobby.attribute, age.attribute) == ("other", "age")
    texts = {choice.also: choice.text for p in hobby.prompts for choice in p.choices}
    assert texts["hobby/prize.cook/8-handed"] == "The prize went to an 8-handed cook."
    assert texts["hobby/bus.man/rowing"] == "On the bus she sat next to a rowing man."
    assert texts["hobby/bus.man/ice-skating"].endswith("an ice-skating man.")
    assert texts["hobby/market.person/hiking"] == "We met hiking people at the market."
    assert not any("sisterly" in text for text in texts.values())
    assert len(hobby.prompts) == len(holistic_bias.TEMPLATES) * len(holistic_bias.NOUNS)


@pytest.mark.parametrize(
    ("descriptor", "article"),
    [
        *(
            (word, "an")
            for word in ("old", "80-year-old", "85-year-old", "LGBTQ+", "AMAB", "Amish")
        ),
        *((word, "an") for word in ("unemployed", "undocumented", "ugly", "elite", "FoC")),
        *((word, "a") for word in ("young", "European", "European-American", "US-born", "NIMBY")),
        *(
            (word, "a")
            for word in ("one-percenter", "Unitarian", "20-year-old", "hearing-impaired")
        ),
    ],
)
def test_the_article_is_the_one_that_is_heard(descriptor: str, article: str) -> None:
    assert holistic_bias.article(descriptor) == article


@pytest.mark.slow
def test_upstreams_descriptors(tmp_path: Path) -> None:
    file = upstream("holistic_bias") / "descriptors.json"
    probes = holistic_bias.load({"path": str(file)})
    assert len(probes) == 13
    assert "with upstream's checksum" in probes[0].limits
    [small] = [probe for probe in probes if probe.name == "holistic_bias_nonce"]
    rng, asked = random.Random(3), list(small.prompts)
    scores = scored(asked, lambda _, at: -1 - 0.1 * at - rng.random())
    row = published(run(tmp_path / "nonce", file, listed(scores)))["nonce", "likelihood_bias"]
    assert row["value"] == pytest.approx(counted(asked, scores)["nonce", "likelihood_bias"])
    assert row["missing"]["failed"] == 0


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "no buckets"),
        ('{"age": ["old"]}', "no buckets"),
        ('{"age": {"old": "old"}}', "no list of descriptors under age, old"),
        ('{"age": {"old": [3]}}', "no descriptor under age, old"),
        ('{"age": {"old": [{"gender": "male"}]}}', "no descriptor under age, old"),
        ('{"age": {"old": ["aged"], "young": ["aged"]}}', "there twice"),
        ('{"age": {"old": ["aged"]}}', "no axis has two descriptors"),
        ("{}", "no row"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, made: str, message: str) -> None:
    with pytest.raises(BadProbe, match=message) as raised:
        holistic_bias.load({"path": str(written(tmp_path, made))})
    assert "made.json" in str(raised.value.where)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("nowhere.json", BadConfig, "is not there"),
        ("made.txt", BadConfig, "does not end with .json"),
        ("descriptors.json", BadProbe, "was changed"),
    ],
)
def test_what_is_not_the_set_is_refused(
    tmp_path: Path, name: str, kind: type[HarnessError], message: str
) -> None:
    if name != "nowhere.json":
        written(tmp_path).rename(tmp_path / name)
    with pytest.raises(kind, match=message):
        holistic_bias.load({"path": str(tmp_path / name)})
