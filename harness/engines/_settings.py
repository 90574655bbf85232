"""What a Ray engine is opened with; see conf/engine/ray.yaml."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.find import PACKAGE
from harness.models._given import bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which cluster, and what of it."""

    address: str | None = None
    """host:port of its head, `auto`, or nothing for Ray on this machine alone."""
    actors: int | None = None
    """Nothing for as many as there is room for."""
    cpus: float = 1
    """Of each actor, which computes with so many threads."""
    gpus: float = 0
    """Of each actor."""
    patience: float = 900
    """Seconds that an actor may take to open the model."""

    def __post_init__(self) -> None:
        def number(value: object, kind: type) -> bool:
            return isinstance(value, int | kind) and not isinstance(value, bool)

        if not isinstance(self.address, str | None) or self.address == "":
            raise bad("address", self.address, "host:port, auto or null", "engine")
        if self.actors is not None and not (number(self.actors, int) and self.actors > 0):
            raise bad("actors", self.actors, "a whole number of at least 1, or null", "engine")
        for name, least in (("cpus", 0), ("gpus", 0), ("patience", 1)):
            value = getattr(self, name)
            if not number(value, float) or not least <= value < float("inf"):
                raise bad(name, value, f"a number of at least {least}", "engine")
        if not self.cpus + self.gpus:
            raise bad("cpus", self.cpus, "more than 0 where engine.gpus is 0", "engine")

    def environment(self) -> dict[str, str]:
        """Returns what an actor needs to find the same code, and to use its own share of a machine."""
        installed = (sys.prefix, sys.base_prefix)
        paths = [str(Path(path).resolve()) for path in (*sys.path, str(PACKAGE.parent))]
        own = [path for path in dict.fromkeys(paths) if not path.startswith(installed)]
        hidden = {} if self.gpus else {"CUDA_VISIBLE_DEVICES": ""}
        threads = str(max(1, int(self.cpus)))
        return {"PYTHONPATH": os.pathsep.join(own), "OMP_NUM_THREADS": threads, **hidden}
