"""A planted model that takes its time and keeps a log of what it was asked."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.models import planted
from harness.models.planted import Planted
from harness.records import Decoding, Prompt, Response


class Slow:
    def __init__(self, model: Planted, log: Path, pause: float) -> None:
        self.model, self.log, self.pause = model, log, pause
        self.abilities = model.abilities

    def describe(self) -> Mapping[str, Any]:
        return self.model.describe()

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        with self.log.open("a") as log:
            log.write("".join(f"{prompt.id}\n" for prompt in prompts))
        time.sleep(self.pause)
        return self.model.respond(prompts)


def open(settings: Mapping[str, Any], decoding: Decoding) -> Slow:
    rest = dict(settings)
    log, pause = Path(rest.pop("log")), float(rest.pop("pause"))
    return Slow(planted.open(rest, decoding), log, pause)
