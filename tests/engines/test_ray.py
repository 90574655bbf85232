"""The engine `ray`: the same answers as in one process, each kept once, whatever is lost on the way."""

import math
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness import store
from harness.cli import main
from tests.models.fault_server import FaultServer
from tests.models.test_chat_runs import by_merit, words
from tests.small import evaluate, scorecard, two_attributes  # noqa: F401

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
ENDED = (0, 1, 3, 4)
STRANGE = ("model.backend=tests.engines.strange_model", "suite.generated=12", "suite.window=16")


def start(nodes: int) -> Any:
    """Starts a cluster of nodes with a CPU each, on this machine."""
    from ray.cluster_utils import Cluster

    one = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 2**27}
    cluster = Cluster(initialize_head=True, head_node_args=one)
    for _ in range(nodes - 1):
        cluster.add_node(num_cpus=1, object_store_memory=2**27)
    return cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    made = start(2)
    yield made
    made.shutdown()


@pytest.fixture
def on(cluster: Any) -> tuple[str, ...]:
    return ("engine=ray", f"engine.address={cluster.address}")


def strange(place: Path, does: str, *more: str) -> tuple[str, ...]:
    return (*STRANGE, f"+model.does={does}", f"+model.log={place / 'log'}", *more)


def asked(place: Path) -> Counter[str]:
    return Counter(line.split()[1] for line in (place / "log").read_text().splitlines())


def same(one: Path, other: Path) -> None:
    """Checks that two runs are the same bytes but for their times."""
    assert scorecard(one) == scorecard(other)
    first, second = store.Store(one).digests(), store.Store(other).digests()
    differing = {name for name in first if first[name] != second.get(name)}
    assert differing <= {"run.json", "scorecard.json"}
    heads = [store.Store(folder).read_json(store.RUN) for folder in (one, other)]
    for head in heads:
        del head["time"]
    assert heads[0] == heads[1]


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    told = err[err.index("error:") :].rstrip("\n").split("\n")
    assert [line.split(":")[0].strip() for line in told] == ["error", "where", "expected", "fix"]
    return err


def test_two_nodes_give_the_same_bytes_as_one_process(
    on: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path / "ray", *on) in ENDED
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ray: ")]
    assert len(lines) == 2
    assert all("a second" in line for line in lines)
    assert evaluate(tmp_path / "inline") in ENDED
    same(tmp_path / "inline", tmp_path / "ray")
    assert main(["verify", str(tmp_path / "ray")]) == 0


def test_without_ray_it_is_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "harness.engines.ray", raising=False)
    monkeypatch.setattr("harness.models.planted.open", None)
    assert evaluate(tmp_path / "run", "engine=ray") == 2
    assert "pip install 'art4[ray]'" in refused(capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["engine.actors=0"], "engine.actors is 0"),
        (["engine.actors=1.5"], "engine.actors is 1.5"),
        (["engine.cpus=-1"], "engine.cpus is -1"),
        (["engine.cpus=0"], "engine.cpus is 0"),
        (["engine.gpus=many"], "engine.gpus is 'many'"),
        (["engine.patience=0"], "engine.patience is 0"),
        (["engine.adress=x"], "unknown setting 'engine.adress'"),
        (["+engine.adress=x"], "unknown setting 'adress'"),
        (["engine=inline", "+engine.cpus=1"], "unknown setting 'cpus'"),
        (["engine=inline", "engine.cpus=1"], "unknown setting 'engine.cpus'"),
    ],
)
def test_a_wrong_setting_is_refused(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path / "run", "engine=ray", *words) == 2
    assert told in refused(capsys)
    assert not (tmp_path / "run").exists()


def test_a_cluster_that_is_not_there_is_told_soon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        begun = time.monotonic()
        assert evaluate(tmp_path / "run", "engine=ray", f"engine.address={address}") == 2
    assert time.monotonic() - begun < 20
    assert f"no Ray cluster can be reached at {address}" in refused(capsys)


@pytest.mark.slow
def test_a_node_that_is_killed_costs_nothing_but_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = start(3)
    killed: list[int] = []

    def kill() -> None:
        while len(list((tmp_path / "ray/windows").glob("*.parquet"))) < 4:
            time.sleep(0.01)
        for node in list(cluster.worker_nodes)[:1]:
            cluster.remove_node(node, allow_graceful=False)
            killed.append(len(list((tmp_path / "ray/windows").glob("*.parquet"))))

    killer = threading.Thread(target=kill)
    killer.start()
    words = strange(tmp_path, "behaves", "+model.pause=0.2")
    try:
        address = f"engine.address={cluster.address}"
        assert evaluate(tmp_path / "ray", *words, "engine=ray", address) in ENDED
    finally:
        killer.join(60)
        cluster.shutdown()
    counts = asked(tmp_path)
    assert evaluate(tmp_path / "inline", *words) in ENDED
    assert (
        killed[0]
        < len(pq.ParquetFile(tmp_path / "ray/responses.parquet").metadata.to_dict()["row_groups"])
        - 4
    )
    same(tmp_path / "inline", tmp_path / "ray")
    assert "lost the worker" in capsys.readouterr().err
    prompts = pq.read_table(tmp_path / "ray/prompts.parquet")["id"].to_pylist()
    assert set(counts) == set(prompts)
    assert sum(counts.values()) - len(prompts) in (16, 32)  # what lay with the lost worker
    assert pq.read_table(tmp_path / "ray/responses.parquet")["prompt"].to_pylist() == prompts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "code", "told"),
    [
        ("raises", 70, "ZeroDivisionError: a bug in the model"),
        ("stops", 2, "error: spent"),
        ("dies", 2, "was lost 3 times"),
    ],
)
def test_what_fails_in_a_worker_ends_the_run_which_then_goes_on(
    does: str, code: int, told: str,
    on: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = strange(tmp_path, does)
    assert evaluate(tmp_path / "ray", *words, *on) == code
    err = capsys.readouterr().err
    assert told in err
    assert ("in respond" in err) is (does == "raises")
    kept = len(list((tmp_path / "ray/windows").glob("*.parquet")))
    assert kept >= 1
    before = asked(tmp_path)
    words = strange(tmp_path, "behaves")
    assert evaluate(tmp_path / "ray", *words, *on) in ENDED
    again = asked(tmp_path) - before
    assert sum(again.values()) == len(pq.read_table(tmp_path / "ray/prompts.parquet")) - 16 * kept
    assert evaluate(tmp_path / "inline", *words) in ENDED
    same(tmp_path / "inline", tmp_path / "ray")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "more", "told"),
    [
        ("differs", (), "runs another fingerprint"),
        ("counts", ("+model.budget=5",), "model.budget is 5"),
        ("ends", (), "3 workers were lost as they opened the model"),
        ("hangs", ("engine.patience=3",), "no worker opened the model within 3 s"),
        ("behaves", ("engine.actors=3",), "the cluster has room for 2 actors"),
        ("behaves", ("engine.gpus=1",), "the cluster has room for 0 actors"),
        ("behaves", ("+model.dosis=1",), "unknown setting 'dosis'"),
    ],
)
def test_what_cannot_be_opened_is_told_before_anything_is_asked(
    does: str, more: tuple[str, ...], told: str,
    on: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert evaluate(tmp_path / "run", *on, *strange(tmp_path, does, *more)) == 2
    assert told in refused(capsys)
    assert not (tmp_path / "log").exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_what_one_run_remembers_no_worker_of_the_next_is_asked(
    on: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*strange(tmp_path, "behaves"), f"cache={tmp_path / 'answers.sqlite'}", *on)
    assert evaluate(tmp_path / "one", *words) in ENDED
    assert set(asked(tmp_path).values()) == {1}
    assert evaluate(tmp_path / "two", *words) in ENDED
    assert set(asked(tmp_path).values()) == {1}
    same(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["none", "group_sequential"])
def test_answers_of_a_file_are_judged_as_in_one_process(
    rule: str, on: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker counts what is missing, though the prompts of the run are made where the run is."""
    assert evaluate(tmp_path / "run") in ENDED
    answers = pq.read_table(tmp_path / "run" / "responses.parquet").to_pandas().iloc[5:]
    answers = answers.rename(columns={"prompt": "id"})[["id", "text", "finish"]]
    answers.to_json(tmp_path / "a.jsonl", orient="records", lines=True, force_ascii=False)
    words = ("model=replay", f"model.path={tmp_path / 'a.jsonl'}", f"stopping={rule}")
    assert evaluate(tmp_path / "inline", *words) in ENDED
    assert evaluate(tmp_path / "ray", *words, *on) in ENDED
    same(tmp_path / "inline", tmp_path / "ray")
    assert store.Store(tmp_path / "ray").read_json(store.RUN)["model"]["missing"] == 5


@pytest.mark.slow
def test_workers_ask_an_endpoint_as_one_process_does(
    on: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(answer=by_merit) as server:
        for name, more in (("inline", ()), ("ray", on)):
            given = words(server, tmp_path / name, "suite.generated=4", *more)
            assert main(["eval", *given]) in ENDED
        given = words(server, tmp_path / "bounded", *on, "model.max_calls=500")
        assert main(["eval", *given]) == 2
        assert "engine.actors=1" in refused(capsys)
    same(tmp_path / "inline", tmp_path / "ray")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_default_model_says_the_same_on_ray_of_its_own(tmp_path: Path) -> None:
    words = (
        "suite=smoke", "suite.scenarios=2", "suite.groups=2", "suite.controls=1",
        "suite.max_tokens=8", "suite.window=8", "reports=[json]", "model.threads=1",
    )  # fmt: skip
    for name, more in (("inline", ()), ("ray", ("engine=ray", "engine.actors=2"))):
        assert main(["eval", *words, *more, f"out={tmp_path / name}"]) in ENDED
    one, two = (
        pq.read_table(tmp_path / name / "responses.parquet").to_pylist()
        for name in ("inline", "ray")
    )
    for a, b in zip(one, two, strict=True):
        assert (a["prompt"], a["text"], a["finish"]) == (b["prompt"], b["text"], b["finish"])
        for x, y in zip(a["logprobs"] or (), b["logprobs"] or (), strict=True):
            for p, q in zip(x, y, strict=True):
                assert math.isclose(p, q, rel_tol=1e-6, abs_tol=1e-4)
    first, second = scorecard(tmp_path / "inline"), scorecard(tmp_path / "ray")
    assert first["run"]["model"] == second["run"]["model"]
    verdicts = [
        [(c["probe"], c["group"], c["verdict"]) for c in s["cells"]] for s in (first, second)
    ]
    assert verdicts[0] == verdicts[1]
