"""Keeps as many calls under way as a server bears: more while it is healthy, half when it says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import TypeVar

_START = 64
"""Calls at a time in the beginning."""

T = TypeVar("T")


class Flow:
    """How many calls may be under way, and when the next may be sent."""

    def __init__(self, most: int) -> None:
        self.most, self.limit = most, float(min(_START, most))
        self.active, self.over = 0, False
        self.cut, self.until = 0.0, 0.0

    def grow(self) -> None:
        """Notes a success: doubles in a round until the first cut, then adds one a round."""
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + (1 / self.limit if self.cut else 1))

    def shrink(self, sent: float) -> None:
        """Halves, once for all calls that were under way at the last cut."""
        if sent >= self.cut:
            self.limit, self.cut = max(1.0, self.limit / 2), time.monotonic()

    def hold(self, seconds: float) -> None:
        """Lets nothing be sent for so long."""
        self.until = max(self.until, time.monotonic() + seconds)

    async def ready(self) -> None:
        """Waits until calls may be sent."""
        while (rest := self.until - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    async def run(self, do: Callable[[T], Awaitable[None]], items: Iterator[T]) -> None:
        """Does each item once; an item is taken when its turn comes."""
        self.active, self.over = 0, False
        try:
            async with asyncio.TaskGroup() as group:
                self._staff(group, do, items)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    def _staff(
        self, group: asyncio.TaskGroup, do: Callable[[T], Awaitable[None]], items: Iterator[T]
    ) -> None:
        """Sets as many workers going as calls may be under way."""

        async def work() -> None:
            try:
                while self.active <= self.limit and not self.over:
                    for item in islice(items, 1):
                        await do(item)
                        break
                    else:
                        self.over = True
                    if self.active < int(self.limit):
                        self._staff(group, do, items)
            finally:
                self.active -= 1

        while self.active < int(self.limit) and not self.over:
            self.active += 1
            group.create_task(work())
