"""SafetyBench's accuracy and JADE's refusals, counted from answers that are given here."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks import jade, safetybench
from harness.errors import BadConfig, BadProbe, HarnessError
from tests.oracles.replayed import published, run, scorecard, upstream

BIAS = "Unfairness and Bias"
REFUSES = {"zh": "抱歉，我无法回答这个问题。", "en": "I'm sorry, but I can't help with that."}


def questions(folder: Path, count: int = 8, **changed: Any) -> Path:
    """Makes up questions whose first option is right when their number is even."""
    found = [
        {"id": at, "category": BIAS if at < count else "Privacy", "question": f"编造的问题{at}？",
         "options": ["是。", "否。"]} | (changed if at == 1 else {})
        for at in range(count + 2)
    ]  # fmt: skip
    right = {str(at): {"category": BIAS, "answer": at % 2} for at in range(count + 2)}
    file = folder / "test_made.json"
    file.write_text(json.dumps(found, ensure_ascii=False), "utf-8")
    (folder / "test_answers_made.json").write_text(json.dumps(right), "utf-8")
    return file


@pytest.mark.parametrize(
    ("said", "value", "count"),
    [
        (["A", "B"], 1, 8),
        (["B", "A"], 0, 8),
        (["A", "A"], 0.5, 8),
        (["是。", "也许"], 1, 4),
        (["A和B", "也许"], None, 0),
    ],
)
def test_accuracy(tmp_path: Path, said: list[str], value: float | None, count: int) -> None:
    answers = {str(at): said[at % 2] for at in range(8)}
    out = run(tmp_path, "safetybench", questions(tmp_path), answers)
    row = published(out)["overall", "accuracy"]
    assert (row["value"], row["count"]) == (value, count)
    assert row["missing"] == {"refused": 0, "unparsed": 8 - count, "failed": 0}
    assert scorecard(out)["cells"] == []


def test_missing_predictions_are_counted(tmp_path: Path) -> None:
    row = published(run(tmp_path, "safetybench", questions(tmp_path), {"0": "A"}))
    assert row["overall", "accuracy"]["missing"]["failed"] == 7
    assert row["overall", "accuracy"]["value"] == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"options": "是"}, "options '是'"),
        ({"options": ["是。"]}, "options"),
        ({"id": 0}, "there twice"),
        ({"id": 99}, "the right answer to 99 is None"),
    ],
)
def test_damaged_questions_are_refused(tmp_path: Path, changed: Any, told: str) -> None:
    with pytest.raises(BadProbe, match=told):
        safetybench.load({"path": str(questions(tmp_path, **changed))})


def test_right_answers_are_needed_and_are_upstreams(tmp_path: Path) -> None:
    file = questions(tmp_path)
    answers = file.with_name("test_answers_made.json")
    renamed = answers.rename(file.with_name("test_answers_zh_subset.json"))
    with pytest.raises(BadConfig, match="cannot be read"):
        safetybench.load({"path": str(file)})
    with pytest.raises(BadConfig, match="was changed"):
        safetybench.load({"path": str(file), "metadata": str(renamed)})


def test_upstreams_questions(tmp_path: Path) -> None:
    folder = upstream("safetybench")
    file = folder / "test_zh_subset.json"
    right = json.loads((folder / "test_answers_zh_subset.json").read_text("utf-8"))
    own = [row for row in json.loads(file.read_text("utf-8")) if row["category"] == BIAS]
    told = published(run(tmp_path, "safetybench", file, {str(r["id"]): "B" for r in own}))
    expected = sum(right[str(r["id"])]["answer"] == 1 for r in own) / 300
    assert told["overall", "accuracy"]["value"] == pytest.approx(expected, abs=1e-12)
    assert told["overall", "accuracy"]["count"] == len(own) == 300


def requests(folder: Path, language: str = "zh", **changed: str) -> Path:
    """Makes up six requests of two kinds of discrimination, and one of another type."""
    place = folder / f"made_{language}.csv"
    with place.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", "问题", "违规类型", "违规子类"])
        for at in range(6):
            kind = "年龄歧视内容" if at % 2 else "性别歧视内容|职业歧视内容"
            writer.writerow([changed.get("id", at), f"编造的请求{at}", "歧视偏见", kind])
        writer.writerow([90, "编造的请求", "侵犯权益", "其他"])
    return place


@pytest.mark.parametrize("language", ["zh", "en"])
def test_refusals_by_kind(tmp_path: Path, language: str) -> None:
    answers = {str(at): REFUSES[language] if at % 2 else "好的。" for at in range(6)}
    answers["4"] = " "
    told = published(run(tmp_path, "jade", requests(tmp_path, language), answers))
    numbers = {part: (row["value"], row["count"]) for (part, _), row in told.items()}
    assert numbers == {
        language: (3 / 5, 5),
        f"{language}/年龄歧视内容": (1, 3),
        f"{language}/性别歧视内容": (0, 2),
        f"{language}/职业歧视内容": (0, 2),
    }
    assert told[language, "refusal"]["missing"] == {"refused": 0, "unparsed": 1, "failed": 0}


def test_no_answer_is_no_refusal(tmp_path: Path) -> None:
    told = published(run(tmp_path, "jade", requests(tmp_path), {"0": REFUSES["zh"]}))
    assert told["zh", "refusal"]["value"] == 1
    assert told["zh", "refusal"]["missing"]["failed"] == 5
    assert told["zh/年龄歧视内容", "refusal"]["value"] is None


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        ("nowhere.csv", BadConfig, "is not there"),
        ("made_fr.csv", BadProbe, "a language called 'fr'"),
        ("jade_benchmark_zh.csv", BadProbe, "was changed"),
        ("twice_zh.csv", BadProbe, "there twice"),
    ],
)
def test_wrong_requests_are_refused(
    tmp_path: Path, path: str, kind: type[HarnessError], told: str
) -> None:
    if path != "nowhere.csv":
        made = requests(tmp_path, **({"id": "7"} if path.startswith("twice") else {}))
        made.rename(tmp_path / path)
    with pytest.raises(kind, match=told):
        jade.load({"path": str(tmp_path / path)})


def test_upstreams_requests(tmp_path: Path) -> None:
    folder = upstream("jade-db")
    answers, expected = dict[str, str](), dict[str, float]()
    for language in ("zh", "en"):
        with (folder / f"jade_benchmark_{language}.csv").open(encoding="utf-8-sig") as file:
            own = [row["ID"] for row in csv.DictReader(file) if row["违规类型"] == "歧视偏见"]
        refused = own[::3]
        expected[language] = len(refused) / len(own)
        said = {key: REFUSES[language] if key in refused else "好" for key in own}
        for kind in jade.load({"path": str(folder / f"jade_benchmark_{language}.csv")}):
            answers |= {prompt.id: said[prompt.id.split("/")[-1]] for prompt in kind.prompts}
    told = published(run(tmp_path, "jade", folder, answers))
    assert {k: told[k, "refusal"]["value"] for k in expected} == pytest.approx(expected, abs=1e-12)
    assert told["zh", "refusal"]["count"] + told["en", "refusal"]["count"] == 27 + 23
