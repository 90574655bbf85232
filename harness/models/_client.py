"""Calls an endpoint over HTTP: one session, bounded, paced, with another attempt after a fault."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from harness import __version__
from harness.models import _loop
from harness.models._budget import Budget, Call, Pace
from harness.models._endpoint import Settings
from harness.models._flow import Flow
from harness.models._replies import REFUSED, Fault, Reply

AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
BUSY = {429, 503, 529}
PATHS = ("chat/completions", "completions")
_LONGEST = 120.0
"""Seconds that are waited at most before another attempt."""
_EXCERPT = 200
_LARGEST = 1 << 26
"""Bytes of an answer, unpacked."""
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


Job = tuple[Call, Callable[[Reply | Fault], Any]]
"""A call, and who is told what came of it."""


class Client:
    """Calls one endpoint; lives as long as its model."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.key = settings, settings.key()
        self.base = URL(settings.url.rstrip("/") + "/")
        self.paths = {path: self.base.join(URL(path)) for path in PATHS}
        self.budget, self.flow = Budget(settings), Flow(settings.connections)
        self.requests = Pace(settings.requests_per_minute)
        self.tokens = Pace(settings.tokens_per_minute)
        self.paced = bool(self.requests.seconds or self.tokens.seconds)
        self.runner = asyncio.Runner(loop_factory=_loop.new)
        self.session = self.runner.run(_session(settings, self.key))
        self.close = weakref.finalize(self, _close, self.runner, self.session)

    def ask(self, calls: Sequence[Call], attempts: int = 0) -> list[Reply | Fault]:
        """Makes calls; returns a reply or the last fault for each, in their order.

        Raises:
            OutOfBudget: they could pass a limit; none of them is made then.
        """
        found: list[Any] = [None] * len(calls)
        self.budget.reserve(calls)
        self.stream(
            ((call, partial(found.__setitem__, n)) for n, call in enumerate(calls)), attempts
        )
        return found

    def stream(self, jobs: Iterator[Job], attempts: int = 0) -> None:
        """Makes calls for which the budget was reserved, and hands on what came of each.

        Raises:
            OutOfBudget: further attempts have passed a limit.
        """
        most = attempts or self.settings.attempts

        async def one(job: Job) -> None:
            call, deliver = job
            deliver(await self._call(call, most))

        self.runner.run(self.flow.run(one, jobs))

    async def _call(self, call: Call, attempts: int) -> Reply | Fault:
        path = self.paths[call.path]
        data = _ENCODE(call.body).encode(errors="replace")
        attempt = 1
        while True:
            if self.paced:
                await self.requests.wait()
                await self.tokens.wait(call.tokens_in + call.tokens_out)
            if self.flow.until:
                await self.flow.ready()
            self.budget.called(attempt)
            sent = time.monotonic()
            try:
                reply = call.read(await self._post(path, data))
            except Fault as fault:
                if fault.busy:
                    self.flow.shrink(sent)
                    self.flow.hold(min(fault.after, _LONGEST))
                if not fault.again or attempt >= attempts:
                    self.budget.used(call)
                    return fault
                await asyncio.sleep(self._pause(attempt))
                attempt += 1
            else:
                self.flow.grow()
                self.budget.used(call, reply.tokens_in, reply.tokens_out)
                return reply

    def _pause(self, attempt: int) -> float:
        """Doubles from attempt to attempt, and differs from call to call."""
        longest: float = min(_LONGEST, self.settings.backoff * 2 ** (attempt - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311

    async def _post(self, path: URL, data: bytes) -> bytes:
        """Sends a request; returns the body of a success."""
        try:
            async with self.session.post(path, data=data, allow_redirects=False) as response:
                body, status = await _read(response.content), response.status
        except TimeoutError as error:
            raise Fault("no answer in time", again=True, busy=True) from error
        except aiohttp.ClientSSLError as error:
            raise Fault(f"no secure connection: {_first(error)}", again=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Fault(f"the connection failed: {_first(error)}", again=True) from error
        if status != 200:
            raise self._fault(status, response.headers, body)
        return body

    def _fault(self, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
        if 300 <= status < 400:
            to = self._hidden(headers.get("Location", "").split("?")[0])
            return Fault(f"the server redirects (HTTP {status}) to {to!r}: refused", again=False)
        code, told = _error(body)
        told = self._hidden(told)
        if status == 400 and code in ("content_filter", "content_policy_violation"):
            return Fault(told, again=False, kind=REFUSED)
        after = _seconds(headers.get("Retry-After", ""))
        again, busy = status in AGAIN, status in BUSY
        return Fault(f"HTTP {status} {told}".strip(), again=again, busy=busy, after=after)

    def _hidden(self, told: str) -> str:
        """Cuts the key out, and what is too long to show."""
        return (told.replace(self.key, "***") if self.key else told)[:_EXCERPT]


async def _session(settings: Settings, key: str | None) -> aiohttp.ClientSession:
    headers = {"Content-Type": "application/json", "User-Agent": f"art4/{__version__}"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        timeout=aiohttp.ClientTimeout(
            total=settings.timeout,
            sock_connect=settings.connect_timeout,
            sock_read=settings.read_timeout,
        ),
        trust_env=settings.proxies,
    )


def _close(runner: asyncio.Runner, session: aiohttp.ClientSession) -> None:
    """Closes in a thread of its own: the calling one may be running another loop."""

    def close() -> None:
        runner.run(session.close())
        runner.close()

    closing = threading.Thread(target=close)
    closing.start()
    closing.join()


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Reads a body that ends, which a server need not send."""
    body = bytearray()
    while part := await content.readany():
        body += part
        if len(body) > _LARGEST:
            raise Fault(f"the answer is larger than {_LARGEST >> 20} MiB", again=False)
    return bytes(body)


def _error(body: bytes) -> tuple[str, str]:
    """Returns code and message of an error, as far as the server gives them."""
    try:
        found = json.loads(body)
        error = found.get("error", found)
        message = error if isinstance(error, str) else error.get("message") or error.get("detail")
        code = "" if isinstance(error, str) else str(error.get("code") or error.get("type") or "")
    except (ValueError, AttributeError, RecursionError):
        return "", ""
    return code, " ".join(str(message or "").split())


def _seconds(retry_after: str) -> float:
    """Reads a Retry-After, which is a number of seconds or a date."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_EXCERPT]
