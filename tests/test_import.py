"""Prompts go out, answers come in: from any harness, and with the same verdicts."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import store
from harness.cli import main
from harness.logs import inspect
from tests.small import SMALL, evaluate, scorecard

SETTINGS = [word for word in SMALL if not word.startswith("model")]


def replayed(out: Path, answers: Path, *more: str) -> int:
    words = [*SETTINGS, "model=replay", f"model.path={answers}", f"out={out}", *more]
    return main(["eval", *words])


def exported(place: Path, *words: str) -> list[dict[str, Any]]:
    assert main(["probes", "export", *words, "--out", str(place)]) == 0
    return read(place)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def answers_of(run: Path) -> list[dict[str, Any]]:
    """Returns the answers of a run as somebody else would have collected them."""
    stored = pq.read_table(run / store.RESPONSES).to_pylist()
    kept = ("sample", "text", "logprobs", "finish", "error")
    return [{"id": row["prompt"], **{key: row[key] for key in kept}} for row in stored]


def test_prompts_answered_elsewhere_give_the_verdicts_of_asking_here(tmp_path: Path) -> None:
    effect = ("model.effect=gap", "model.attribute=gender", "model.dose=0.3")
    code = evaluate(tmp_path / "asked", *effect)
    given = answers_of(tmp_path / "asked")
    sent = exported(tmp_path / "prompts.jsonl", *SETTINGS)
    assert [row["id"] for row in sent] == [row["id"] for row in given]
    assert set(sent[0]) == {
        "id", "ask", "messages", "choices", "samples", "temperature", "max_tokens",
    }  # fmt: skip
    answers = jsonl(tmp_path / "answers.jsonl", given[::-1])
    assert replayed(tmp_path / "replayed", answers) == code
    one, two = scorecard(tmp_path / "asked"), scorecard(tmp_path / "replayed")
    for key in ("verdict", "cells", "controls", "attributes", "suspects"):
        assert one[key] == two[key], key
    assert main(["verify", str(tmp_path / "replayed")]) == 0
    assert "read from answers.jsonl" in " ".join(two["notes"])


def test_missing_answers_are_failed_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(tmp_path / "asked")
    given = answers_of(tmp_path / "asked")
    rows = [*given[7:], given[-1], {"id": "who?", "text": "x"}]
    capsys.readouterr()
    replayed(tmp_path / "replayed", jsonl(tmp_path / "answers.jsonl", rows))
    shown = " ".join(capsys.readouterr().out.split())
    found = scorecard(tmp_path / "replayed")["run"]["model"]
    assert (found["missing"], found["surplus"], found["duplicate"]) == (7, 1, 1)
    assert found["unasked"] == ["who?"]
    assert "7 missing (" in shown
    assert "1 answer no prompt of the suite (who?)" in shown
    responses = pq.read_table(tmp_path / "replayed" / store.RESPONSES).to_pylist()
    assert sum(row["error"] == "no answer in answers.jsonl" for row in responses) == 7
    assert main(["verify", str(tmp_path / "replayed")]) == 0
    assert main(["rescore", str(tmp_path / "replayed"), "--out", str(tmp_path / "again")]) in (3, 4)
    assert (
        scorecard(tmp_path / "again")["notes"][:2] == scorecard(tmp_path / "replayed")["notes"][:2]
    )


def test_a_file_of_another_suite_is_refused_before_a_run_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = jsonl(tmp_path / "answers.jsonl", [{"id": "0", "text": "Yes."}])
    assert replayed(tmp_path / "run", answers) == 2
    assert "probes export" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_some_probes_can_be_exported_and_nothing_is_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "new" / "prompts.jsonl"
    rows = exported(place, "gender_pair", "suite=smoke", "suite.scenarios=2")
    assert {row["id"].partition("/")[0] for row in rows} == {
        "gender_pair",
        "pair_controls",
    }
    assert all(len(row["starts"]) == len(row["choices"]) == 2 for row in rows)
    assert f"wrote {len(rows)} prompts" in capsys.readouterr().out
    assert main(["probes", "export", "gender_pair", "--out", str(place)]) == 2
    assert main(["probes", "export", "gender_pear", "--out", str(tmp_path / "x")]) == 2
    assert "'gender_pair'" in capsys.readouterr().err


def lm_eval(id: Any, resps: Any, **more: Any) -> dict[str, Any]:
    """A line as lm-evaluation-harness's evaluation tracker writes it with --log_samples."""
    count = len(resps) if isinstance(resps, list) else 0
    return {
        "doc_id": id,
        "doc": {"id": f"p{id}", "question": "?"},
        "target": "0",
        "arguments": {f"gen_args_{n}": {"arg_0": "Q: ?", "arg_1": f" {n}"} for n in range(count)},
        "resps": resps,
        "filtered_resps": resps,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": "00",
        "prompt_hash": "11",
        "target_hash": "22",
        "acc": 1.0,
        **more,
    }


def brought(tmp_path: Path, log: Path, kind: str, *more: str) -> list[dict[str, Any]]:
    out = tmp_path / "answers.jsonl"
    assert main(["import", str(log), "--from", kind, "--out", str(out), *more]) == 0
    return read(out)


def test_texts_and_scores_of_lm_eval_are_read(tmp_path: Path) -> None:
    rows = [
        lm_eval(0, [["Yes.", "No."]]),
        lm_eval(1, [[["-1.5", "True"]], [["-2.25", "False"]]]),
        lm_eval(2, [[["-1.5", "False"]]]),
    ]
    found = brought(tmp_path, jsonl(tmp_path / "samples.jsonl", rows), "lm-eval")
    assert found == [
        {"id": "p0", "sample": 0, "text": "Yes."},
        {"id": "p0", "sample": 1, "text": "No."},
        {"id": "p1", "sample": 0, "logprobs": [-1.5, -2.25]},
        {"id": "p2", "sample": 0, "logprobs": [-1.5]},
    ]


def test_a_document_under_two_filters_is_one_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [lm_eval(3, [["Yes."]], filter=name) for name in ("strict", "flexible")]
    found = brought(tmp_path, jsonl(tmp_path / "s.jsonl", rows), "lm-eval", "--id", "doc_id")
    assert found == [{"id": "3", "sample": 0, "text": "Yes."}]
    assert "1 duplicate, the same answer again" in capsys.readouterr().out


def test_scores_without_the_question_are_passed_over_beside_those_with_it(tmp_path: Path) -> None:
    arguments = {
        f"gen_args_{n}": {"arg_0": "Q: ?" if n < 2 else "", "arg_1": f" {n % 2}"} for n in range(4)
    }
    resps = [[[f"-{n}.0", "False"]] for n in range(1, 5)]
    row = lm_eval(0, resps, arguments=arguments)
    found = brought(tmp_path, jsonl(tmp_path / "s.jsonl", [row]), "lm-eval")
    assert found == [{"id": "p0", "sample": 0, "logprobs": [-1.0, -2.0]}]
    (tmp_path / "answers.jsonl").unlink()
    row["arguments"] = {key: {"arg_0": "", "arg_1": "He is."} for key in arguments}
    found = brought(tmp_path, jsonl(tmp_path / "s.jsonl", [row]), "lm-eval")
    assert found[0]["logprobs"] == [-1.0, -2.0, -3.0, -4.0]


WRONG_LINES: Mapping[str, tuple[Any, str]] = {
    "no answers": ({"doc_id": 0}, "no list of lists"),
    "a text for a list": (lm_eval(0, "Yes."), "no list of lists"),
    "a word for a score": (lm_eval(0, [[["x", "True"]], [["-1", "True"]]]), "'x'"),
    "no score": (lm_eval(0, [[["nan", "True"]], [["-1", "True"]]]), "nan"),
    "nothing given": (lm_eval(0, [[], []]), "None"),
    "a number for a text": (lm_eval(0, [[3]]), "the text is 3"),
    "no id": ({"resps": [["x"]]}, "unknown field 'doc_id'"),
}


@pytest.mark.parametrize(("row", "what"), WRONG_LINES.values(), ids=WRONG_LINES.keys())
def test_a_line_that_is_no_sample_is_refused(
    row: Any, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out = jsonl(tmp_path / "s.jsonl", [lm_eval(9, [["x"]]), row]), tmp_path / "answers.jsonl"
    assert main(["import", str(log), "--from", "lm-eval", "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert what in told
    assert "s.jsonl:2" in told
    assert not out.exists()


def sample(id: Any, text: Any, epoch: int = 1, **more: Any) -> dict[str, Any]:
    """A sample of a log of inspect_ai, schema version 2."""
    message = {"role": "assistant", "content": text, "source": "generate"}
    choice = {"message": message, "stop_reason": "stop"}
    output = {
        "model": "m",
        "choices": [choice],
        "completion": text if isinstance(text, str) else "",
    }
    return {
        "id": id, "epoch": epoch, "input": "?", "target": "x", "messages": [], "output": output,
        "metadata": {}, "scores": {}, "attachments": {"ff": "put aside"}, **more,
    }  # fmt: skip


SAMPLES = [
    sample("a", "Yes."),
    sample(2, "No.", epoch=2),
    sample("parts", [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "是"}]),
    sample("aside", "attachment://ff"),
    sample("failed", "half", error={"message": "HTTP 500", "traceback": "..."}),
    sample("none", None, output={"model": "m", "choices": [], "error": "filtered out"}),
]
EXPECTED = [
    {"id": "a", "sample": 0, "text": "Yes.", "finish": "stop"},
    {"id": "2", "sample": 1, "text": "No.", "finish": "stop"},
    {"id": "parts", "sample": 0, "text": "是", "finish": "stop"},
    {"id": "aside", "sample": 0, "text": "put aside", "finish": "stop"},
    {"id": "failed", "sample": 0, "text": "half", "finish": "stop", "error": "HTTP 500"},
    {"id": "none", "sample": 0, "error": "filtered out"},
]


def archive(path: Path, samples: Sequence[Any], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr("_journal/start.json", "{}")
        for n, each in enumerate(samples):
            made.writestr(f"samples/{n}_epoch_1.json", json.dumps(each))
        made.writestr("summaries.json", "[]")
        made.writestr("header.json", '{"version": 2, "status": "success"}')
    return path


def zstandard(path: Path, samples: Sequence[Any]) -> Path:
    """Writes an archive by hand, since zipfile of this Python knows no Zstandard."""
    body, listing = b"", b""
    for n, each in enumerate(samples):
        raw, name = json.dumps(each).encode(), f"samples/{n}_epoch_1.json".encode()
        packed = pa.compress(raw, "zstd", asbytes=True)
        sizes = struct.pack("<LLL", zlib.crc32(raw), len(packed), len(raw))
        head = struct.pack("<HHHHH", 63, 0, 93, 0, 33) + sizes + struct.pack("<HH", len(name), 0)
        listing += (
            b"PK\x01\x02" + struct.pack("<H", 63) + head
            + struct.pack("<HHHLL", 0, 0, 0, 0, len(body)) + name
        )  # fmt: skip
        body += b"PK\x03\x04" + head + name + packed
    count, end = len(samples), struct.pack("<LLH", len(listing), len(body), 0)
    path.write_bytes(
        body + listing + b"PK\x05\x06" + struct.pack("<HHHH", 0, 0, count, count) + end
    )
    return path


@pytest.mark.parametrize("way", ["deflated", "stored", "zstandard", "json"])
def test_logs_of_inspect_are_read_however_they_are_packed(way: str, tmp_path: Path) -> None:
    log = tmp_path / "log.eval"
    if way == "json":
        log = tmp_path / "log.json"
        log.write_text(json.dumps({"version": 2, "status": "success", "samples": SAMPLES}))
    elif way == "zstandard":
        zstandard(log, SAMPLES)
    else:
        archive(log, SAMPLES, zipfile.ZIP_STORED if way == "stored" else zipfile.ZIP_DEFLATED)
    assert brought(tmp_path, log, "inspect") == EXPECTED


def test_what_the_prompts_lack_is_counted_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": "a", "samples": 2}, {"id": "b", "samples": 1}])
    log = archive(tmp_path / "log.eval", [sample("a", "x"), sample("a", "x"), sample("c", None)])
    brought(tmp_path, log, "inspect", "--prompts", str(prompts))
    assert capsys.readouterr().out.splitlines() == [
        f"wrote 2 answers to {tmp_path / 'answers.jsonl'}",
        "1 without an answer in the log",
        "  'c'",
        "1 duplicate, the same answer again",
        "  'a'",
        "2 missing: prompts without an answer",
        "  'a (sample 1)'",
        "  'b'",
        "1 surplus: answers to no prompt",
        "  'c'",
    ]


def test_an_id_may_stand_elsewhere_in_a_sample(tmp_path: Path) -> None:
    log = archive(tmp_path / "log.eval", [sample(1, "x", metadata={"prompt": "p1"})])
    assert brought(tmp_path, log, "inspect", "--id", "metadata.prompt")[0]["id"] == "p1"


def test_a_sample_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspect, "_SAMPLE", 10_000)
    bomb = [sample("a", "x" * 1_000_000)]
    for log in (archive(tmp_path / "a.eval", bomb), zstandard(tmp_path / "b.eval", bomb)):
        out = str(tmp_path / "out.jsonl")
        assert main(["import", str(log), "--from", "inspect", "--out", out]) == 2
        assert "takes more than 10,000 bytes" in capsys.readouterr().err


def cut(raw: bytes) -> bytes:
    return raw[:60] + b"\0" * 40 + raw[100:]


LOGS: Mapping[str, tuple[str, bytes, str]] = {
    "no archive": ("log.eval", b"PK no", "no JSON"),
    "nothing": ("log.eval", b"", "no JSON"),
    "no samples": ("log.json", b'{"version": 2}', "no list under `samples`"),
    "a list": ("log.json", b"[]", "no list under `samples`"),
    "an empty list": ("log.json", b'{"samples": []}', "it holds no answer"),
    "a sample that is no object": ("log.json", b'{"samples": [3]}', "unknown field 'id'"),
    "a sample without an id": ("log.json", b'{"samples": [{}]}', "unknown field 'id'"),
    "epoch 0": ("log.json", b'{"samples": [{"id": 1, "epoch": 0}]}', "epoch is 0"),
    "a number for a text": (
        "log.json",
        b'{"samples": [{"id": 1, "output": {"completion": 3}}]}',
        "the text is 3",
    ),
}


@pytest.mark.parametrize(("name", "raw", "what"), LOGS.values(), ids=LOGS.keys())
def test_what_is_no_log_of_inspect_is_refused(
    name: str, raw: bytes, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(raw)
    out = tmp_path / "out.jsonl"
    assert main(["import", str(tmp_path / name), "--from", "inspect", "--out", str(out)]) == 2
    assert what in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("make", [archive, zstandard])
def test_a_damaged_archive_is_refused(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = make(tmp_path / "log.eval", SAMPLES)
    log.write_bytes(cut(log.read_bytes()))
    assert main(["import", str(log), "--from", "inspect", "--out", str(tmp_path / "o")]) == 2
    assert "log.eval" in capsys.readouterr().err


def test_an_archive_with_a_name_that_is_no_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.eval"
    with zipfile.ZipFile(log, "w") as made:
        made.writestr("samples/护.json", "{}")
    log.write_bytes(log.read_bytes().replace("护".encode(), b"\xff\xff\xff"))
    assert main(["import", str(log), "--from", "inspect", "--out", str(tmp_path / "o")]) == 2
    assert "the archive cannot be read" in capsys.readouterr().err


def test_an_unknown_log_shows_those_that_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "x", "--from", "lm-evl", "--out", str(tmp_path / "o")]) == 2
    assert "'lm_eval'" in capsys.readouterr().err
    assert main(["import", "x.eval", "--from", "inspect", "--out", str(tmp_path / "o")]) == 2
    assert "not there" in capsys.readouterr().err
