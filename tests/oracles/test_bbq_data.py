"""How BBQ's data are read: what is refused, how targets are found, and which answers are counted."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.benchmarks import bbq
from harness.errors import BadConfig, BadModel, BadProbe
from harness.models import replay
from harness.records import Decoding, Prompt, Published
from tests.oracles.replayed import upstream
from tests.oracles.reproduced import COLUMNS, counted
from tests.oracles.test_bbq import ALL, OPTIONS, rows, written

CATEGORIES = ("Age", "Disability_status", "Gender_identity", "Nationality")
COLUMN = dict.fromkeys(("category", "question_index", "example_id", "target_loc"), "")


def replayed(prompts: list[Prompt], answers: Path, **settings: str) -> list[Published]:
    model = replay.open({"path": str(answers), **settings}, Decoding())
    model.expect(prompts)
    return bbq.publish((p, [r]) for p, r in zip(prompts, model.respond(prompts), strict=True))


def prompts(given: Mapping[str, str]) -> list[Prompt]:
    return [prompt for probe in bbq.load(given) for prompt in probe.prompts]


def test_the_path_is_needed_and_must_lead_to_the_set(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("{}")
    wrong = {
        "benchmark.path is not set": {},
        "is not there": {"path": str(tmp_path / "nowhere.jsonl")},
        "holds no .jsonl": {"path": str(tmp_path)},
        "does not end with .jsonl": {"path": str(tmp_path / "notes.txt")},
        "is a local path": {"path": str(tmp_path), "revision": "v1"},
    }
    for told, given in wrong.items():
        with pytest.raises(BadConfig, match=told) as raised:
            bbq.load(given)
        assert raised.value.where == "benchmark.path", told
        assert raised.value.fix, told


LACKING = {key: value for key, value in ALL[1].items() if key != "label"}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("", "holds no row"),
        ('{"example_id": 0', "JSON"),
        (json.dumps({"prompt": "p", "answer": "a"}), "missing"),
        ("\n".join(map(json.dumps, [ALL[0], LACKING])), "label missing"),
        ("\n".join(map(json.dumps, [*ALL, ALL[3]])), "there twice"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_set(tmp_path: Path, lines: str, told: str) -> None:
    file = tmp_path / "made_up.jsonl"
    file.write_text(lines, "utf-8")
    with pytest.raises(BadProbe, match=told):
        bbq.load({"path": str(file)})


def test_a_changed_file_is_refused_unless_its_checksum_is_given(tmp_path: Path) -> None:
    file = written(tmp_path, ALL).rename(tmp_path / "Age.jsonl")
    with pytest.raises(BadProbe, match="was changed"):
        bbq.load({"path": str(file)})
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert len(prompts({"path": str(file), "sha256": digest})) == len(ALL)
    other = file.rename(tmp_path / "own.jsonl")
    assert len(prompts({"path": str(other)})) == len(ALL)
    with pytest.raises(BadProbe, match="was changed"):
        bbq.load({"path": str(other), "sha256": "0" * 64})


def test_a_data_set_id_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(name: str, revision: str | None) -> None:
        raise ConnectionError(f"no route for {name} at {revision}")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(BadConfig, match="no route for some/bbq at v1"):
        bbq.load({"path": "some/bbq", "revision": "v1"})


def metadata(folder: Path, found: list[dict[str, object]]) -> str:
    file = folder / "metadata.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMN, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(found)
    return str(file)


def test_metadata_that_is_absent_damaged_or_of_other_items(tmp_path: Path) -> None:
    path = str(written(tmp_path, ALL))
    damaged = tmp_path / "damaged.csv"
    damaged.write_text("example_id,target_loc\n0,1\n")
    wrong: dict[str, str] = {
        str(tmp_path / "nowhere.csv"): "cannot be read",
        str(damaged): "cannot be read",
        metadata(tmp_path, [row | {"target_loc": 0} for row in ALL[1:]]): "does not hold it",
    }
    for file, told in wrong.items():
        with pytest.raises(BadConfig, match=told):
            bbq.load({"path": path, "metadata": file})


def test_items_without_a_target_are_left_out_and_told(tmp_path: Path) -> None:
    path = str(written(tmp_path, ALL))
    located = [row | {"target_loc": "" if row["example_id"] in (3, 4) else 0} for row in ALL]
    [probe] = bbq.load({"path": path, "metadata": metadata(tmp_path, located)})
    ids = {prompt.id for prompt in probe.prompts}
    assert ids == {f"bbq/Age/{k}" for k in range(len(ALL)) if k not in (3, 4)}
    assert "2 items without a known target" in probe.limits


@pytest.mark.parametrize("said", ["", "maybe", "It depends.", "elder", "Nobody knows"])
def test_an_answer_that_matches_no_option_is_unparsed(tmp_path: Path, said: str) -> None:
    asked = prompts({"path": str(written(tmp_path, ALL))})[0]
    assert bbq.matched(asked, OPTIONS[0]) is not None
    assert bbq.matched(asked, said) is None


def test_of_two_people_that_an_answer_names_the_rule_takes_the_first_option(tmp_path: Path) -> None:
    asked = prompts({"path": str(written(tmp_path, ALL))})[0]
    for said in ("The elder, or the youth", "The youth, or the elder"):
        assert bbq.matched(asked, said) == asked.choices[0].meaning


def test_ids_that_two_categories_share(tmp_path: Path) -> None:
    other = [row | {"category": "Religion", "question": "Who else?"} for row in rows()]
    for name, found in (("one", ALL), ("two", other)):
        text = "\n".join(map(json.dumps, found))
        (tmp_path / f"{name}.jsonl").write_text(text, "utf-8")
    asked = prompts({"path": str(tmp_path)})
    file = tmp_path / "answers.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("category", "example_id", "said"))
        for row in [*ALL, *other]:
            biased = row["question_polarity"] == "neg"
            elder = biased == (row["category"] == "Age")
            writer.writerow((row["category"], row["example_id"], OPTIONS[0 if elder else 2]))
    alone = tmp_path / "alone.csv"
    alone.write_text("example_id,said\n0,The elder\n")
    both = "belongs to bbq/Age/0 and to bbq/Religion/0"
    for answers, told in ((file, "two answers to .0., sample 0"), (alone, both)):
        with pytest.raises(BadModel, match=told):
            replayed(asked, answers, id="example_id", text="said")
    counted = replayed(asked, file, id="category/example_id", text="said")
    bias = {row.part: row.value for row in counted if row.metric == "bias"}
    assert (bias["ambig/Age"], bias["ambig/Religion"], bias["ambig"]) == (1, -1, 0)


def test_predictions_that_are_missing_are_counted_and_give_no_number(tmp_path: Path) -> None:
    asked = prompts({"path": str(written(tmp_path, ALL))})
    file = tmp_path / "answers.jsonl"
    kept = [row for row in ALL if row["example_id"] % 2]
    text = "\n".join(json.dumps({"id": row["example_id"], "said": OPTIONS[1]}) for row in kept)
    file.write_text(text, "utf-8")
    for row in replayed(asked, file, id="id", text="said"):
        condition = row.part.split("/")[0]
        due = sum(each["context_condition"] == condition for each in ALL)
        have = sum(each["context_condition"] == condition for each in kept)
        assert (row.count, row.missing.failed) == (have, due - have)


@pytest.mark.parametrize("category", ["Age", "Nationality"])
@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_of_unifiedqa_is_counted_as_the_paper_does(category: str, column: str) -> None:
    folder = upstream("bbq")
    given = {
        "path": str(folder / f"data/{category}.jsonl"),
        "metadata": str(folder / "additional_metadata.csv"),
    }
    file = folder / f"predictions/unifiedqa_{category}.jsonl"
    told = replayed(prompts(given), file, id="example_id", text=column)
    whole = {(r.part, r.metric): r.value for r in told if r.part in ("ambig", "disambig")}
    assert whole == pytest.approx(counted(category, column), abs=1e-12)


def test_targets_told_by_the_rows_are_those_of_the_metadata() -> None:
    folder = upstream("bbq")
    with (folder / "additional_metadata.csv").open(encoding="utf-8", newline="") as lines:
        known = {
            (row["category"], row["example_id"]): row["target_loc"] for row in csv.DictReader(lines)
        }
    without = 0
    for category in CATEGORIES:
        text = (folder / f"data/{category}.jsonl").read_text("utf-8")
        for row in map(json.loads, text.splitlines()):
            there = known[category, str(row["example_id"])]
            if there not in ("0", "1", "2"):
                without += 1
                with pytest.raises(BadConfig, match="do not say which of the two"):
                    bbq._target(row, None)
            else:
                assert str(bbq._target(row, None)) == there, row["example_id"]
    assert without == 16


def test_gender_identity_needs_metadata() -> None:
    folder = upstream("bbq")
    path = str(folder / "data/Gender_identity.jsonl")
    with pytest.raises(BadConfig, match="do not say which of the two") as raised:
        bbq.load({"path": path})
    assert raised.value.where == "benchmark.metadata"
    [probe] = bbq.load({"path": path, "metadata": str(folder / "additional_metadata.csv")})
    assert "16 items without a known target" in probe.limits
