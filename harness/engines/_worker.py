"""What the driver of a Ray engine knows of a worker."""

from dataclasses import dataclass, field
from typing import Any

from harness.models._base import Window


@dataclass(slots=True)
class Due:
    """A window that is to be answered."""

    window: Window
    lost: int = 0
    """How many workers were lost while they answered it."""


@dataclass(slots=True, eq=False)
class Worker:
    """An actor, and what lies with it."""

    actor: Any
    opening: Any
    """Ray's handle of its opening."""
    begun: float
    place: str = ""
    """Where it is, once it is open."""
    asked: dict[Any, Due] = field(default_factory=dict)
    """Ray's handle of the answers -> the window, the oldest first."""
    windows: int = 0
    prompts: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        """Says what it did so far."""
        rate = self.prompts / max(self.seconds, 1e-9)
        return (
            f"ray: {self.place}: {self.prompts:,} prompts in {self.windows:,} windows,"
            f" {rate:,.1f} a second\n"
        )
