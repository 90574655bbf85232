"""What a run may spend on an endpoint, and how fast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import OutOfBudget
from harness.models._endpoint import Settings
from harness.models._replies import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that gives one reply."""

    path: str
    body: Mapping[str, Any]
    tokens_in: int
    """About so many."""
    tokens_out: int
    """At most so many."""
    read: Callable[[bytes], Reply]


class Budget:
    """Counts calls and tokens of this process, and stops before a limit is passed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls = self.tokens_in = self.tokens_out = 0
        self.due_calls = self.due_in = self.due_out = 0
        """What is reserved, and not made yet."""

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        """Returns what tokens cost, in the currency of the prices."""
        prices = self.settings.prices or {"input": 0, "output": 0}
        return float(tokens_in * prices["input"] + tokens_out * prices["output"]) / 1e6

    def reserve(self, calls: Sequence[Call]) -> None:
        """Sets aside what calls may take.

        Raises:
            OutOfBudget: they could pass a limit; then nothing is set aside.
        """
        tokens_in, tokens_out = sum(c.tokens_in for c in calls), sum(c.tokens_out for c in calls)
        self._check(self.due_calls + len(calls), self.due_in + tokens_in, self.due_out + tokens_out)
        self.due_calls += len(calls)
        self.due_in, self.due_out = self.due_in + tokens_in, self.due_out + tokens_out

    def called(self, attempt: int) -> None:
        """Counts an attempt; the first was reserved.

        Raises:
            OutOfBudget: further attempts have used up the calls.
        """
        self._check(1, 0, 0)
        self.calls += 1
        self.due_calls -= attempt == 1

    def used(self, call: Call, tokens_in: int = 0, tokens_out: int = 0) -> None:
        """Counts the tokens of a call, which are no longer due."""
        self.tokens_in, self.tokens_out = self.tokens_in + tokens_in, self.tokens_out + tokens_out
        self.due_in, self.due_out = self.due_in - call.tokens_in, self.due_out - call.tokens_out

    def _check(self, calls: int, tokens_in: int, tokens_out: int) -> None:
        limits = self.settings
        spent = self.tokens_in + self.tokens_out, self.cost(self.tokens_in, self.tokens_out)
        more = tokens_in + tokens_out, self.cost(tokens_in, tokens_out)
        for name, so_far, limit, further in (
            ("max_calls", self.calls, limits.max_calls, calls),
            ("max_tokens", spent[0], limits.max_tokens, more[0]),
            ("max_cost", spent[1], limits.max_cost, more[1]),
        ):
            if limit and so_far + further > limit:
                raise OutOfBudget(
                    f"the budget is spent: {so_far:,.10g} of {limit:,.10g}, and up to"
                    f" {further:,.10g} more would be needed",
                    where=f"model.{name}",
                    expected="a budget for the next window of prompts; whole windows are stored",
                    fix="give the same command again with a larger budget, or the same one anew:"
                    " it goes on where it stopped (a smaller suite.window needs less at a time)",
                )


class Pace:
    """Spaces what is sent evenly, to so many a minute; 0 for as fast as it goes."""

    def __init__(self, a_minute: float) -> None:
        self.seconds = 60 / a_minute if a_minute else 0.0
        self.free = 0.0

    async def wait(self, amount: float = 1) -> None:
        """Waits for its turn."""
        if self.seconds:
            now = time.monotonic()
            at = max(self.free, now)
            self.free = at + amount * self.seconds
            if at > now:
                await asyncio.sleep(at - now)
