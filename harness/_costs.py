"""What a run spends: calls, tokens, time and money, as far as they are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from harness import runs, store
from harness._asked import Asked
from harness.errors import BadRun
from harness.models._base import Foreseen
from harness.records import Ask, Suite

BYTES_A_TOKEN = 4
"""Where no tokenizer is at hand: about four letters of English, or one and a third of Chinese."""
COUNTED, ESTIMATED = "counted with the model's tokenizer", "estimated from the texts' length"
_LATEST = 3
"""So many earlier runs of a model are looked at, the latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a run spends."""

    prompts: int
    calls: int
    """Answers that the model gives; a prompt that is sampled takes several."""
    tokens_in: int
    tokens_out: int
    """At most; scored answers have none."""
    counted: str
    """How the tokens of the prompts were found."""
    unfit: int
    """Prompts that do not fit into the model; 0 where that is not known."""
    seconds: float | None
    """None where no earlier run of this model tells."""
    measured: str
    """The earlier run that tells it."""
    money: float | None
    """At most, in `currency`; None without prices."""
    currency: str


def of(
    asked: Asked,
    suite: Suite,
    backend: str,
    model: Foreseen,
    places: Sequence[Path],
    prices: Mapping[str, Any] | None = None,
) -> Costs:
    """Says what a run spends; `places` are folders of earlier runs, which tell how long it takes."""
    calls = asked.prompts + asked.generated * (suite.samples - 1)
    tokens = asked.tokens if model.count else asked.read // BYTES_A_TOKEN
    most = asked.generated * suite.samples * suite.max_tokens
    took = _rate(backend, model, places)
    work = _work(asked.size, asked.generated, suite.samples, suite.max_tokens)
    money = None
    if prices:
        money = (tokens * prices["input"] + most * prices["output"]) / 1e6
    return Costs(
        prompts=asked.prompts,
        calls=calls,
        tokens_in=tokens,
        tokens_out=most,
        counted=COUNTED if model.count else ESTIMATED,
        unfit=asked.unfit,
        seconds=work / took[0] if took else None,
        measured=took[1] if took else "",
        money=money,
        currency=prices["currency"] if prices else "",
    )


def _work(size: int, generated: int, samples: int, max_tokens: int) -> int:
    """Returns what the time of a run is taken to be proportional to: bytes read and written."""
    return size + BYTES_A_TOKEN * generated * samples * max_tokens


def _rate(backend: str, model: Foreseen, places: Sequence[Path]) -> tuple[float, str] | None:
    """Returns the work a second of the fastest earlier run of a model, and its folder.

    The fastest, since the time of a run that was interrupted counts the pause.
    """
    found = []
    for place in places:
        try:
            run = runs.reopen(place)
            same = run.finished and run.head["backend"] == backend
            if same and not run.head.get("rescored") and model.was(run.head["model"]):
                found.append(_of_run(run))
        except (BadRun, KeyError):  # a folder of another kind, or from an earlier version
            continue
        if len(found) == _LATEST:
            break
    return max(found, default=None)


def _of_run(run: runs.Run) -> tuple[float, str]:
    seconds = run.folder.read_json("scorecard.json")["run"]["time"]["seconds"]
    asked = run.folder.read_columns(store.PROMPTS, ["messages", "choices", "ask"])
    size = _bytes(asked["messages"], "content") + _bytes(asked["choices"], "text")
    generated = pc.sum(pc.equal(asked["ask"], Ask.GENERATE.value)).as_py() or 0
    suite = run.head["suite"]
    work = _work(size, generated, suite["samples"], suite["max_tokens"])
    return work / max(seconds, 0.1), str(run.folder.folder)


def _bytes(column: pa.ChunkedArray, field: str) -> int:
    texts = pc.struct_field(pc.list_flatten(column), field)
    return pc.sum(pc.binary_length(texts)).as_py() or 0
