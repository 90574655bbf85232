"""An event loop that takes few events at a time, so that answers do not come back in crowds.

Answers that arrive together are read together, and asyncio sends the next requests only when all of
them are read: the crowd stays together, and the server waits for the client and the client for the
server. Taken a few at a time, the first request is under way again before the last answer is read.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

_FEW = 2


def new() -> asyncio.AbstractEventLoop:
    """Makes such a loop, or a plain one where there is no epoll."""
    if not hasattr(selectors, "EpollSelector"):
        return asyncio.new_event_loop()

    class Few(selectors.EpollSelector):
        _selector: Any

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Waits as the selector does, for a few events at most."""
            waiting, self._selector = self._selector, _Bounded(self._selector)
            try:
                return super().select(timeout)
            finally:
                self._selector = waiting

    return asyncio.SelectorEventLoop(Few())


class _Bounded:
    def __init__(self, poll: Any) -> None:
        self.whole = poll

    def poll(self, timeout: float, most: int) -> Any:
        return self.whole.poll(timeout, min(most, _FEW))
