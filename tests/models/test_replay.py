"""Answers collected elsewhere: every row is one answer, or one error with its line."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import BadConfig, BadModel, HarnessError, NotFound
from harness.models import _table, replay
from harness.records import WHOLE, Ask, Choice, Decoding, Message, Prompt

Row = Mapping[str, Any]


def prompt(id: str, ask: Ask = Ask.GENERATE, choices: Sequence[str] = (), **more: Any) -> Prompt:
    return Prompt(
        id=id, probe="p", attribute="gender", format=more.get("format", "decision"), language="en",
        scenario=f"s{id}", item=f"i{id}", roles={}, surface="mention", arm="explicit", order=0,
        favourable="yes", ask=ask,
        choices=tuple(Choice(text=c, meaning=c) for c in choices),
        messages=more.get("messages", (Message(role="user", content="Well?"),)),
    )  # fmt: skip


def write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)


def write_json(path: Path, rows: Sequence[Row]) -> None:
    path.write_text(json.dumps({"some": rows[:1], "others": rows[1:]}), "utf-8")


KINDS: Mapping[str, Callable[[Path, Sequence[Row]], None]] = {
    "jsonl": write_jsonl,
    "json": write_json,
    "csv": write_csv,
    "parquet": write_parquet,
}


def opened(path: Path, decoding: Decoding | None = None, **settings: Any) -> replay.Replay:
    return replay.open({"path": str(path), **settings}, decoding or Decoding())


def lines(path: Path, *rows: Row | str | bytes) -> Path:
    path.write_bytes(
        b"".join(
            (r if isinstance(r, bytes) else r.encode() if isinstance(r, str) else json.dumps(r).encode())
            + b"\n"
            for r in rows
        )
    )  # fmt: skip
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_answers_in_the_order_of_the_prompts(
    kind: str, tmp_path: Path
) -> None:
    texts = {"a": 'Yes, "quoted",\nand a second line', "b": "是的", "c": ""}
    rows = [{"key": key, "said": text, "other": "x"} for key, text in texts.items()]
    KINDS[kind](tmp_path / f"a.{kind}", rows)
    model = opened(tmp_path / f"a.{kind}", id="key", text="said")
    given = model.respond([prompt("c"), prompt("a"), prompt("b")])
    assert [(r.prompt, r.text, r.finish) for r in given] == [
        (key, texts[key], "stop") for key in ("c", "a", "b")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_samples_and_log_probabilities_are_read_from_every_kind_of_file(
    kind: str, tmp_path: Path
) -> None:
    listed: Any = [[-1.0, -2.0], [-0.5]]
    rows = [
        {"id": "7", "n": n, "lp": json.dumps(listed) if kind == "csv" else listed} for n in (0, 1)
    ]
    KINDS[kind](tmp_path / f"a.{kind}", rows)
    model = opened(tmp_path / f"a.{kind}", sample="n", logprobs="lp")
    [one] = model.respond([prompt("7", Ask.CHOOSE, ["yes", "no"])])
    assert one.logprobs == ((-1.0, -2.0), (-0.5,))
    assert one.finish == "scored"
    assert not model.texts


def test_a_prompt_has_as_many_answers_as_samples_and_a_missing_one_is_an_error(
    tmp_path: Path,
) -> None:
    path = lines(tmp_path / "a.jsonl", {"id": 1, "text": "x", "sample": 1})
    given = opened(path, Decoding(samples=2)).respond([prompt("1")])
    assert [(r.sample, r.text, r.error) for r in given] == [
        (0, None, "no answer in a.jsonl"),
        (1, "x", None),
    ]


def test_an_id_may_mean_the_item_or_the_scenario(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"example": {"id": "i1"}, "out": {"said": "x"}})
    model = opened(path, by="item", id="example.id", text="out.said")
    assert [r.text for r in model.respond([prompt("1")])] == ["x"]
    path = lines(tmp_path / "b.jsonl", {"id": "s1", "text": "y"})
    assert [r.text for r in opened(path, by="scenario").respond([prompt("1")])] == ["y"]


def test_what_is_missing_doubled_or_surplus_is_counted_and_named(tmp_path: Path) -> None:
    rows = [{"id": id, "text": "x"} for id in ("a", "b", "b", "gone", "b")]
    model = opened(lines(tmp_path / "a.jsonl", *rows))
    assert model.describe()["notes"] == []
    model.expect(iter([prompt("a"), prompt("b"), prompt("new")]))
    told = model.describe()
    assert (told["due"], told["answers"], told["duplicate"]) == (3, 3, 2)
    assert (told["missing"], told["absent"]) == (1, ["new"])
    assert (told["surplus"], told["unasked"], told["doubled"]) == (1, ["gone"], ["b"])
    english, chinese = told["notes"]
    assert "1 missing (new), 1 answer no prompt of the suite (gone), 2 stand there more" in english
    assert "1 条缺失（new）" in chinese
    assert json.dumps(told, allow_nan=False)


def test_a_long_list_is_cut_and_the_count_stays(tmp_path: Path) -> None:
    rows = [{"id": f"{n}", "text": "x"} for n in range(50)]
    model = opened(lines(tmp_path / "a.jsonl", *rows))
    model.expect(iter([prompt("0"), *(prompt(f"new{n}") for n in range(30))]))
    told = model.describe()
    assert (told["missing"], len(told["absent"])) == (30, 20)
    assert (told["surplus"], len(told["unasked"])) == (49, 20)
    assert "30 missing (new0; new1; new2; ...)" in told["notes"][0]


def test_answers_to_none_of_the_prompts_are_refused(tmp_path: Path) -> None:
    model = opened(lines(tmp_path / "a.jsonl", {"id": "1", "text": "x"}))
    with pytest.raises(BadModel, match="none of 1 answers belongs") as caught:
        model.expect(iter([prompt("x")]))
    assert "model.by" in caught.value.fix
    assert "'1'" in caught.value.where


def test_two_answers_to_one_prompt_are_refused_with_both_lines(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"id": 1, "text": "x"}, "", {"id": "1", "text": "y"})
    with pytest.raises(BadModel, match=r"two answers to '1', sample 0: line 1 holds") as caught:
        opened(path)
    assert caught.value.where == f"{path}:3"
    assert "model.sample" in caught.value.fix


def test_the_fingerprint_is_of_the_file_and_the_mapping(tmp_path: Path) -> None:
    def of(path: Path, **settings: Any) -> object:
        return opened(path, **settings).describe()["fingerprint"]

    row = {"id": "i1", "text": "x", "also": "y"}
    one, moved = lines(tmp_path / "a.jsonl", row), lines(tmp_path / "b.jsonl", row)
    other = lines(tmp_path / "c.jsonl", {**row, "text": "y"})
    assert of(one) == of(moved) == of(moved, name="gpt")
    found = {of(one), of(other), of(one, text="also"), of(one, by="item")}
    assert len(found) == 4


def test_what_does_not_fit_a_prompt_is_an_error_of_that_prompt(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "a.jsonl",
        {"id": "sums", "logprobs": [-1, -2]},
        {"id": "tokens", "logprobs": [[-1], [-2]]},
        {"id": "unscored", "logprobs": [[-1], []]},
        {"id": "none"},
        {"id": "failed", "error": "HTTP 500", "text": "half"},
        {"id": "filtered", "finish": "content_filter", "text": ""},
    )
    model = opened(path)

    def of(id: str, *choices: str, **more: Any) -> Any:
        ask = Ask.CHOOSE if choices else Ask.GENERATE
        [found] = model.respond([prompt(id, ask, choices, **more)])
        return found

    assert of("sums", "yes", "no").logprobs == ((-1.0,), (-2.0,))
    assert of("unscored", "yes", "no", format="decision").logprobs == ((-1.0,), ())
    for form in ("comparison", "rating", "pair"):  # a sum of no number is 0, which is certainty
        told = of("unscored", "yes", "no", format=form)
        assert (told.logprobs, told.error) == (None, "a choice without a log-probability")
    assert of("sums", "yes", "no", "?").error == "2 log-probabilities for 3 choices"
    assert "shared tokens" in of("sums", "He is.", "She is.", messages=()).error
    assert of("tokens", "He is.", "She is.", messages=()).logprobs == ((-1.0,), (-2.0,))
    assert "where a text was asked for" in of("sums").error
    assert of("none").error == of("nowhere").error == "no answer in a.jsonl"
    assert of("failed").error == "HTTP 500"
    assert (of("filtered").finish, of("filtered").error) == ("refused", None)


WRONG: Mapping[str, tuple[Any, str]] = {
    "an id that is no text": ({"id": [1], "text": "x"}, r"the id is \[1\]"),
    "an id that is true": ({"id": True, "text": "x"}, "the id is True"),
    "an id that is a fraction": ({"id": 1.0, "text": "x"}, "the id is 1.0"),
    "an empty id": ({"id": "", "text": "x"}, "the id is ''"),
    "an id that is half a character": (r'{"id": "\ud800", "text": "x"}', "surrogates"),
    "an id that is nobody": ({"id": None, "text": "x"}, "unknown column 'id'"),
    "no id": ({"idd": "1", "text": "x"}, "unknown column 'id'"),
    "a text that is a number": ({"id": 1, "text": 2}, "the text is 2"),
    "a text that is no number": ('{"id": 1, "text": NaN}', "the text is nan"),
    "a huge number": ('{"id": 1, "text": 1%s}' % ("0" * 4000), "a huge number"),
    "a sample below 0": ({"id": 1, "sample": -1, "text": "x"}, "the sample is -1"),
    "a sample that is a word": ({"id": 1, "sample": "one", "text": "x"}, "the sample is 'one'"),
    "a sample that is true": ({"id": 1, "sample": True, "text": "x"}, "the sample is True"),
    "a probability": ({"id": 1, "logprobs": [0.7, 0.3]}, "a log-probability is 0.7"),
    "not a number": ('{"id": 1, "logprobs": [NaN, -1]}', "a log-probability is nan"),
    "infinity": ('{"id": 1, "logprobs": [[-Infinity], [-1]]}', "a log-probability is -inf"),
    "a word among numbers": ({"id": 1, "logprobs": [[-1], "x"]}, "logprobs of a choice are 'x'"),
    "numbers and lists": ({"id": 1, "logprobs": [-1, [-1]]}, r"a log-probability is \[-1\]"),
    "no log-probabilities": ({"id": 1, "logprobs": []}, r"the logprobs are \[\]"),
    "log-probabilities by name": ({"id": 1, "logprobs": {"a": -1}}, "the logprobs are {"),
    "broken JSON within": ({"id": 1, "logprobs": "[-1"}, "the logprobs are '"),
    "a finish that is a number": ({"id": 1, "text": "x", "finish": 1}, "the finish is 1"),
    "an error that is true": ({"id": 1, "error": True}, "the error is True"),
    "a broken line": ('{"id": 1', "no JSON"),
    "a list": ("[1, 2]", "a list where an object should be"),
    "no UTF-8": (b'{"id": 1, "text": "\xff"}', "no JSON: 'utf-8'"),
    "deep brackets": ("[" * 100_000, "no JSON"),
    "more digits than Python reads": ('{"id": 1%s}' % ("0" * 5000), "no JSON"),
}


@pytest.mark.parametrize(("row", "what"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_row_is_refused_with_its_line(row: Any, what: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"id": "0", "text": "right"}, row)
    with pytest.raises((BadModel, NotFound), match=what) as caught:
        opened(path)
    assert caught.value.where == f"{path}:2"
    assert len(str(caught.value)) < 2_000


FILES: Mapping[str, tuple[str, bytes, str]] = {
    "nothing": ("a.jsonl", b"", "it holds no answer"),
    "empty lines": ("a.jsonl", b"\n\n", "it holds no answer"),
    "another kind": ("a.txt", b"x", "says no kind of file"),
    "no kind": ("a", b"x", "'nothing'"),
    "a pickle": ("a.pkl", b"\x80\x04N.", "says no kind of file"),
    "no Parquet": ("a.parquet", b"PAR1 no", "cannot be read"),
    "a head alone": ("a.csv", b"id,text\n", "it holds no answer"),
    "a CSV of nothing": ("a.csv", b"", "unknown column 'id'"),
    "a quote that never ends": ("a.csv", b'id,text\n1,"x\n', "no CSV"),
    "a CSV that is no UTF-8": ("a.csv", b"id,text\n1,\xff\n", "no CSV"),
    "a field too many": ("a.csv", b"id,text\n1,x,y\n", "3 fields where the first line names 2"),
    "a field too few": ("a.csv", b"id,text\n1\n", "1 fields where"),
    "a name twice": ("a.csv", b"id,text,text\n1,x,y\n", "two columns have one name"),
}


@pytest.mark.parametrize(("name", "raw", "what"), FILES.values(), ids=FILES.keys())
def test_a_file_that_holds_no_answers_is_refused(
    name: str, raw: bytes, what: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(HarnessError, match=what) as caught:
        opened(tmp_path / name)
    assert str(tmp_path / name) in caught.value.where


@pytest.mark.parametrize("name", ["no/such.jsonl", ".", "pipe.jsonl"])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(BadModel, match="not there, or no file"):
        opened(tmp_path / name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_is_not_there_shows_the_near_ones(kind: str, tmp_path: Path) -> None:
    KINDS[kind](tmp_path / f"a.{kind}", [{"id": "1", "answer": "x"}])
    with pytest.raises(NotFound, match="unknown column 'anser'") as caught:
        opened(tmp_path / f"a.{kind}", text="anser")
    assert "'answer'" in caught.value.fix


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_line_that_never_ends_is_not_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_table, "RECORD", 1_000)
    path = tmp_path / f"a.{kind}"
    path.write_text("id,text\n" + "x" * 5_000)
    with pytest.raises(
        BadModel, match="a line of more than 1,000 bytes" if kind == "csv" else "JSON"
    ):
        opened(path)
    path.write_text("x" * 5_000)
    with pytest.raises(BadModel, match="a line of more than 1,000 bytes"):
        opened(path)


def test_rows_of_parquet_that_unpack_to_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(tmp_path / "a.parquet", [{"id": str(n), "text": "x" * 100} for n in range(100)])
    monkeypatch.setattr(_table, "RECORD", 50)
    with pytest.raises(BadModel, match="too large"):
        opened(tmp_path / "a.parquet")


def test_rows_of_parquet_are_unpacked_few_at_a_time_where_each_may_be_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), ["x" * 10_000])
    table = pa.table({"id": [str(n) for n in range(100)], "text": text})
    pq.write_table(table, tmp_path / "a.parquet", store_schema=False)
    sizes, read = list[int](), pq.ParquetFile.iter_batches

    def watched(file: Any, most: int) -> Any:
        sizes.append(most)
        return read(file, most)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    monkeypatch.setattr(_table, "_BATCH_BYTES", 50_000)
    assert len(list(_table.rows(tmp_path / "a.parquet"))) == 100
    assert max(sizes) * 10_000 <= 50_000


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"path": None}, "model.path is None"),
        ({"path": 3}, "model.path is 3"),
        ({"by": "prompt"}, "unknown meaning of an id 'prompt'"),
        ({"id": 3}, "model.id is 3"),
        ({"text": ""}, "model.text is ''"),
        ({"txt": "x"}, "unknown setting 'txt'"),
    ],
)
def test_wrong_settings_are_refused(settings: Mapping[str, Any], what: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"id": 1, "text": "x"})
    for ask in (replay.open, replay.foresee):
        with pytest.raises((BadConfig, NotFound), match=what):
            ask({"path": str(path), **settings}, Decoding())


def test_what_is_foreseen_is_what_is_opened(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"id": 1, "text": "x"})
    seen, model = replay.foresee({"path": str(path)}, Decoding()), opened(path)
    assert (seen.name, seen.texts, seen.abilities) == ("a", True, frozenset(Ask))
    assert seen.was(model.describe())
    assert seen.count is not None
    assert seen.count(prompt("1")) == 0


def test_rounding_above_zero_is_a_log_probability(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"id": 1, "logprobs": [1e-7, -3]})
    [found] = opened(path).respond([prompt("1", Ask.CHOOSE, ["yes", "no"])])
    assert found.logprobs is not None
    assert math.isclose(found.logprobs[0][0], 1e-7)


def test_scores_of_sentences_make_the_answers_of_their_prompts(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    scores = {"a0": 0.5, "a1": 0.25, "b0": -3, "b1": 0.5, "c0": 1}
    rows = [{"id": key, "score": value} for key, value in scores.items()]
    path.write_text(json.dumps({"some": rows}))
    asked = [
        replace(
            prompt(name, Ask.CHOOSE, messages=()),
            surface=surface,
            choices=tuple(Choice(text="x", meaning=str(k), also=f"{name}{k}") for k in range(2)),
        )
        for name, surface in (("a", WHOLE), ("b", WHOLE), ("c", WHOLE), ("a", "mention"))
    ]
    found = opened(path, logprobs="score").respond(asked)
    assert found[0].logprobs == ((math.log(0.5),), (math.log(0.25),))
    assert found[1].logprobs == ((-3.0,), (0.5,))
    assert found[2].error == "1 of 2 scores are not in a.json"
    assert "no such prompt" in (found[3].error or "")


@pytest.mark.parametrize("raw", ['{"a": 1}', "[1]", '"x"', "[{]"])
def test_json_that_is_no_list_of_answers_is_refused(raw: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(raw)
    with pytest.raises(BadModel):
        opened(tmp_path / "a.json")
