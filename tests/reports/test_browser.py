"""The page in a real browser: no script of an answer runs, and no request leaves.

Skipped where no Chromium is installed; the same is read off the page's tags in test_html.
"""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.records import Example, Scorecard
from harness.reports import html as report

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """Listens on the loopback and keeps what it is sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    heard.append(connection.recv(200))

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], heard
        done.set()
        thread.join()


def opened(page: Path, folder: Path) -> tuple[str, str]:
    """Opens a page; returns its elements as the browser sees them, and the log of its network."""
    log = folder / "net.json"
    profile = [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}"]
    command = [str(BROWSER), *FLAGS, *profile, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode(), log.read_text(encoding="utf-8", errors="replace")


def attacking(card: Scorecard, port: int) -> Scorecard:
    url = f"http://127.0.0.1:{port}"
    text = (
        f"<script>document.title='pwned';fetch('{url}/s')</script><img src='{url}/i' "
        f"onerror=\"document.title='pwned'\"><link rel=stylesheet href='{url}/l'>"
        f"<iframe src='{url}/f'></iframe><svg onload=\"document.title='pwned'\">"
        f"</svg></style><style>@import '{url}/c'; body{{background:url({url}/b)}}</style>"
        f"<meta http-equiv=refresh content='0;url={url}/m'>"
    )
    side = {"group": text, "prompt": text, "answer": text, "value": text}
    example = Example(
        probe="gender_hiring",
        language="zh",
        scenario=text,
        difference=1.0,
        sides=(side, {**side, "answer": f"{text}!"}),
    )
    return replace(card, examples=(example,), reason=text, summary=(text,), notes=(text,))


def test_no_script_runs_and_no_request_leaves(
    card: Scorecard, tmp_path: Path, listener: tuple[int, list[bytes]]
) -> None:
    port, heard = listener
    (page,) = report.write(attacking(card, port), tmp_path)
    dom, log = opened(page, tmp_path)
    assert "<title>FAIL · SmolLM2-135M-Instruct · art4 scorecard</title>" in dom
    assert "<script" not in dom
    assert "<iframe" not in dom
    assert "性别" in dom
    assert heard == []
    assert f"127.0.0.1:{port}" not in log


def test_the_listener_hears_a_page_that_does_ask(
    tmp_path: Path, listener: tuple[int, list[bytes]]
) -> None:
    port, heard = listener
    page = tmp_path / "asks.html"
    page.write_text(f"<title>x</title><img src='http://127.0.0.1:{port}/i'>", encoding="utf-8")
    _, log = opened(page, tmp_path)
    assert any(b"GET /i" in request for request in heard)
    assert f"127.0.0.1:{port}" in log
