"""Asking: windows of prompts -> windows of responses, each stored whole or not at all.

With early stopping a window holds prompts of one look and block, and at each look the windows of
blocks that are decided are stored empty. What was stored before a kill is never asked again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness import judging, prompts, runs, stopping, store
from harness._asked import Asked
from harness._joined import ASKED
from harness._looks import Block
from harness.models._base import Model, answer
from harness.records import Probe, Prompt, Response, Standard, from_table, to_table

_BYTES_A_PROMPT = 2_000
_CODED = tuple(f"choices.list.element.{name}" for name in ("text", "meaning", "also"))
"""Texts of which a window holds few, each many times: they are read as dictionaries."""
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


def prepare(begun: runs.Run, loaded: Sequence[Probe]) -> Asked:
    """Stores the prompts of a run, unless they are there; counts them.

    Raises:
        BadRun: there is too little space for the answers to so many; no prompts are stored then.
    """
    folder, suite, size = begun.folder, runs.suite_of(begun.head), Asked()
    looks = begun.head["stopping"]["looks"]
    expanded = prompts.expand(loaded, suite, begun.head["seed"], looks)
    asked = size.watch(expanded, loaded, suite.samples)

    def checked() -> Iterator[Prompt]:
        yield from asked
        folder.needs(size.prompts * _BYTES_A_PROMPT)

    if folder.has(store.PROMPTS):
        deque(asked, maxlen=0)
    else:
        folder.write_rows(store.PROMPTS, windows(checked(), suite.window, looks))
    return size


def ask(
    begun: runs.Run,
    loaded: Sequence[Probe],
    standard: Standard,
    model: Model,
    progress: Progress = quiet,
) -> None:
    """Asks every window that is not stored yet and whose block is not decided."""
    folder = begun.folder
    if folder.has(store.RESPONSES):
        return
    source, done = folder.open_table(store.PROMPTS, _CODED), folder.windows()
    places = _places(source, begun.head["stopping"]["looks"])
    steps = iter(progress(range(len(places)), f"asking {source.metadata.num_rows:,} prompts"))
    for look, group in groupby(range(len(places)), lambda n: places[n][0]):
        numbers = list(group)
        stopped = _stopped(begun, loaded, standard, source, numbers[0]) if look > 1 else set()
        skipped = {n for n in numbers if places[n][1] in stopped}
        for number in skipped - done:
            folder.put_window(number, to_table([], Response))
        due = (n for n in islice(steps, len(numbers)) if n not in done | skipped)
        answer(
            model,
            ((n, partial(_read, source, n)) for n in due),
            lambda n, given: folder.put_window(n, _storable(given)),
        )
    folder.join_windows()


def _places(source: pq.ParquetFile, looks: int) -> list[tuple[int, Block | None]]:
    """Returns look and block of each window; one look and no block where nothing stops early."""
    if looks == 1:
        return [(1, None)] * source.num_row_groups
    found: list[tuple[int, Block | None]] = []
    for number in range(source.num_row_groups):
        first = store.row_group(source, number, ["look", "probe", "language"]).slice(0, 1)
        [row] = first.to_pylist()
        found.append((row["look"], (row["probe"], row["language"])))
    return found


def _stopped(
    begun: runs.Run,
    loaded: Sequence[Probe],
    standard: Standard,
    source: pq.ParquetFile,
    answered: int,
) -> set[Block]:
    """Returns the blocks that the windows answered so far decide."""
    measured = [
        judging.measure(store.row_group(source, n), begun.folder.window(n), loaded)
        for n in range(answered)
    ]
    asked = source.read(["id", "roles", *ASKED])
    return stopping.decided(asked, pa.concat_tables(measured), loaded, standard, begun.head)


def _read(source: pq.ParquetFile, number: int) -> list[Prompt]:
    return from_table(store.row_group(source, number), Prompt)


def _storable(given: Sequence[Response]) -> pa.Table:
    """Puts a question mark for each half of a character, which no file in UTF-8 can hold."""
    try:
        return to_table(given, Response)
    except UnicodeEncodeError:
        return to_table(map(_mended, given), Response)


def _mended(response: Response) -> Response:
    said = {k: getattr(response, k) for k in ("text", "reasoning", "error")}
    return replace(
        response, **{k: v and v.encode(errors="replace").decode() for k, v in said.items()}
    )
