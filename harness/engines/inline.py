"""inline: every window is asked in this process, one after the other."""

from collections.abc import Callable, Iterable
from typing import Any

from harness.models._base import Model
from harness.records import Prompt, Response


def answer(
    model: Model,
    windows: Iterable[tuple[int, Callable[[], list[Prompt]]]],
    keep: Callable[[int, list[Response]], Any],
) -> None:
    """Answers each window and keeps its responses before the next is begun."""
    for number, read in windows:
        keep(number, model.respond(read()))
