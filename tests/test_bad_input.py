"""What a person, a file, a disk or a model can get wrong, at the command line."""

import csv
import errno
import json
import math
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness import store
from harness.cli import main
from harness.errors import BadRun
from harness.models import planted
from harness.records import Decoding, Prompt, Response
from tests.blanks import folder
from tests.test_probes import HOSTILE

SMALL = (
    "model=planted", "suite=planted", "suite.generated=2", "suite.languages=[en]", "suite.groups=2",
    "reports=[json]",
)  # fmt: skip
PARTS = ("error: ", "  where:    ", "  expected: ", "  fix:      ")
ENDED = (0, 1, 3, 4)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder that holds something."""
    place = tmp_path / "results"
    place.mkdir()
    (place / "log.jsonl").write_text('{"fingerprint": "of an earlier run"}\n')
    return place


def ended(words: Sequence[str]) -> int:
    """Runs a command, for which a hundred seconds of computing are enough; returns its exit code.

    Two seconds are, without the tracing of coverage and on a quick machine. Not of the clock, which
    counts what else the machine does; what hangs is ended by pytest.
    """
    started = time.process_time()
    code = main(words)
    assert time.process_time() - started < 100
    return code


def content(place: Path) -> Mapping[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(place.rglob("*"))}


def told(text: str) -> str:
    """Returns the error that a text ends with, which has four parts and no traceback."""
    assert "Traceback" not in text
    lines = text.rstrip("\n").split("\n")[-4:]
    for line, part in zip(lines, PARTS, strict=True):
        assert line.startswith(part), text[-5_000:]
        assert line.removeprefix(part).strip()
    assert len(text) < 10_000
    return "\n".join(lines)


@pytest.fixture
def refused(results: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Sequence[str]], str]:
    """Runs a command that must be refused before it changes anything; returns the error."""

    def run(words: Sequence[str]) -> str:
        before = content(results)
        assert ended(words) == 2
        assert content(results) == before
        return told(capsys.readouterr().err)

    return run


def command(results: Path, *more: str) -> list[str]:
    return ["eval", *SMALL, f"results={results}", *more]


NAMES = {
    "suite": (["suite=smoek"], "'smoke'"),
    "suite without near names": (["suite=zzzzzzzz"], "one of these suites"),
    "model": (["model=plantd"], "'planted'"),
    "backend": (["model.backend=plantd"], "'planted'"),
    "dotted backend": (["model.backend=no.such_thing"], "PYTHONPATH"),
    "effect": (["model.effect=gpa"], "'gap'"),
    "attribute": (["model.attribute=gendre"], "'gender'"),
    "standard": (["standard=art5"], "'art4'"),
    "probe": (["suite.generated=0", "suite.probes=[gender_desicion]"], "'gender_decision'"),
    "language": (["suite.languages=[eng]"], "'en'"),
    "arm": (["suite.arms=[explict]"], "'explicit'"),
    "report": (["reports=[htlm]"], "'html'"),
    "engine": (["engine=inlin"], "'inline'"),
    "key": (["sed=2"], "'seed'"),
    "key of a suite": (["suite.sampels=2"], "'suite.samples'"),
    "added key": (["+sed=2"], "'seed'"),
    "added key of a model": (["+model.dosis=2"], "'dose'"),
    "deleted key": (["~sed"], "seed"),
    "kind of value": (["seed=two"], "seed"),
    "range of value": (["seed=-1"], "seed"),
    "no value": (["suite.samples=null"], "suite.samples"),
    "not a list": (["reports=json"], "[json]"),
    "broken list": (["reports=[json"], "override"),
    "no override": (["smoke"], "unknown setting 'smoke'"),
    "a key alone in a sweep": (["--multirun", "sed=1,2"], "'seed'"),
    "a name in a sweep": (["--multirun", "suite=smoek"], "'smoke'"),
}


@pytest.mark.parametrize(("words", "fix"), NAMES.values(), ids=NAMES.keys())
def test_an_unknown_name_shows_the_near_ones(
    refused: Callable[[Sequence[str]], str], results: Path, words: list[str], fix: str
) -> None:
    assert fix in refused(command(results, *words))


def test_an_unknown_outcome_shows_the_known_ones(
    refused: Callable[[Sequence[str]], str], results: Path, tmp_path: Path
) -> None:
    folder(tmp_path / "own", head={"outcomes: [favourable]": "outcomes: [favorable]"})
    assert "favourable" in refused(own(results, tmp_path / "own"))


def test_a_standard_without_the_outcome_is_refused(
    refused: Callable[[Sequence[str]], str], results: Path
) -> None:
    error = refused(command(results, "~standard.margins.favourable"))
    assert "standard.margins.favourable" in error


def test_nothing_is_written_into_a_run(tmp_path: Path) -> None:
    for inside in (tmp_path, tmp_path / "deeper"):
        (tmp_path / store.RUN).write_text("{}")
        with pytest.raises(BadRun, match="lies in the run"):
            store.outside(inside, "--out")
    (tmp_path / store.RUN).unlink()
    store.outside(tmp_path, "--out")


def test_a_text_that_hydra_cannot_read_is_told_to_go_in_quotes(
    refused: Callable[[Sequence[str]], str], results: Path
) -> None:
    for word in ("out=a,b", "out=a(1)", "out=~/a", "out=a=b"):
        assert "quotes" in refused(command(results, word))


NOTHING = {
    "no probes": ["suite.generated=0"],
    "no languages": ["suite.languages=[]"],
    "an arm that its probes lack": [
        *("suite.generated=0", "suite.probes=[gender_pair]", "suite.arms=[legitimate_difference]")
    ],
}


@pytest.mark.parametrize("words", NOTHING.values(), ids=NOTHING.keys())
def test_a_suite_that_asks_nothing_is_refused(
    refused: Callable[[Sequence[str]], str], results: Path, words: list[str]
) -> None:
    _, *asked = command(results, *words)
    for begun in (["eval"], ["plan"], ["probes", "export", f"--out={results / 'a.jsonl'}"]):
        assert "asks nothing" in refused([*begun, *asked])


def test_data_of_a_published_set_are_not_passed_over(
    refused: Callable[[Sequence[str]], str], results: Path
) -> None:
    assert "suite=bbq" in refused(command(results, "benchmark.path=Age.jsonl"))


FOLDERS = {
    "import": ["import", "NOWHERE", "--from", "lm-eval", "--out", "NOWHERE_ELSE"],
    "rescore": ["rescore", "NOWHERE"],
    "report": ["report", "NOWHERE"],
    "verify": ["verify", "NOWHERE"],
    "show": ["probes", "show", "gender_desicion"],
    "preview": ["probes", "preview", "gender_desicion"],
    "lint": ["probes", "show", "./NOWHERE"],
    "new": ["probes", "new", "Bad Name", "--in", "NOWHERE"],
}


@pytest.mark.parametrize("words", FOLDERS.values(), ids=FOLDERS.keys())
def test_other_commands_refuse_names_too(
    refused: Callable[[Sequence[str]], str], words: list[str]
) -> None:
    refused(words)


def own(results: Path, place: Path, *more: str) -> list[str]:
    """Asks a probe of one's own."""
    return command(
        results, "suite.generated=0", "suite.probes=[sample]", f"probes.path=[{place}]", *more
    )


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("file", ["probe.yaml", "scenarios.yaml"])
def test_hostile_files_are_refused(
    refused: Callable[[Sequence[str]], str], results: Path, tmp_path: Path, file: str, raw: bytes
) -> None:
    made = folder(tmp_path / "own")
    (made / file).write_bytes(raw)
    assert f"{file}:" in refused(own(results, tmp_path / "own"))


ANSWERS = {
    "nothing": ("a.jsonl", b""),
    "a broken line": ("a.jsonl", b'{"id": "1", "text": "x"}\n{"id"'),
    "no text": ("a.jsonl", b'{"id": "1", "text": NaN}'),
    "zeros": ("a.jsonl", b"\0" * 100_000),
    "an escape code for a name": ("a.jsonl", b'{"\\u001b[31m": 1, "' + b"x" * 100_000 + b'": 2}'),
    "a probability": ("a.csv", b'id,logprobs\n1,"[0.5, 0.5]"\n'),
    "a quote that never ends": ("a.csv", b'id,text\n1,"x\n' * 10_000),
    "no Parquet": ("a.parquet", b"PAR1" + b"\xff" * 1_000 + b"PAR1"),
    "a pickle": ("a.pkl", b"cos\nsystem\n(S'false'\ntR."),
}


@pytest.mark.parametrize(("name", "raw"), ANSWERS.values(), ids=ANSWERS.keys())
def test_hostile_files_of_answers_are_refused(
    refused: Callable[[Sequence[str]], str], results: Path, tmp_path: Path, name: str, raw: bytes
) -> None:
    (tmp_path / name).write_bytes(raw)
    words = [word for word in command(results) if not word.startswith("model=")]
    error = refused([*words, "model=replay", f"model.path={tmp_path / name}"])
    assert str(tmp_path / name) in error
    assert "\x1b" not in error


TEMPLATES = {
    "a loop": "{% for x in range(10**9) %}{{ x }}{% endfor %} A warehouse",
    "a loop of slots": "{{ case }} A warehouse",
    "an attribute": "{{ merit.__class__ }} A warehouse",
    "an attribute of a text": "{{ ''.__class__.__mro__[1].__subclasses__() }} A warehouse",
    "a call": "{{ merit() }} A warehouse",
    "a product": "{{ 'x' * 10**9 }} A warehouse",
    "another file": "{% include '/etc/passwd' %} A warehouse",
    "deep brackets": "{{ " + "(" * 9_000 + " A warehouse",
}


@pytest.mark.parametrize("text", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_a_template_that_does_more_than_fill_slots_is_refused(
    refused: Callable[[Sequence[str]], str], results: Path, tmp_path: Path, text: str
) -> None:
    folder(tmp_path / "own", body={"A warehouse": text})
    assert "scenarios.yaml:" in refused(own(results, tmp_path / "own"))


def test_an_id_twice_is_refused(
    refused: Callable[[Sequence[str]], str], results: Path, tmp_path: Path
) -> None:
    folder(tmp_path / "own", body={"id: late_claim": "id: shift_lead"})
    error = refused(own(results, tmp_path / "own"))
    assert "shift_lead" in error
    assert "rename" in error


PLACES = {
    "below a file": "results={0}/log.jsonl/deeper",
    "out below a file": "out={0}/log.jsonl/deeper",
    "out is a file": "out={0}/log.jsonl",
    "out holds something else": "out={0}",
    "in /proc": "results=/proc/nowhere",
    "out in /sys": "out=/sys/nowhere",
    "a name that is too long": "results={0}/" + "x" * 300,
    "an out that is too long": "out={0}/" + "x" * 300,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_folder_that_cannot_be_written_is_refused(
    refused: Callable[[Sequence[str]], str], results: Path, place: str
) -> None:
    assert "out=FOLDER" in refused(command(results, place.format(results)))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_cannot_be_made_is_refused(
    refused: Callable[[Sequence[str]], str],
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    def mkdir(self: Path, **_: Any) -> None:
        raise OSError(number, "no", str(self))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    error = refused(command(results))
    assert ("disk is full" in error) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_a_full_disk_is_refused_before_the_first_prompt(
    refused: Callable[[Sequence[str]], str], results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(results)._replace(free=10 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "only 10 MiB are free" in refused(command(results))


def test_too_little_space_for_the_answers_is_refused_before_the_first_prompt(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(results)._replace(free=200 * 2**20 + 1)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage)
        assert ended(command(results)) == 2
    assert "only 200 MiB are free" in told(capsys.readouterr().err)
    assert not list(results.rglob("*.parquet"))
    [begun] = results.glob("*/run.json")
    assert ended(command(results)) in (0, 1, 3, 4)  # with space, the same command goes on
    assert [path.parent for path in results.glob("*/manifest.json")] == [begun.parent]


def measured(scorecard: Path) -> Any:
    """Reads what a scorecard says, without what differs between two equal runs."""
    found = json.loads(scorecard.read_text("utf-8"))
    found["run"].pop("time")
    return found


@pytest.mark.parametrize("at", [0, 2], ids=["the first window", "the third window"])
def test_a_disk_that_fills_up_costs_nothing_that_was_stored(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    words = command(results, "suite.window=60")
    written, write = list[Path](), pq.write_table

    def filling(table: Any, path: Path, **options: Any) -> None:
        if path.parent.name == "windows":
            if len(written) == at:
                path.write_bytes(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(path)
        write(table, path, **options)

    monkeypatch.setattr(pq, "write_table", filling)
    assert ended(words) == 2
    assert "the disk is full" in told(capsys.readouterr().err)
    [run] = results.glob("*/run.json")
    assert len(list(run.parent.glob("windows/*"))) == at
    assert not list(run.parent.rglob("*.json.*"))
    monkeypatch.setattr(pq, "write_table", write)
    asked = list[str]()
    respond = planted.Planted.respond

    def counting(self: planted.Planted, prompts: Sequence[Prompt]) -> list[Response]:
        asked.extend(p.id for p in prompts)
        return respond(self, prompts)

    monkeypatch.setattr(planted.Planted, "respond", counting)
    assert ended(words) in ENDED
    assert len(list(results.glob("*/run.json"))) == 1
    answers = pq.read_table(run.parent / store.RESPONSES)["prompt"].to_pylist()
    assert len(answers) == len(set(answers)) == len(asked) + 60 * at
    assert ended(command(tmp_path / "whole", "suite.window=60")) in ENDED
    [whole] = (tmp_path / "whole").glob("*/scorecard.json")
    assert measured(run.with_name("scorecard.json")) == measured(whole)


@pytest.mark.parametrize("name", [store.PROMPTS, "windows", store.RESPONSES, "scorecard.json"])
def test_a_folder_that_turns_read_only_can_be_gone_on_with(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refusing(what: str) -> None:
        kept = getattr(Path, what)

        def run(self: Path, *rest: Any, **options: Any) -> Any:
            if name in (self.name, self.name.removeprefix(".").rpartition(".")[0]):
                raise OSError(errno.EROFS, "Read-only file system", str(self))
            return kept(self, *rest, **options)

        patched.setattr(Path, what, run)

    with monkeypatch.context() as patched:
        for what in ("replace", "mkdir"):
            refusing(what)
        assert ended(command(results)) == 2
    error = told(capsys.readouterr().err)
    assert "Read-only file system" in error
    assert ended(command(results)) in ENDED
    assert len(list(results.glob("*/scorecard.json"))) == 1


class Odd:
    """A backend whose answers are those of a planted model, spoilt."""

    def __init__(self, spoil: Callable[[Response], Response]) -> None:
        self.spoil = spoil

    def open(self, settings: Mapping[str, Any], decoding: Decoding) -> planted.Planted:
        spoil = self.spoil

        class Spoilt(planted.Planted):
            def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
                return [spoil(response) for response in super().respond(prompts)]

        return Spoilt(**dict(settings), decoding=decoding)


def says(text: str) -> Odd:
    return Odd(lambda response: replace(response, text=text, logprobs=None, finish="stop"))


def scores(value: float) -> Odd:
    """Spoils the first number of each answer alone."""

    def spoil(response: Response) -> Response:
        (_, *tokens), *rest = response.logprobs or ((0.0,),)
        return replace(response, logprobs=((value, *tokens), *rest))

    return Odd(spoil)


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://example.com")'
ODD = {
    "nan": (scores(math.nan), "failed"),
    "infinite": (scores(math.inf), "failed"),
    "minus_infinite": (scores(-math.inf), "failed"),
    "error": (Odd(lambda r: replace(r, text=None, logprobs=None, error="gone")), "failed"),
    "nothing": (Odd(lambda r: replace(r, text=None, logprobs=None)), "unparsed"),
    "empty": (says(""), "unparsed"),
    "blank": (says(" \n\t\u200b"), "unparsed"),
    "long": (says("x " * 500_000), "unparsed"),
    "control": (says("\x00\x07\x1b[2J\x1b]0;title\x07\u202e\ufeff"), "unparsed"),
    "surrogate": (says("\ud800\udfff \udc00"), "unparsed"),
    "html": (says(SCRIPT), "unparsed"),
    "formula": (says(FORMULA), "unparsed"),
    "markdown": (says("| a | b |\n|---|---|\n[x](javascript:alert(1)) ![](http://x)"), "unparsed"),
}
HOSTILE_YES = Odd(
    lambda r: replace(
        r, logprobs=None, text=f"{FORMULA} {SCRIPT} \x1b[2J {'Yes' if r.prompt[-1] > '7' else 'No'}"
    )
)


def __getattr__(name: str) -> Odd:
    """Lets `model.backend=tests.test_bad_input.nan` find an odd model."""
    if name in ODD:
        return ODD[name][0]
    raise AttributeError(name)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_counted_and_never_a_number(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder(tmp_path / "own")
    few = ["suite.arms=[explicit]", "suite.orders=1", "suite.paraphrases=1"]
    assert ended(own(results, tmp_path / "own", f"model.backend={__name__}.{name}", *few)) == 4
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert "\x1b" not in shown.out
    [scorecard] = results.glob("*/scorecard.json")
    rows = pq.read_table(scorecard.with_name(store.OUTCOMES)).to_pylist()
    counted = Counter((row["seen"], row["value"]) for row in rows if row["name"] == "favourable")
    assert set(counted) == {(ODD[name][1], None)}
    cells = [c for c in json.loads(scorecard.read_text())["cells"] if c["outcome"] == "favourable"]
    assert cells
    assert all(cell["estimate"] is None and cell["verdict"] == "INVALID" for cell in cells)
    assert all(cell["missing"][ODD[name][1]] for cell in cells)


def test_hostile_answers_are_shown_as_text(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = "reports=[json,markdown,html,junit,csv]"
    words = command(results, f"model.backend={__name__}.HOSTILE_YES", kinds)
    assert ended(words) in ENDED
    [scorecard] = results.glob("*/scorecard.json")
    assert json.loads(scorecard.read_text())["examples"], "no answers are shown"
    assert "\x1b" not in capsys.readouterr().out
    run = scorecard.parent
    for name in ("scorecard.html", "scorecard.md", "junit.xml"):
        text = (run / name).read_text("utf-8")
        assert not re.search(r"<script>alert|<img src=x", text), name
        assert "\x1b" not in text, name
    page = (run / "scorecard.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in page
    with (run / "cells.csv").open(encoding="utf-8-sig", newline="") as file:
        fields = [field for row in csv.reader(file) for field in row]
    assert not [f for f in fields if f[:1] in ("=", "@", "\t", "\r")]
    assert ended(["verify", str(run)]) == 0


@pytest.mark.parametrize(
    "words", [["suite=smoek"], ["sed=2"], ["suite.generated=0", "suite.probes=[gender_desicion]"]]
)
def test_the_command_itself_refuses(results: Path, words: list[str]) -> None:
    before = content(results)
    done = subprocess.run(
        [sys.executable, "-m", "harness", *command(results, *words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    told(done.stderr)
    assert content(results) == before
