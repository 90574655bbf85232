"""What a local model can be opened with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from harness.errors import BadConfig
from harness.models._given import bad

DTYPES = ("auto", "float32", "bfloat16", "float16")
DEVICE_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
"""Those of accelerate that need no list of layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a local model is opened with."""

    path: str | None = None
    """A folder, a .gguf file or a hub id; nothing for the default model."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    dtype: str = "auto"
    """`auto` is float32 on CPU and bfloat16 on CUDA."""
    device: str = "auto"
    device_map: str | None = None
    """How layers are spread over several GPUs, the CPU last; nothing for one device."""
    batch: int = 1024
    """Padded tokens in one forward."""
    threads: int = 0
    """0 for OMP_NUM_THREADS, or else the physical cores that this process may use."""
    system: str | None = None
    """System prompt of every conversation; without one the chat template's own applies."""

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("threads", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise bad(name, value, f"a whole number of at least {least}")
        if self.dtype not in DTYPES:
            raise bad("dtype", self.dtype, f"one of {', '.join(DTYPES)}")
        if self.device_map is not None and self.device_map not in DEVICE_MAPS:
            raise bad("device_map", self.device_map, f"one of {', '.join(DEVICE_MAPS)}")
        if self.device_map is not None and self.device != "auto":
            raise bad("device", self.device, "auto where model.device_map is set")
        for name in ("path", "revision", "device", "system"):
            if not isinstance(getattr(self, name), str | None):
                raise bad(name, getattr(self, name), "text")

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Checks the names and values of `given`.

        Raises:
            BadConfig: a name is unknown or a value out of range.
        """
        known = [f.name for f in fields(cls)]
        for name in given:
            if name not in known:
                near = get_close_matches(str(name), known, n=2, cutoff=0.5)
                raise BadConfig(
                    f"unknown setting {name!r} of a local model",
                    where=f"model.{name}",
                    expected=f"one of {', '.join(known)}",
                    fix=f"use {' or '.join(near)}" if near else f"remove model.{name}",
                )
        return cls(**given)


def count_cores() -> int:
    """Counts the cores to compute with: OMP_NUM_THREADS, or the physical ones that are allowed."""
    if (given := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(given):
        return int(given)
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(siblings.format(cpu)).read_text() for cpu in allowed})
    except OSError:
        return len(allowed)
