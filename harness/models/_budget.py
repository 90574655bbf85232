"""What a run may spend on an endpoint, and how fast."""

from __future__ import annotations

import asyncio
import time

from harness.errors import OutOfBudget
from harness.models._endpoint import Settings


class Budget:
    """Counts calls and tokens of this process, and stops before a limit is passed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls = self.tokens_in = self.tokens_out = 0

    @property
    def cost(self) -> float:
        """Returns what the tokens so far cost, in the currency of the prices."""
        prices = self.settings.prices
        if not prices:
            return 0.0
        spent = self.tokens_in * prices["input"] + self.tokens_out * prices["output"]
        return float(spent) / 1e6

    def check(self, calls: int, tokens_in: int, tokens_out: int) -> None:
        """Refuses calls that could pass a limit.

        Raises:
            OutOfBudget: so that what is stored stays, and the run can go on with a larger budget.
        """
        limits, prices = self.settings, self.settings.prices or {"input": 0, "output": 0}
        more = (tokens_in * prices["input"] + tokens_out * prices["output"]) / 1e6
        for name, spent, limit, further in (
            ("max_calls", self.calls, limits.max_calls, calls),
            (
                "max_tokens",
                self.tokens_in + self.tokens_out,
                limits.max_tokens,
                tokens_in + tokens_out,
            ),
            ("max_cost", self.cost, limits.max_cost, more),
        ):
            if limit and spent + further > limit:
                raise OutOfBudget(
                    f"the budget is spent: {spent:,.10g} of {limit:,.10g}, and up to"
                    f" {further:,.10g} more would be needed",
                    where=f"model.{name}",
                    expected="a budget for the next window of prompts; whole windows are stored",
                    fix="give the same command again with a larger budget, or the same one anew:"
                    " it goes on where it stopped (a smaller suite.window needs less at a time)",
                )

    def called(self) -> None:
        """Counts an attempt.

        Raises:
            OutOfBudget: retries have used up the calls.
        """
        self.check(1, 0, 0)
        self.calls += 1

    def used(self, tokens_in: int, tokens_out: int) -> None:
        """Counts the tokens of an answer."""
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out


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
