"""Asking: windows of prompts -> windows of responses, each stored whole or not at all.

With early stopping a window holds prompts of one look and block, and at each look the windows of
blocks that are decided are stored empty. What was stored before a kill is never asked again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness import judging, runs, stopping, store
from harness._looks import Asked
from harness._paired import ASKED
from harness.models._base import Model
from harness.records import Probe, Prompt, Response, Standard, from_table, to_table

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Shows how far a loop has come: what is looped over, and what is being done."""


def quiet(steps: Sequence[Any], doing: str) -> Iterable[Any]:  # noqa: ARG001
    """Shows no progress."""
    return steps


def windows(asked: Iterator[Prompt], size: int, looks: int) -> Iterator[pa.Table]:
    """Cuts prompts into windows; where a run has several looks, also where look or block change."""

    def part(prompt: Prompt) -> tuple[int, str, str] | None:
        return (prompt.look, prompt.probe, prompt.language) if looks > 1 else None

    for _, own in groupby(asked, part):
        while window := list(islice(own, size)):
            yield to_table(window, Prompt)


def ask(
    begun: runs.Run,
    loaded: Sequence[Probe],
    standard: Standard,
    model: Model,
    engine: Any,
    progress: Progress = quiet,
) -> None:
    """Asks every window that is not stored yet and whose block is not decided."""
    folder = begun.folder
    if folder.has(store.RESPONSES):
        return
    source, done = folder.open_table(store.PROMPTS), folder.windows()
    places = _places(source, begun.head["stopping"]["looks"])
    steps = iter(progress(range(len(places)), f"asking {source.metadata.num_rows:,} prompts"))
    for look, group in groupby(range(len(places)), lambda n: places[n][0]):
        numbers = list(group)
        stopped = _stopped(begun, loaded, standard, source, numbers[0]) if look > 1 else set()
        skipped = {n for n in numbers if places[n][1] in stopped}
        for number in skipped - done:
            folder.put_window(number, to_table([], Response))
        due = (n for n in islice(steps, len(numbers)) if n not in done | skipped)
        engine.answer(
            model,
            ((n, partial(_read, source, n)) for n in due),
            lambda n, given: folder.put_window(n, to_table(map(_storable, given), Response)),
        )
    folder.join_windows()


def _places(source: pq.ParquetFile, looks: int) -> list[tuple[int, Asked | None]]:
    """Returns look and block of each window; one look and no block where nothing stops early."""
    if looks == 1:
        return [(1, None)] * source.num_row_groups
    found: list[tuple[int, Asked | None]] = []
    for number in range(source.num_row_groups):
        first = source.read_row_group(number, ["look", "probe", "language"]).slice(0, 1)
        [row] = first.to_pylist()
        found.append((row["look"], (row["probe"], row["language"])))
    return found


def _stopped(
    begun: runs.Run,
    loaded: Sequence[Probe],
    standard: Standard,
    source: pq.ParquetFile,
    answered: int,
) -> set[Asked]:
    """Returns the blocks that the windows answered so far decide."""
    measured = [
        judging.measure(source.read_row_group(n), begun.folder.window(n), loaded)
        for n in range(answered)
    ]
    asked = source.read(["id", "roles", *ASKED])
    return stopping.decided(asked, pa.concat_tables(measured), loaded, standard, begun.head)


def _read(source: pq.ParquetFile, number: int) -> list[Prompt]:
    return from_table(source.read_row_group(number), Prompt)


def _storable(response: Response) -> Response:
    """Puts a question mark for each half of a character, which no file in UTF-8 can hold."""
    said = {k: getattr(response, k) for k in ("text", "reasoning", "error")}
    kept = {k: v and v.encode(errors="replace").decode() for k, v in said.items()}
    return response if kept == said else replace(response, **kept)
