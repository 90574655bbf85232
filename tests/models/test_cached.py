"""Remembered answers: the right ones, or none; and nothing is lost when memory fails."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness import store
from harness.cli import main
from harness.errors import BadConfig
from harness.find import root
from harness.models import _memory, planted
from harness.models._cached import Cached, key_of
from harness.models._memory import Memory
from harness.records import Ask, Decoding, Message, Prompt, Response
from tests.models.fault_server import FaultServer
from tests.models.remembering import Echo, prompt, said
from tests.models.test_chat_runs import by_merit, words
from tests.small import evaluate, scorecard

DRAWN = Decoding(samples=3, temperature=0.7, seed=5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.sqlite"


def cached(file: Path, name: str = "m", decoding: Decoding | None = None) -> tuple[Cached, Echo]:
    model = Echo(name, decoding)
    return Cached(model, file, decoding or Decoding()), model


ASKED = [prompt("1"), prompt("2", ask=Ask.CHOOSE), prompt("3", text="是吗？")]


def test_a_second_process_asks_nothing_and_gets_the_same_answers(file: Path) -> None:
    first, _ = cached(file)
    again, model = cached(file)
    assert first.respond(ASKED) == again.respond(ASKED) == Echo("m").respond(ASKED)
    assert model.asked == []


def test_only_what_is_not_remembered_is_asked_and_the_order_stays(file: Path) -> None:
    cached(file)[0].respond(ASKED[1:2])
    again, model = cached(file)
    assert [r.prompt for r in again.respond(ASKED)] == ["1", "2", "3"]
    assert model.asked == ["1", "3"]


def test_the_same_words_under_another_id_are_the_same_question(file: Path) -> None:
    cached(file)[0].respond([prompt("1", text="Well?")])
    again, model = cached(file)
    [found] = again.respond([prompt("other", text="Well?", arm="neutral", groups=("a", "b"))])
    assert (found.prompt, found.text, model.asked) == ("other", "m on Well? (0)", [])


OTHERS: dict[str, Prompt] = {
    "words": prompt("1", text="Well!"),
    "role": replace(prompt("1"), messages=(Message(role="system", content="question 1"),)),
    "messages": replace(prompt("1"), messages=prompt("1").messages * 2),
    "ask": prompt("1", ask=Ask.CHOOSE),
    "format": prompt("1", format="benign"),
    "choices": replace(prompt("1", ask=Ask.CHOOSE), ask=Ask.GENERATE),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_another_question_is_asked(other: Prompt, file: Path) -> None:
    cached(file)[0].respond([prompt("1")])
    again, model = cached(file)
    again.respond([other])
    assert model.asked == ["1"]


def test_nothing_is_served_to_another_model(file: Path) -> None:
    cached(file, "one")[0].respond(ASKED)
    other, model = cached(file, "other")
    assert [r.text for r in other.respond(ASKED)] == [said("other", p) for p in ASKED]
    assert model.asked == ["1", "2", "3"]


@pytest.mark.parametrize("more", [{"temperature": 0.5}, {"max_tokens": 3}])
def test_nothing_is_served_to_other_settings(more: Any, file: Path) -> None:
    cached(file)[0].respond(ASKED)
    again, model = cached(file, decoding=Decoding(**more))
    again.respond(ASKED)
    assert model.asked == ["1", "2", "3"]


def test_the_seed_and_the_id_count_where_samples_are_drawn(file: Path) -> None:
    cached(file, decoding=DRAWN)[0].respond([prompt("1", text="Well?")])
    again, model = cached(file, decoding=DRAWN)
    again.respond([prompt("1", text="Well?")])
    assert model.asked == []
    again.respond([prompt("2", text="Well?")])
    assert model.asked == ["2"]
    other, model = cached(file, decoding=replace(DRAWN, seed=6))
    other.respond([prompt("1", text="Well?")])
    assert model.asked == ["1"]


def test_more_samples_are_asked_and_fewer_are_not(file: Path) -> None:
    cached(file, decoding=DRAWN)[0].respond(ASKED)
    fewer, model = cached(file, decoding=replace(DRAWN, samples=2))
    assert [r.sample for r in fewer.respond(ASKED)] == [0, 1, 0, 0, 1]
    assert model.asked == []
    more, model = cached(file, decoding=replace(DRAWN, samples=4))
    assert [r.sample for r in more.respond(ASKED)] == [*range(4), 0, *range(4)]
    assert model.asked == ["1", "3"]


class Failing(Echo):
    """Fails on every second prompt, or gives what is no number."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        found = super().respond(prompts)
        bad = [replace(r, error="HTTP 500", finish="error") for r in found]
        odd = [replace(r, logprobs=((float("nan"),), (-1.0,))) for r in found]
        return [(r, bad[n], odd[n])[n % 3] for n, r in enumerate(found)]


def test_a_failure_is_never_remembered(file: Path) -> None:
    failing = Cached(Failing("m"), file, Decoding())
    assert [r.error for r in failing.respond(ASKED)] == [None, "HTTP 500", None]
    again, model = cached(file)
    assert [r.error for r in again.respond(ASKED)] == [None] * 3
    assert model.asked == ["2", "3"]


def test_half_a_character_is_remembered_as_it_came(file: Path) -> None:
    class Odd(Echo):
        def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
            return [replace(r, text="\ud83d x\0") for r in super().respond(prompts)]

    Cached(Odd("m"), file, Decoding()).respond(ASKED)
    again, model = cached(file)
    assert {r.text for r in again.respond(ASKED)} == {"\ud83d x\0"}
    assert model.asked == []


def test_a_labelled_model_is_asked_again_where_labels_differ() -> None:
    plain, other = prompt("1"), prompt("1", groups=("a", "b"))
    keys = [
        key_of(p, "f", Decoding(), labelled) for labelled in (False, True) for p in (plain, other)
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert key_of(replace(plain, look=2), "f", Decoding(), True) == keys[2]


def test_a_model_that_streams_is_given_the_windows_that_miss(file: Path) -> None:
    class Streaming(Echo):
        def answer(self, windows: Any, keep: Callable[[int, list[Response]], Any]) -> None:
            begun = [(number, read()) for number, read in windows]
            for number, prompts in begun[::-1]:
                keep(number, self.respond(prompts))

    def asked(model: Streaming) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        windows = [(n, lambda n=n: [prompt(str(n)), prompt("1")]) for n in range(4)]
        whole = Cached(model, file, Decoding())
        whole.answer(windows, lambda n, given: found.update({n: [r.prompt for r in given]}))
        return found

    expected = {n: [str(n), "1"] for n in range(4)}
    cached(file)[0].respond([prompt("1"), prompt("2")])
    model = Streaming("m")
    assert asked(model) == expected
    assert sorted(model.asked) == ["0", "3"]
    assert asked(again := Streaming("m")) == expected
    assert again.asked == []


def run(file: Path, *words: Any) -> subprocess.Popen[str]:
    """Starts a process that shares the cache."""
    command = [sys.executable, "-m", "tests.models.remembering", str(file), *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(root())}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=root(), env=environment, stdout=pipe, stderr=pipe, text=True
    )


def shared(file: Path, seconds: float) -> None:
    """Two processes of one model and one of another ask at the same time."""
    others = [run(file, name, start, seconds) for name, start in (("a", 0), ("a", 5), ("b", 0))]
    for process in others:
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert "wrong 0 broken False" in out.splitlines()[-1]
    with sqlite3.connect(file) as base:
        rows = base.execute("SELECT model, id, answer FROM answers").fetchall()
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    assert len({(model, id) for model, id, _ in rows}) == len(rows) > 500
    for model, id, answer in rows:
        assert json.loads(answer)["text"] == said(model.removeprefix("print of "), prompt(id))


def test_processes_share_a_cache(file: Path) -> None:
    shared(file, 2)


@pytest.mark.slow
def test_processes_share_a_cache_for_a_minute(file: Path) -> None:
    shared(file, 60)


def test_what_was_stored_survives_a_kill(file: Path) -> None:
    process = run(file, "m", 0, 60)
    assert process.stdout
    for _ in range(4):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again, model = cached(file)
    window = [prompt(str(n)) for n in range(50)]
    assert [r.text for r in again.respond(window)] == [said("m", p) for p in window]
    assert model.asked == []


def test_a_full_disk_ends_the_memory_and_not_the_run(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full, model = cached(file)
    assert full.memory
    full.respond([prompt("0")])
    full.memory.base.execute("PRAGMA max_page_count = 12")
    windows = [[prompt(f"{n}-{m}") for m in range(40)] for n in range(4)]
    for window in windows:
        assert [r.text for r in full.respond(window)] == [said("m", p) for p in window]
    assert full.memory is None
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "is full" in told
    assert len(model.asked) == 161
    again, model = cached(file)
    assert again.respond([prompt("0")])[0].text == said("m", prompt("0"))
    assert model.asked == []


def test_a_damaged_file_ends_the_memory_and_not_the_run(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, _ = cached(file)
    whole.respond(ASKED)
    assert whole.memory
    whole.memory.base.execute("UPDATE answers SET answer = '{\"text\": 3}'")
    assert [r.text for r in whole.respond(ASKED)] == [said("m", p) for p in ASKED]
    assert "warning: the cache" in capsys.readouterr().err
    assert whole.memory is None


def garbage(file: Path) -> None:
    file.write_bytes(b"no database " * 1_000)


def foreign(file: Path) -> None:
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE mine (x)")
    base.close()


@pytest.mark.parametrize("make", [garbage, foreign, Path.mkdir])
def test_what_is_no_cache_is_refused_and_left_as_it_was(
    make: Callable[[Path], None], file: Path
) -> None:
    make(file)
    before = file.read_bytes() if file.is_file() else b""
    with pytest.raises(BadConfig, match="cannot be opened as a cache") as caught:
        cached(file)
    assert caught.value.where == "cache"
    assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadConfig, match="cannot be opened"):
        cached(tmp_path / "file" / "answers.sqlite")


def test_a_run_with_a_cache_is_the_run_without(tmp_path: Path, file: Path) -> None:
    evaluate(tmp_path / "plain")
    evaluate(tmp_path / "first", f"cache={file}")
    evaluate(tmp_path / "again", f"cache={file}")
    plain, first, again = (scorecard(tmp_path / name) for name in ("plain", "first", "again"))
    assert plain == first == again
    answers = [(tmp_path / n / store.RESPONSES).read_bytes() for n in ("plain", "first", "again")]
    assert len(set(answers)) == 1
    assert main(["verify", str(tmp_path / "again")]) == 0


def test_a_second_run_asks_the_model_nothing(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(tmp_path / "first", f"cache={file}")
    monkeypatch.delattr(planted.Planted, "_answer")
    assert evaluate(tmp_path / "again", f"cache={file}") in (0, 1, 3, 4)


def test_an_endpoint_is_not_called_twice(tmp_path: Path, file: Path) -> None:
    with FaultServer(answer=by_merit) as server:
        for name in ("first", "again"):
            given = words(server, tmp_path / name, "suite.generated=4", f"cache={file}")
            assert main(["eval", *given]) in (0, 1, 3, 4)
            asked = server.asked.total()
    read = [pq.read_table(tmp_path / n / store.RESPONSES) for n in ("first", "again")]
    assert read[0] == read[1]
    assert len(read[0]) < asked < len(read[0]) + 10  # besides what each opening finds out


def said_by(capsys: pytest.CaptureFixture[str], *words: Any) -> str:
    capsys.readouterr()
    assert main(["cache", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_a_miss_is_explained(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(tmp_path / "first", f"cache={file}")
    runs = {
        "dose": ("model.dose=0.3", "model dose differs: 0.1 there, 0.3 here, such as planted_"),
        "more": ("suite.generated=8", "it was never asked"),
        "drawn": ("suite.temperature=0.7", "temperature differs: 0.0 there, 0.7 here"),
    }
    for name, (word, why) in runs.items():
        evaluate(tmp_path / name, word)
        assert why in said_by(capsys, "explain", file, tmp_path / name)
    told = said_by(capsys, "explain", file, tmp_path / "first")
    assert re.fullmatch(r"([\d,]+) of \1 prompts have their answers in .*\n", told)
    with FaultServer(answer=by_merit) as server:
        main(["eval", *words(server, tmp_path / "chat", "suite.generated=4")])
    told = said_by(capsys, "explain", file, tmp_path / "chat")
    assert '56 do not: model name differs: "planted/none" there, "m" here' in told


def test_the_nearest_answer_explains_a_miss(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness._cache_shown import Wanted, miss

    cached(file, decoding=DRAWN)[0].respond([prompt("1")])
    memory = Memory(file)

    def why(asked: Prompt, decoding: Decoding, **told: Any) -> str:
        model = {**Echo("m").describe(), **told}
        return miss(memory, memory.models(), asked, Wanted(model=model, decoding=decoding))

    assert why(prompt("1"), DRAWN) == ""
    assert (
        why(prompt("1"), replace(DRAWN, temperature=0.2))
        == "temperature differs: 0.7 there, 0.2 here"
    )
    assert why(prompt("1"), replace(DRAWN, seed=6)) == "seed differs: 5 there, 6 here"
    assert why(prompt("1"), replace(DRAWN, samples=4)) == "3 samples there, 4 here"
    assert (
        why(prompt("1"), replace(DRAWN, temperature=0)) == "temperature differs: 0.7 there, 0 here"
    )
    other = {"fingerprint": "other", "dtype": "bfloat16"}
    assert (
        why(prompt("1"), DRAWN, **other) == 'model dtype differs: "float32" there, "bfloat16" here'
    )
    assert why(prompt("1"), DRAWN, fingerprint="x").startswith("the model's fingerprint differs")
    assert why(prompt("1", text="Well?"), DRAWN) == "it was asked in other words"
    assert why(prompt("2"), DRAWN) == "it was never asked"
    memory.base.execute("UPDATE answers SET version = 0")
    assert why(prompt("1"), DRAWN) == "the harness's version of answers differs: 0 there, 1 here"
    memory.close()


def test_a_cache_is_counted_and_pruned(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        cached(file, name)[0].respond(ASKED)
    monkeypatch.setattr(_memory, "VERSION", 0)
    cached(file, "old")[0].respond(ASKED)
    monkeypatch.undo()
    told = said_by(capsys, "stats", file)
    assert told.startswith("9 answers, ")
    assert "one (print of one)" in told
    assert "another version (0): never served" in told
    assert "3 answers to 3" not in said_by(capsys, "explain", file, "1")
    assert "one (print of one): sample 0, temperature 0.0" in said_by(capsys, "explain", file, "1")
    assert said_by(capsys, "prune", file) == "forgot 3 answers\n"
    assert said_by(capsys, "prune", file, "--model", "one") == "forgot 3 answers\n"
    assert "one" not in said_by(capsys, "stats", file)
    assert said_by(capsys, "prune", file, "--days", "1") == "forgot 0 answers\n"
    assert said_by(capsys, "prune", file, "--days", "-1") == "forgot 3 answers\n"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["stats", "nowhere"], "there is no such file"),
        (["explain", "{}", "no prompt"], "neither a run nor a prompt"),
        (["prune", "{}", "--model", "onne"], "unknown model 'onne'"),
    ],
)
def test_commands_refuse_what_is_not_there(
    words: list[str], what: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cached(file, "one")[0].respond(ASKED)
    assert main(["cache", *(word.format(file) for word in words)]) == 2
    told = capsys.readouterr().err
    assert what in told
    assert told.count("\n") == 4


@pytest.mark.parametrize("value", ["3", "''", "[a]"])
def test_a_cache_is_a_file_or_nothing(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "model=planted", "suite=planted", f"cache={value}"]) == 2
    assert "cache is" in capsys.readouterr().err
