"""Asks a server chats through one tool, and prints what that took: a process of bench.endpoint.

    python -m bench._chats TOOL URL CONNECTIONS CHATS

Each tool keeps as many calls under way as there are connections, asks the same text, and starts the
clock once it is imported and opened. Printed as JSON: seconds, CPU seconds, megabytes at the
peak, those that were there when the clock started, and those a quarter of the chats later.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Begin = Callable[[], None]
"""Starts the clock, once what is imported and opened is there."""
WINDOW = 256
_NAME, _ANSWER, _MOST = "fixed", "Yes.", 8


def text(n: int) -> str:
    """Returns what the n-th chat asks."""
    return f"Case {n}: should the request be granted?"


def peak() -> float:
    """Returns the most megabytes that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def art4(url: str, connections: int, chats: int, begin: Begin) -> dict[str, float]:
    """Asks as a run does: windows of prompts, each stored when it is whole."""
    from harness import store
    from harness._garbage import settled
    from harness.models import chat
    from harness.models._base import answer
    from harness.records import Ask, Decoding, Message, Prompt, Response, to_table

    def read(start: int) -> list[Prompt]:
        return [
            Prompt(
                id=f"p{n}", probe="p", attribute="gender", format="benign", language="en",
                scenario="s", item="s/0", roles={}, surface="mention", arm="explicit", order=0,
                favourable="", ask=Ask.GENERATE, choices=(),
                messages=(Message(role="user", content=text(n)),),
            )
            for n in range(start, min(chats, start + WINDOW))
        ]  # fmt: skip

    told: dict[str, float] = {}
    settings = {"url": url, "name": _NAME, "connections": connections}
    model = chat.open(settings, Decoding(max_tokens=_MOST))
    starts = range(0, chats, WINDOW)
    with TemporaryDirectory() as place, settled():
        folder = store.create(Path(place) / "run")
        to_table([Response(prompt="p")], Response)  # the first call imports pandas
        told["opened"] = peak()
        begin()

        def keep(number: int, given: list[Response]) -> None:
            if any(response.text != _ANSWER for response in given):
                raise ValueError("an answer is missing")
            folder.put_window(number, to_table(given, Response))
            if number == len(starts) // 4:
                told["quarter"] = peak()

        answer(model, ((n, partial(read, start)) for n, start in enumerate(starts)), keep)
    model.client.close()
    return told


def aiohttp(url: str, connections: int, chats: int, begin: Begin) -> None:
    """Asks through aiohttp alone, and keeps nothing: what the library allows."""
    import aiohttp

    async def ask() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            begin()

            async def one(n: int) -> None:
                turns = [{"role": "user", "content": text(n)}]
                data = json.dumps({"model": _NAME, "messages": turns, "max_tokens": _MOST})
                async with session.post(f"{url}/chat/completions", data=data) as response:
                    json.loads(await response.read())

            await _together(one, connections, chats)

    asyncio.run(ask())


def openai(url: str, connections: int, chats: int, begin: Begin) -> None:
    """Asks through the openai package, and keeps nothing."""
    import openai

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
            begin()

            async def one(n: int) -> None:
                await client.chat.completions.create(
                    model=_NAME,
                    messages=[{"role": "user", "content": text(n)}],
                    max_tokens=_MOST,
                )

            await _together(one, connections, chats)

    asyncio.run(ask())


def lm_eval(url: str, connections: int, chats: int, begin: Begin) -> None:
    """Asks through lm-evaluation-harness: its own concurrent requests, kept in memory."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.api_models import JsonChatStr
    from lm_eval.models.openai_completions import LocalChatCompletion

    model = LocalChatCompletion(
        base_url=f"{url}/chat/completions", model=_NAME, num_concurrent=connections
    )
    wanted: Any = {"until": [], "max_gen_toks": _MOST, "do_sample": False}
    asked: Any = [
        Instance(
            request_type="generate_until",
            doc={},
            arguments=(JsonChatStr(json.dumps([{"role": "user", "content": text(n)}])), wanted),
            idx=n,
        )
        for n in range(chats)
    ]
    begin()
    if set(model.generate_until(asked, disable_tqdm=True)) != {_ANSWER}:
        raise ValueError("an answer is missing")


def inspect_ai(url: str, connections: int, chats: int, begin: Begin) -> None:
    """Asks through inspect_ai: an evaluation without a scorer, logged as it logs by default."""
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import get_model
    from inspect_ai.solver import generate

    model = get_model(f"openai/{_NAME}", base_url=url, api_key="none")
    task = Task(dataset=MemoryDataset([Sample(input=text(n)) for n in range(chats)]),
                solver=generate())  # fmt: skip
    with TemporaryDirectory() as place:
        begin()
        [log] = eval(
            task, model=model, max_connections=connections, max_samples=connections,
            max_tokens=_MOST, log_dir=place, display="none",
        )  # fmt: skip
    if log.status != "success":
        raise ValueError(f"the evaluation ended with {log.status}")


async def _together(one: Callable[[int], Any], connections: int, chats: int) -> None:
    """Asks each chat once, as many at a time as there are connections."""
    todo: Iterator[int] = iter(range(chats))

    async def work() -> None:
        for n in todo:
            await one(n)

    await asyncio.gather(*(work() for _ in range(connections)))


TOOLS: dict[str, Callable[[str, int, int, Begin], dict[str, float] | None]] = {
    "art4": art4,
    "aiohttp alone": aiohttp,
    "openai": openai,
    "lm-eval": lm_eval,
    "inspect_ai": inspect_ai,
}


def main(tool: str, url: str, connections: str, chats: str) -> None:
    """Times one run."""
    os.environ.setdefault("OPENAI_API_KEY", "none")
    out, sys.stdout = sys.stdout, sys.stderr
    started: list[float] = []

    def begin() -> None:
        started[:] = [time.perf_counter(), time.process_time()]

    told = TOOLS[tool](url, int(connections), int(chats), begin) or {}
    told |= {
        "seconds": time.perf_counter() - started[0],
        "cpu": time.process_time() - started[1],
        "peak": peak(),
    }
    print(json.dumps(told), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
