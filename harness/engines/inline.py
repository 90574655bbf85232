"""inline: every window is asked in this process, one after the other.

A model with `answer` of its own takes the windows as they come, and need not wait between them.
"""

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
    own = getattr(model, "answer", None)
    if own:
        own(windows, keep)
        return
    for number, read in windows:
        keep(number, model.respond(read()))
