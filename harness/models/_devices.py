"""Where a model is put, in which type of number, and whether it fits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import BadModel

NEEDED = 1.15
"""Memory for weights times this, and `ROOM` bytes for what is computed."""
ROOM = 2**28


def device_of(wanted: str) -> Any:
    """Returns the torch device that a setting means; `auto` is a GPU where torch sees one.

    Raises:
        BadModel: it cannot be used.
    """
    import torch

    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadModel(
            f"device {wanted!r} cannot be used: {first_line(error)}",
            where="model.device",
            expected="auto, cpu, or cuda with a GPU that torch sees",
            fix="set model.device=cpu",
        ) from error
    return device


def dtype_of(wanted: str, device: Any) -> Any:
    """Returns the torch dtype that a setting means on a device."""
    import torch

    if wanted == "auto":
        wanted = "bfloat16" if device.type == "cuda" else "float32"
    return getattr(torch, wanted)


def available_memory(device: Any) -> int:
    """Returns the free bytes of a device; for the CPU what the kernel can give without swapping."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(li.split()[1]) * 1024 for li in lines if li.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def spread_over(device: Any) -> list[Any]:
    """Returns the devices that a device map may use: all GPUs and the CPU, or the CPU alone."""
    import torch

    cpu = torch.device("cpu")
    if device.type != "cuda":
        return [cpu]
    return [*(torch.device("cuda", n) for n in range(torch.cuda.device_count())), cpu]


def check_memory(parameters: int, dtype: Any, devices: Sequence[Any], name: str) -> None:
    """Refuses a model of so many parameters that does not fit the devices together.

    Raises:
        BadModel: it does not.
    """
    need = int(parameters * dtype.itemsize * NEEDED) + ROOM
    free = sum(available_memory(device) for device in devices)
    if need > free:
        raise BadModel(
            f"{name} needs about {need / 2**30:.1f} GiB ({parameters / 1e9:.2f} billion parameters"
            f" in {str(dtype).removeprefix('torch.')}); {free / 2**30:.1f} GiB are free",
            where=f"model.device ({', '.join(map(str, devices))})",
            expected="weights that fit into the memory of the device",
            fix="set model.dtype=bfloat16, take a smaller model, spread it over the GPUs with"
            " model.device_map=auto, or free memory",
        )


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
