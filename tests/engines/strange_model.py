"""A planted model that does what a model on another machine may do; every worker logs what it is asked."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import OutOfBudget
from harness.models import planted
from harness.models.planted import Planted
from harness.records import Decoding, Prompt, Response

AT = 100
"""Before it answers so many prompts in all, it behaves."""


class Strange:
    abilities = Planted.abilities
    labelled = True

    def __init__(self, model: Planted, does: str, log: Path, pause: float) -> None:
        self.model, self.does, self.log, self.pause = model, does, log, pause
        self.counted = ("budget",) * (does == "counts")

    def describe(self) -> Mapping[str, Any]:
        told = dict(self.model.describe())
        return told | {"fingerprint": str(os.getpid())} if self.does == "differs" else told

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        with self.log.open("a") as log:
            log.write("".join(f"{os.getpid()} {prompt.id}\n" for prompt in prompts))
        time.sleep(self.pause)
        late = len(self.log.read_text().split("\n")) > AT
        if self.does == "raises" and late:
            raise ZeroDivisionError("a bug in the model")
        if self.does == "stops" and late:
            raise OutOfBudget("spent", where="here", expected="more", fix="give more")
        if self.does == "dies" and late:
            os._exit(1)
        return self.model.respond(prompts)


def open(settings: Mapping[str, Any], decoding: Decoding) -> Strange:
    rest = dict(settings)
    does, log = rest.pop("does"), Path(rest.pop("log"))
    pause, _ = float(rest.pop("pause", 0)), rest.pop("budget", 0)
    if does == "hangs":
        time.sleep(60)
    if does == "ends":
        os._exit(1)
    return Strange(planted.open(rest, decoding), does, log, pause)
