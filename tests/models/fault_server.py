"""A server on loopback that speaks chat completions and completions, and fails as it is told to."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from aiohttp import web

Body = Mapping[str, Any]
PASSING = ("429", "500", "503", "hang", "reset", "truncated", "json", "empty", "many", "drip")
"""Faults that another attempt may mend."""
LASTING = ("400", "redirect")
QUICK = {"backoff": 0.005, "read_timeout": 0.15, "timeout": 0.4, "name": "m"}
HOLD = 0.25
"""Seconds of a hang, beyond the read time-out of `QUICK`."""


def no_fault(key: str, attempt: int) -> str:
    return ""


def said(body: Body) -> str:
    """Returns what was asked: the last message, or the text of a completion."""
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


class FaultServer:
    """Runs while it is entered; `fault(what was asked, attempt)` names a fault, or nothing."""

    def __init__(
        self,
        fault: Callable[[str, int], str] = no_fault,
        *,
        answer: Callable[[str], Mapping[str, Any]] = lambda _: {"content": "Yes."},
        listed: Callable[[str], Mapping[str, float]] | None = None,
        most: int = 20,
        echo: Callable[[str], list[tuple[str, float | None]]] | None = None,
        latency: float = 0.0,
        hold: float = HOLD,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.fault, self.answer, self.listed, self.most = fault, answer, listed, most
        self.echo, self.latency, self.hold, self.tls = echo, latency, hold, tls
        self.asked, self.answered = Counter[str](), Counter[str]()
        self.bodies: list[Body] = []
        self.headers: list[Mapping[str, str]] = []
        self.active = self.peak = 0
        self.after, self.message = "", "a fault"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FaultServer:
        ready = threading.Event()

        async def serve() -> None:
            self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
            app = web.Application()
            app.router.add_post("/v1/chat/completions", self._handle)
            app.router.add_post("/v1/completions", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.tls).start()
            self.port = runner.addresses[0][1]
            ready.set()
            await self.over.wait()
            await runner.cleanup()

        self.thread = threading.Thread(target=asyncio.run, args=(serve(),))
        self.thread.start()
        ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = said(body)
        self.asked[key] += 1
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            return await self._respond(request, body, key)
        finally:
            self.active -= 1

    async def _respond(self, request: web.Request, body: Body, key: str) -> web.StreamResponse:
        given = self._content(body, key)
        if given is None:
            return web.json_response({"error": {"message": "not supported here"}}, status=400)
        whole = json.dumps(given).encode()
        fault = self.fault(key, self.asked[key])
        if fault.isdigit():
            error = {"error": {"message": self.message, "code": "made_up"}}
            return web.json_response(error, status=int(fault), headers=self._after())
        match fault:
            case "hang":
                await asyncio.sleep(self.hold)
            case "reset":
                assert request.transport
                request.transport.abort()
            case "truncated" | "drip":
                return await _piecemeal(request, whole, drips=fault == "drip")
            case "json":
                return web.Response(body=whole[: len(whole) // 2])
            case "empty":
                return web.json_response({**given, "choices": []})
            case "many":
                return web.json_response({**given, "choices": given["choices"] * 2})
            case "endless":
                return await _endless(request)
            case "redirect":
                raise web.HTTPTemporaryRedirect("http://example.org/v1/chat/completions?key=1")
            case "filter":
                choice = {**given["choices"][0], "finish_reason": "content_filter"}
                choice["message"] = {"role": "assistant", "content": None}
                return web.json_response({**given, "choices": [choice]})
            case "filtered":
                error = {"error": {"message": "filtered", "code": "content_filter"}}
                return web.json_response(error, status=400)
            case "":
                self.answered[key] += 1
        return web.Response(body=whole, content_type="application/json")

    def _after(self) -> dict[str, str]:
        return {"Retry-After": self.after} if self.after else {}

    def _content(self, body: Body, key: str) -> dict[str, Any] | None:
        """Returns what is sent; None where the server cannot do what is asked."""
        choice: dict[str, Any] = {"finish_reason": "stop"}
        if "messages" not in body:
            if not self.echo:
                return None
            scored = [*self.echo(key), (" more", -0.1)]
            choice["text"] = "".join(token for token, _ in scored)
            choice["logprobs"] = {
                "tokens": [token for token, _ in scored],
                "token_logprobs": [value for _, value in scored],
            }
        else:
            choice["message"] = {"role": "assistant", **self.answer(key)}
            if body.get("logprobs") and body["top_logprobs"] > self.most:
                return None
            if body.get("logprobs") and self.listed:
                tops = [{"token": t, "logprob": v} for t, v in self.listed(key).items()]
                choice["logprobs"] = {"content": [{"top_logprobs": tops}]}
        usage = {"prompt_tokens": 10, "completion_tokens": 2}
        return {"model": "m-1", "system_fingerprint": "fp", "choices": [choice], "usage": usage}


async def _endless(request: web.Request) -> web.StreamResponse:
    """Sends until nobody listens."""
    response = web.StreamResponse()
    await response.prepare(request)
    while request.transport and not request.transport.is_closing():
        await response.write(b" " * (1 << 16))
    return response


async def _piecemeal(request: web.Request, whole: bytes, *, drips: bool) -> web.StreamResponse:
    """Sends a half and ends, or byte after byte, each within the read time-out."""
    response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
    await response.prepare(request)
    if drips:
        for at in range(len(whole)):
            await response.write(whole[at : at + 1])
            await asyncio.sleep(0.05)
    else:
        await response.write(whole[: len(whole) // 2])
        assert request.transport
        request.transport.abort()
    return response
