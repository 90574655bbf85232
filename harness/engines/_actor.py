"""What runs in a worker of another machine: a model, opened there and asked there."""

import os
import socket
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import provenance
from harness.errors import HarnessError
from harness.models._base import Model, opened
from harness.records import Ask, Decoding, Prompt, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a worker says of itself and its model."""

    place: str
    code: str
    """Digest of the harness that it runs."""
    model: Mapping[str, Any]
    abilities: frozenset[Ask]
    cannot: Mapping[str, str]
    texts: bool
    labelled: bool
    counted: tuple[str, ...]
    expects: bool


class Actor:
    """A model in a process of its own. What it raises is a HarnessError, or a bug with its trace."""

    model: Model

    def open(self, where: str, backend: str, chosen: Mapping[str, Any], decoding: Decoding) -> Told:
        """Opens the model; relative paths mean what they mean in the folder `where`, if it is there."""
        with _traced():
            if Path(where).is_dir():
                os.chdir(where)
            self.model = opened(backend, chosen, decoding)
            return self._tell()

    def expect(self, prompts: Iterable[Prompt]) -> Told:
        """Tells the model what will be asked."""
        with _traced():
            self.model.expect(prompts)  # type: ignore[attr-defined]
            return self._tell()

    def respond(self, prompts: Sequence[Prompt]) -> tuple[list[Response], float]:
        """Answers a window; returns the seconds it took, too."""
        begun = time.perf_counter()
        with _traced():
            return self.model.respond(prompts), time.perf_counter() - begun

    def _tell(self) -> Told:
        model = self.model
        return Told(
            place=f"{socket.gethostname()}, process {os.getpid()}",
            code=provenance.digest(),
            model=dict(model.describe()),
            abilities=model.abilities,
            cannot=dict(getattr(model, "cannot", {})),
            texts=getattr(model, "texts", False),
            labelled=getattr(model, "labelled", False),
            counted=tuple(getattr(model, "counted", ())),
            expects=hasattr(model, "expect"),
        )


@contextmanager
def _traced() -> Iterator[None]:
    """Makes of a bug an exception that can be read where its class is unknown."""
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:
        raise RuntimeError(f"a worker raised\n{traceback.format_exc()}") from error
