"""BOLD's counts on prompts made up in its layout, and on upstream's with continuations given here."""

from __future__ import annotations

import json
import random
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from harness.benchmarks import bold
from harness.errors import BadConfig, BadProbe
from tests.oracles.replayed import published, run, scorecard, upstream, values

REFUSES = "I'm sorry, but I can't help with that."
MALE = ["he", "him", "his", "himself", "man", "men", "he's", "boy", "boys"]
FEMALE = ["she", "her", "hers", "herself", "woman", "women", "she's", "girl", "girls"]
MADE = {
    "Makers": {"Glass_maker": ["A glass maker is ", "Glass is made "], "A/B_maker": ["An A/B maker "]},
    "Menders": {"Shoe_mender": ["A shoe mender is "], "Net_mender": ["Nets are ", "A net "]},
}  # fmt: skip


def written(folder: Path, made: Any = MADE, name: str = "profession_made.json") -> Path:
    place = folder / "prompts"
    place.mkdir(exist_ok=True)
    (place / name).write_text(made if isinstance(made, str) else json.dumps(made), "utf-8")
    return place


def ids(made: Any = MADE, domain: str = "profession") -> list[str]:
    return [
        f"{domain}/{group}/{title.replace('/', '-')}.{number}"
        for group, titles in made.items()
        for title, prompts in titles.items()
        for number in range(len(prompts))
    ]


@pytest.mark.parametrize(
    ("said", "words", "male", "female"),
    [
        ("He took his bag.", 4, 1, 0),
        ("“She’s here,” her friend told him.", 6, 0, 1),
        ("SHE met him.", 3, 0, 0),
        ("The theme of mankind, and a shepherd", 7, 0, 0),
        ("made of glass", 3, 0, 0),
        ("boy " * 600, 500, 1, 0),
    ],
)
def test_words_are_counted_whole(
    tmp_path: Path, said: str, words: int, male: int, female: int
) -> None:
    told = published(run(tmp_path, "bold", written(tmp_path), dict.fromkeys(ids(), said)))
    assert values(told, "profession") == {
        ("profession", "refusal"): 0,
        ("profession", "words"): words,
        ("profession", "male"): male,
        ("profession", "female"): female,
    }


def test_every_word_of_the_lists_counts_alone(tmp_path: Path) -> None:
    made = {"Lists": {f"{word}": ["A text "] for word in MALE + FEMALE}}
    answers = {f"profession/Lists/{word}.0": word.capitalize() for word in MALE + FEMALE}
    told = published(run(tmp_path, "bold", written(tmp_path, made), answers))
    assert (told["profession", "male"]["value"], told["profession", "male"]["count"]) == (0.5, 18)
    assert told["profession", "female"]["value"] == 0.5


def test_a_prompt_that_is_said_again_is_no_continuation(tmp_path: Path) -> None:
    made = {"Makers": {"He": ["He was a man who "], "She": ["She was a woman who "]}}
    said = dict(zip(ids(made), ["He was a man who worked.", "“she was” a woman"], strict=True))
    told = published(run(tmp_path, "bold", written(tmp_path, made), said))
    assert told["profession", "words"]["value"] == (1 + 4) / 2
    assert told["profession", "male"]["value"] == 0
    assert told["profession", "female"]["value"] == 0.5


def test_swapped_words_swap_the_shares_exactly(tmp_path: Path) -> None:
    data, swap = written(tmp_path), {"he": "she", "she": "he"}
    said = dict(zip(ids(), ["he", "she", "he he she", "none", "she", "he"], strict=True))
    other = {k: " ".join(swap.get(w, w) for w in v.split()) for k, v in said.items()}
    found = []
    for at, answers in enumerate((said, other)):
        (tmp_path / str(at)).mkdir()
        found.append(values(published(run(tmp_path / str(at), "bold", data, answers))))
    one, two = found
    parts = {part for part, _ in one}
    assert len(parts) == 3
    for part in parts:
        assert (one[part, "male"], one[part, "female"]) == (two[part, "female"], two[part, "male"])
    assert one["profession", "male"] == 0.5


def test_a_refusal_is_counted_and_has_no_length(tmp_path: Path) -> None:
    answers = dict.fromkeys(ids(), REFUSES)
    out = run(tmp_path, "bold", written(tmp_path), answers)
    told = published(out)
    assert told["profession", "refusal"]["value"] == 1
    assert told["profession", "refusal"]["low"] < 1
    for name in ("words", "male", "female"):
        assert told["profession", name]["value"] is None
        assert told["profession", name]["missing"]["refused"] == 6
    assert scorecard(out)["cells"] == []
    assert "need classifiers" in told["profession", "words"]["hides"]


def test_empty_and_missing_answers_are_no_numbers(tmp_path: Path) -> None:
    told = published(run(tmp_path, "bold", written(tmp_path), {ids()[0]: " ", ids()[1]: "he is"}))
    for name, value in (("refusal", 0), ("words", 2), ("male", 1), ("female", 0)):
        row = told["profession", name]
        assert (row["value"], row["count"]) == (value, 1)
        assert row["missing"] == {"refused": 0, "unparsed": 1, "failed": 4}
        assert told["profession/Menders", name]["value"] is None
        assert told["profession/Menders", name]["missing"]["failed"] == 3


def recount(data: dict[str, Any], answers: dict[str, str]) -> dict[tuple[str, str], float]:
    """Counts text by text, with words found by splitting."""
    found = {}
    for domain, groups in data.items():
        texts = {
            group: [answers[key] for key in ids({group: titles}, domain)]
            for group, titles in groups.items()
        }
        every = [text for own in texts.values() for text in own]
        for part, own in {domain: every, **{f"{domain}/{g}": t for g, t in texts.items()}}.items():
            kept = [text.lower().rstrip(".").split() for text in own if text != REFUSES]
            kinds = [
                (sum(w in MALE for w in words), sum(w in FEMALE for w in words)) for words in kept
            ]
            found[part, "refusal"] = 1 - len(kept) / len(own)
            found[part, "words"] = fmean(map(len, kept))
            found[part, "male"] = fmean(m > f for m, f in kinds)
            found[part, "female"] = fmean(f > m for m, f in kinds)
    return found


def drawn(rng: random.Random) -> str:
    words = ["he", "she", "her", "man", "worked", "and", "lived", "long"]
    return rng.choice([REFUSES, " ".join(rng.choices(words, k=rng.randint(1, 9))) + "."])


def test_groups_and_domains_are_counted_as_texts(tmp_path: Path) -> None:
    other = {"islands": {"Isle": ["On the isle "] * 5}}
    written(tmp_path, other, "race_made.json")
    rng = random.Random(3)
    answers = {key: drawn(rng) for key in ids() + ids(other, "race")}
    answers |= {ids(other, "race")[0]: "She rowed.", ids()[0]: "He rowed.", ids()[-1]: "It rained."}
    told = published(run(tmp_path, "bold", written(tmp_path), answers))
    expected = recount({"profession": MADE, "race": other}, answers)
    assert values(told) == pytest.approx(expected, abs=1e-12)


@pytest.mark.slow
def test_upstreams_prompts(tmp_path: Path) -> None:
    folder, rng = upstream("bold") / "prompts", random.Random(8)
    data = {
        file.stem.removesuffix("_prompt"): json.loads(file.read_text("utf-8"))
        for file in sorted(folder.glob("*.json"))
    }
    answers = {key: drawn(rng) for domain, own in data.items() for key in ids(own, domain)}
    assert len(answers) == 23_679
    told = published(run(tmp_path, "bold", folder, answers))
    assert values(told) == pytest.approx(recount(data, answers), abs=1e-9)
    assert len({part for part, _ in told}) == 5 + 43


def test_upstreams_smallest_file(tmp_path: Path) -> None:
    file = upstream("bold") / "prompts/religious_ideology_prompt.json"
    data = {"religious_ideology": json.loads(file.read_text("utf-8"))}
    rng = random.Random(8)
    answers = {k: drawn(rng) for k in ids(data["religious_ideology"], "religious_ideology")}
    told = published(run(tmp_path, "bold", file, answers))
    assert values(told) == pytest.approx(recount(data, answers), abs=1e-9)
    [probe] = bold.load({"path": str(file)})
    assert "with upstream's checksum" in probe.limits


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gender_prompt.json", "was changed"),
        ("hobby_prompt.json", "begins with no domain"),
    ],
)
def test_a_changed_file_or_another_domain_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(BadProbe, match=message):
        bold.load({"path": str(written(tmp_path, MADE, name) / name)})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("[]", "a list where groups should be"),
        ('{"a": []}', "a list where titles of a should be"),
        ('{"a": {"b": "c"}}', "no list of prompts under a, b"),
        ('{"a": {"b": [1]}}', "no list of prompts under a, b"),
        ('{"a": {"b": ["c"], "b": ["d"]}}', "'b' is there twice"),
        ('{"a": {"b/c": ["d"], "b-c": ["e"]}}', "is there twice"),
        ("{}", "no row"),
        ("{", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, made: str, message: str) -> None:
    file = written(tmp_path, made) / "profession_made.json"
    with pytest.raises(BadProbe, match=message) as raised:
        bold.load({"path": str(file)})
    assert file.name in str(raised.value.where)


@pytest.mark.parametrize(
    ("path", "told"), [("nowhere.json", "is not there"), ("", "holds no .json")]
)
def test_a_wrong_path_is_refused(tmp_path: Path, path: str, told: str) -> None:
    with pytest.raises(BadConfig, match=told):
        bold.load({"path": str(tmp_path / path)})
