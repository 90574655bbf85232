"""Every fault of an endpoint ends as a retried success or as a counted failure."""

from __future__ import annotations

import asyncio
import json
import math
import random
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadModel, OutOfBudget
from harness.models import _client, _echoed, _loop, _replies, chat
from harness.models._budget import Pace
from harness.models._client import _seconds
from harness.models._flow import Flow
from harness.models._replies import Fault, Reply
from harness.records import Decoding
from tests.models.conftest import AskFor
from tests.models.fault_server import LASTING, PASSING, QUICK, FaultServer


def settings(server: FaultServer, **more: Any) -> dict[str, Any]:
    return {**QUICK, "url": server.url, **more}


def respond(server: FaultServer, prompts: list[Any], **more: Any) -> list[Any]:
    model = chat.open(settings(server, **more), Decoding(max_tokens=5))
    try:
        return model.respond(prompts)
    finally:
        model.client.close()


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_mended_by_another_attempt(fault: str, ask: AskFor) -> None:
    with FaultServer(lambda key, n: fault if key == "Well?" and n < 3 else "") as server:
        [response] = respond(server, [ask("a", "Well?")])
    assert (response.text, response.error) == ("Yes.", None)
    assert server.asked["Well?"] == 3


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_is_a_failure_with_its_reason(fault: str, ask: AskFor) -> None:
    with FaultServer(lambda key, n: fault if key == "Well?" else "") as server:
        bad, good = respond(server, [ask("a", "Well?"), ask("b", "So?")], attempts=2)
    assert bad.text is None
    assert bad.finish == "error"
    assert bad.error
    assert server.asked["Well?"] == 2
    assert good.text == "Yes."


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_no_attempt_can_mend_is_not_tried_again(fault: str, ask: AskFor) -> None:
    with FaultServer(lambda key, n: fault if key == "Well?" else "") as server:
        [response] = respond(server, [ask("a", "Well?")])
    assert response.error
    assert server.asked["Well?"] == 1
    assert "key=1" not in response.error


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [None]},
        {"content": [{"top_logprobs": [None]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": 1000.0}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": -(10**400)}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": -1, "bytes": [300]}]}]},
        {"content": [{"top_logprobs": [{"token": "yes", "logprob": -1, "bytes": 10**15}]}]},
        {"top_logprobs": [["yes"]]},
        {"tokens": 3, "token_logprobs": [-1]},
        {"tokens": [3], "token_logprobs": [-1]},
    ],
)
def test_an_answer_of_another_shape_is_a_fault_and_no_crash(logprobs: dict[str, Any]) -> None:
    read = _replies.chat if "content" in logprobs else _replies.completion
    choice = {"text": "yes", "message": {"content": "yes"}, "logprobs": logprobs}
    with pytest.raises(Fault):
        read(json.dumps({"choices": [choice]}).encode())


@pytest.mark.parametrize("value", [math.nan, 0.5, -(10**400), "-1", True])
def test_what_cannot_be_a_log_probability_is_no_score_of_an_echo(value: object) -> None:
    with pytest.raises(Fault):
        _echoed.continuation(Reply(scored=[("a", None), ("b", value)]), "a", "b")  # type: ignore[list-item]


def test_a_token_that_is_listed_twice_may_be_next_to_impossible() -> None:
    listed = [{"token": "a", "logprob": value} for value in (-9999.0, -9999.0)]
    logprobs = {"content": [{"top_logprobs": [*listed, {"token": "\ud800", "logprob": -1}]}]}
    choice = {"message": {"content": "a"}, "logprobs": logprobs}
    body = {"choices": [choice], "model": "\ud800", "usage": {"prompt_tokens": 2**31 - 1}}
    reply = _replies.chat(json.dumps(body).encode())
    assert reply.first == {b"a": pytest.approx(-9999, abs=1), b"?": -1}
    assert (reply.model, reply.tokens_in) == ("?", 0)


@pytest.mark.parametrize(
    ("fault", "repeated", "told"),
    [
        ("400", "a fault", "HTTP 400 ***"),
        ("filtered", "filtered", "***"),
        ("redirect", "example.org", "'http://***/v1/chat/completions'"),
    ],
)
def test_a_key_that_a_server_repeats_is_not_stored(
    fault: str, repeated: str, told: str, ask: AskFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", repeated)
    with FaultServer(lambda key, n: fault if key == "Well?" else "") as server:
        [response] = respond(server, [ask("a", "Well?")], key_env="MY_KEY")
    assert told in str(response.error or response.text)
    assert repeated not in str(response)


def test_a_key_is_cut_out_before_what_is_too_long(
    ask: AskFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret" * 10)
    with FaultServer(lambda key, n: "400" if key == "Well?" else "") as server:
        server.message = "x" * 170 + "secret" * 10
        [response] = respond(server, [ask("a", "Well?")], key_env="MY_KEY")
    assert response.error == f"HTTP 400 {'x' * 170}***"


def test_an_answer_that_does_not_end_is_a_failure(
    ask: AskFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "_LARGEST", 1 << 20)
    with FaultServer(lambda key, n: "endless" if key == "Well?" else "") as server:
        bad, good = respond(
            server, [ask("a", "Well?"), ask("b", "So?")], timeout=20, read_timeout=20
        )
    assert bad.error == "the answer is larger than 1 MiB"
    assert good.text == "Yes."
    assert server.asked["Well?"] == 1


def test_a_thousand_requests_at_thirty_percent_faults_have_each_one_answer_or_failure(
    ask: AskFor,
) -> None:
    faults = (*PASSING, *LASTING, "filter")
    # Time-outs so long that a busy machine answers within them; what runs into them is rarer.
    patient, hold = {"read_timeout": 2, "timeout": 3}, 2.5
    weights = [0.1 if fault in ("hang", "drip") else 1 for fault in faults]

    def fault(key: str, attempt: int) -> str:
        draw = random.Random(f"{key}/{attempt}")
        faulty = key.startswith("Q") and draw.random() < 0.3
        return draw.choices(faults, weights)[0] if faulty else ""

    prompts = [ask(f"p{n}", f"Q{n}") for n in range(1000)]
    with FaultServer(fault, hold=hold) as server:
        found = respond(server, prompts, attempts=4, connections=32, **patient)
    assert [r.prompt for r in found] == [p.id for p in prompts]
    happened = set[str]()
    for n, response in enumerate(found):
        answered, asked = server.answered[f"Q{n}"], server.asked[f"Q{n}"]
        if response.error is not None:
            assert answered == 0
            assert response.text is None
            assert asked == 4 or "HTTP 400" in response.error or "redirects" in response.error
        elif response.finish == "refused":
            assert answered == 0
        else:
            assert (answered, response.text) == (1, "Yes.")
        assert asked <= 4
        happened |= {fault(f"Q{n}", attempt) for attempt in range(1, asked + 1)}
    assert happened == {"", *faults}
    assert 20 < sum(r.error is not None for r in found) < 150
    assert sum(r.finish == "refused" for r in found) > 5


def test_calls_at_a_time_grow_to_the_limit_and_halve_when_the_server_says_so(ask: AskFor) -> None:
    prompts = [ask(f"p{n}", f"Q{n}") for n in range(200)]
    with FaultServer(latency=0.4) as server:  # long enough for 40 calls on a slow machine
        respond(server, prompts, connections=40, timeout=20, read_timeout=20)
        assert 40 <= server.peak <= 44  # it may count an answer that was read already
    flow = Flow(128)
    assert flow.limit == 64
    for _ in range(100):
        flow.grow()
    assert flow.limit == 128
    sent = time.monotonic()
    for _ in range(128):
        flow.shrink(sent)  # all were under way at the first 429
    assert flow.limit == 64
    for _ in range(65):
        flow.grow()
    assert 64.9 < flow.limit < 65.1
    flow.shrink(time.monotonic())
    assert 32 < flow.limit < 33


def test_answers_that_arrive_together_are_taken_two_at_a_time() -> None:
    async def run() -> list[int]:
        pairs = [socket.socketpair() for _ in range(9)]
        taken: list[int] = []
        loop = asyncio.get_running_loop()

        def take(own: socket.socket) -> None:
            taken.append(own.fileno())
            loop.remove_reader(own)

        for own, _ in pairs:
            own.setblocking(False)
            loop.add_reader(own, take, own)
        for _, other in pairs:
            other.send(b"x")
        counts = []
        while len(taken) < len(pairs):
            before = len(taken)
            await asyncio.sleep(0)
            counts.append(len(taken) - before)
        for pair in pairs:
            for end in pair:
                end.close()
        return counts

    with asyncio.Runner(loop_factory=_loop.new) as runner:
        assert max(runner.run(run())) == 2


def test_retry_after_holds_every_call(ask: AskFor) -> None:
    with FaultServer(lambda key, n: "429" if key == "Q0" and n == 1 else "") as server:
        server.after = "0.3"
        model = chat.open(settings(server, connections=1), Decoding())
        begun = time.monotonic()
        found = model.respond([ask("a", "Q0"), ask("b", "Q1")])
        model.client.close()
    assert 0.3 <= time.monotonic() - begun < 2
    assert [r.text for r in found] == ["Yes.", "Yes."]


def test_retry_after_is_seconds_or_a_date() -> None:
    assert _seconds("1.5") == 1.5
    assert _seconds("-3") == _seconds("soon") == _seconds("") == 0
    assert _seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert _seconds("Wed, 21 Oct 2099 07:28:00 GMT") > 1e9
    assert _seconds("Wed, 21 Oct 99999999999999999999 07:28:00 GMT") == 0


def test_a_rate_spaces_what_is_sent() -> None:
    async def send() -> float:
        pace, begun = Pace(60 / 0.02), time.monotonic()
        await asyncio.gather(*(pace.wait() for _ in range(6)))
        return time.monotonic() - begun

    assert 0.099 <= asyncio.run(send()) < 1


@pytest.mark.parametrize(
    ("limit", "where"),
    [
        ({"max_calls": 12}, "model.max_calls"),
        ({"max_tokens": 90}, "model.max_tokens"),
        (
            {"max_cost": 3e-4, "prices": {"input": 1, "output": 10, "currency": "USD"}},
            "model.max_cost",
        ),
    ],
)
def test_a_budget_stops_before_a_window_that_could_pass_it(
    limit: dict[str, Any], where: str, ask: AskFor
) -> None:
    with FaultServer() as server:
        model = chat.open(settings(server, **limit), Decoding(max_tokens=5))
        assert len(model.respond([ask(f"p{n}", f"Q{n}") for n in range(5)])) == 5
        before = sum(server.asked.values())
        with pytest.raises(OutOfBudget) as found:
            model.respond([ask(f"p{n}", f"R{n}") for n in range(9)])
        assert sum(server.asked.values()) == before
        model.client.close()
    assert found.value.where == where
    assert "goes on" in found.value.fix


def test_retries_count_against_the_budget(ask: AskFor) -> None:
    with FaultServer(lambda key, n: "500" if key == "Q" else "") as server:
        model = chat.open(settings(server, max_calls=8, attempts=50, backoff=0), Decoding())
        with pytest.raises(OutOfBudget):
            model.respond([ask("a", "Q")])
        model.client.close()
        assert sum(server.asked.values()) == 8


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    folder: Path = tmp_path_factory.mktemp("tls")
    made = [str(folder / "key.pem"), str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(
            [*command, "-keyout", made[0], "-out", made[1]], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made[1], made[0])
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: ssl.SSLContext) -> None:
    with FaultServer(tls=certificate) as server, pytest.raises(BadModel, match="secure"):
        chat.open(settings(server), Decoding())
    assert not server.asked
