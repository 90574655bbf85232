"""Endpoints against real servers, which the tests start themselves on loopback."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.models import _weights, chat
from harness.records import Decoding
from tests.models.conftest import AskFor
from tests.test_resume import ENDED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATIENCE = 180.0
"""Seconds in which a server must be there."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(command: Sequence[str], port: int, log: Path) -> Iterator[str]:
    """Starts a server, and ends it afterwards."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, log.read_text()[-3_000:]
            assert time.monotonic() < end, log.read_text()[-3_000:]
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def needs(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def check(url: str, name: str, ask: AskFor, out: Path, **settings: Any) -> chat.Chat:
    """Asks one question, then runs a small suite through the command."""
    given = {"url": url, "name": name, "connections": 2, **settings}
    model = chat.open(given, Decoding(max_tokens=12))
    [response] = model.respond([ask("a", "What is the capital of France?")])
    model.client.close()
    assert response.error is None
    assert response.text
    assert response.tokens_in > 0
    words = [
        "suite=smoke", "suite.probes=[gender_decision,belief_benign]", "suite.languages=[en]",
        "suite.scenarios=2", "suite.controls=1", "reports=[json]", f"out={out}",
        "model=chat", *(f'model.{key}="{value}"' if isinstance(value, str) else f"model.{key}={value}"
                        for key, value in given.items()),
    ]  # fmt: skip
    assert main(["eval", *words]) in ENDED
    assert main(["verify", str(out)]) == 0
    return model


def test_transformers_serve_answers_a_run(tmp_path: Path, ask: AskFor) -> None:
    needs("fastapi", "uvicorn", "openai")
    folder, port = _weights.converted(_weights.default_gguf()), free_port()
    assert folder
    start = "from transformers.cli.transformers import app; app()"
    command = [sys.executable, "-c", start, "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with served(command, port, tmp_path / "log") as url:
        model = check(url, str(folder), ask, tmp_path / "run")
    assert model.describe()["decisions"] == "text"


def test_llama_cpp_answers_a_run_and_scores_pairs(tmp_path: Path, ask: AskFor) -> None:
    needs("llama_cpp", "fastapi", "uvicorn")
    port = free_port()
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(_weights.default_gguf())]
    command += [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--logits_all",
        "true",
        "--n_ctx",
        "2048",
    ]
    with served(command, port, tmp_path / "log") as url:
        name = str(_weights.default_gguf())
        model = check(url, name, ask, tmp_path / "run", api="chat")
        assert "first tokens" in model.describe()["decisions"]
        assert not model.cannot
