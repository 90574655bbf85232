"""Times calls to an endpoint: 5,000 short chats at a fixed 50 ms, 64, 128 and 256 at a time.

    python -m bench.endpoint [RUNS]

The server is a process of its own; the answers are stored window by window as a run stores them.
Other clients are timed where they are installed: openai, lm-eval, inspect_ai. Medians of RUNS (5)
interleaved runs go to docs/performance/endpoint.json.
"""

import asyncio
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

LATENCY = 0.05
CHATS, WINDOW = 5_000, 256
REACH = {64: 0.90, 128: 0.85, 256: 0.75}
"""Connections -> share of connections / latency that must be reached."""
CPU_MS, MEMORY_MB = 0.2, 80
TARGET = Path(__file__).parents[1] / "docs" / "performance" / "endpoint.json"
ANSWER = {
    "id": "x",
    "model": "fixed",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 2},
}


class Fixed(asyncio.Protocol):
    """Answers every request alike after a fixed time; as little HTTP as keeps a client content."""

    BODY = json.dumps(ANSWER).encode()
    REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(BODY),
        BODY,
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins with nothing read."""
        self.transport: Any = transport
        self.read = b""

    def data_received(self, data: bytes) -> None:
        """Answers once a request is there whole."""
        self.read += data
        head, mark, body = self.read.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) >= length:
            self.read = body[length:]
            asyncio.get_running_loop().call_later(LATENCY, self.answer)

    def answer(self) -> None:
        """Sends the answer, unless the client has gone."""
        if not self.transport.is_closing():
            self.transport.write(self.REPLY)


async def serve() -> None:
    """Serves until it is ended; says its port first."""
    server = await asyncio.get_running_loop().create_server(Fixed, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


Begin = Callable[[], None]
"""Starts the clock, once what is imported and opened is there."""


def ours(url: str, connections: int, begin: Begin) -> None:
    """Asks as a run does: windows of prompts, each stored before the next."""
    from harness import store
    from harness.engines import inline
    from harness.models import chat
    from harness.records import Ask, Decoding, Message, Prompt, Response, to_table

    def prompt(n: int) -> Prompt:
        message = Message(role="user", content=f"Case {n}: should the request be granted?")
        return Prompt(
            id=f"p{n}", probe="p", attribute="gender", format="benign", language="en",
            scenario="s", item="s/0", roles={}, surface="mention", arm="explicit", order=0,
            favourable="", ask=Ask.GENERATE, messages=(message,), choices=(),
        )  # fmt: skip

    settings = {"url": url, "name": "fixed", "connections": connections}
    model = chat.open(settings, Decoding(max_tokens=8))
    with tempfile.TemporaryDirectory() as place:
        folder = store.create(Path(place) / "run")
        to_table([Response(prompt="p")], Response)  # the first call imports pandas
        begin()

        def keep(number: int, given: list[Response]) -> None:
            if any(response.text != "Yes." for response in given):
                raise ValueError("an answer is missing")
            folder.put_window(number, to_table(given, Response))

        def read(start: int) -> list[Prompt]:
            return [prompt(n) for n in range(start, min(CHATS, start + WINDOW))]

        starts = range(0, CHATS, WINDOW)
        inline.answer(model, ((n, partial(read, start)) for n, start in enumerate(starts)), keep)
    model.client.close()


def bare(url: str, connections: int, begin: Begin) -> None:
    """Asks through aiohttp alone, and keeps nothing: what the library allows."""
    import aiohttp

    body = {"model": "fixed", "messages": [{"role": "user", "content": "x" * 40}]}
    data, todo = json.dumps(body).encode(), iter(range(CHATS))

    async def run() -> None:
        begin()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def work() -> None:
                for _ in todo:
                    async with session.post(f"{url}/chat/completions", data=data) as response:
                        json.loads(await response.read())

            await asyncio.gather(*(work() for _ in range(connections)))

    asyncio.run(run())


def with_openai(url: str, connections: int, begin: Begin) -> None:
    """Asks through the openai package."""
    import openai  # type: ignore[import-not-found]

    todo = iter(range(CHATS))

    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
            begin()

            async def work() -> None:
                for n in todo:
                    await client.chat.completions.create(
                        model="fixed", messages=[{"role": "user", "content": f"Case {n}"}]
                    )

            await asyncio.gather(*(work() for _ in range(connections)))

    asyncio.run(run())


TOOLS: dict[str, tuple[str, Callable[[str, int, Begin], None] | None]] = {
    "art4": ("harness", ours),
    "aiohttp alone": ("aiohttp", bare),
    "openai": ("openai", with_openai),
    "lm-eval": ("lm_eval", None),
    "inspect_ai": ("inspect_ai", None),
}
"""Tool -> its module, and how it is asked; None where that is not written."""


def one(tool: str, url: str, connections: int) -> None:
    """Times one run in this process, and prints seconds, CPU seconds and peak megabytes."""
    ask = TOOLS[tool][1]
    if ask is None:
        raise SystemExit(f"{tool} is installed, but how it is asked is not written here")
    started: list[float] = []

    def begin() -> None:
        started[:] = [time.perf_counter(), time.process_time()]

    ask(url, connections, begin)
    spent = [time.perf_counter() - started[0], time.process_time() - started[1]]
    print(*spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(runs: int) -> list[dict[str, Any]]:
    """Times every installed tool at every number of connections, interleaved."""
    here = [sys.executable, "-m", "bench.endpoint"]
    server = subprocess.Popen([*here, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        installed = [
            tool for tool, (name, ask) in TOOLS.items() if ask and importlib.util.find_spec(name)
        ]
        found: dict[tuple[str, int], list[list[float]]] = {}
        for _ in range(runs):
            for connections in REACH:
                for tool in installed:
                    done = subprocess.run(
                        [*here, "one", tool, url, str(connections)],
                        capture_output=True, text=True, check=True,
                    )  # fmt: skip
                    numbers = [float(part) for part in done.stdout.split()]
                    found.setdefault((tool, connections), []).append(numbers)
    finally:
        server.kill()
        server.wait()
    return [row for key, timed in found.items() for row in _rows(*key, timed)]


def _rows(tool: str, connections: int, timed: list[list[float]]) -> list[dict[str, Any]]:
    seconds, cpu, memory = (statistics.median(column) for column in zip(*timed, strict=True))
    limit = connections / LATENCY
    rate, spent = CHATS / seconds, cpu / CHATS * 1000
    work = f"{CHATS} chats at {LATENCY * 1000:.0f} ms, {connections} at a time"
    own, share = tool == "art4", REACH[connections]
    return [
        _row(
            work,
            tool,
            rate,
            "requests/s",
            rate / limit,
            share if own else None,
            rate >= share * limit,
        ),
        _row(
            work,
            tool,
            spent,
            "CPU ms a request",
            spent / CPU_MS,
            CPU_MS if own else None,
            spent <= CPU_MS,
        ),
        _row(
            work,
            tool,
            memory,
            "MB at most",
            memory / MEMORY_MB,
            MEMORY_MB if own else None,
            memory < MEMORY_MB,
        ),
    ]


def _row(
    work: str, tool: str, value: float, unit: str, ratio: float, limit: float | None, holds: bool
) -> dict[str, Any]:
    return {
        **{"work": work, "tool": tool, "value": round(value, 3), "unit": unit},
        **{"ratio": round(ratio, 3), "limit": limit, "holds": holds if limit else None},
    }


def main() -> None:
    """Measures, shows a table and writes it."""
    rows = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    for row in rows:
        told = {True: "holds", False: "MISSED", None: ""}[row["holds"]]
        print(
            f"{row['work']:38} {row['tool']:14} {row['value']:10.2f} {row['unit']:17}"
            f" ratio {row['ratio']:6.3f}  limit {row['limit'] or '-'!s:5} {told}"
        )
    for tool, (name, _) in TOOLS.items():
        if not importlib.util.find_spec(name):
            print(f"{tool}: not installed")
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case ["one", tool, url, connections]:
            one(tool, url, int(connections))
        case _:
            main()
