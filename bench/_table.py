"""What the benchmarks share: a row, how it is shown and kept, and whether the machine was idle."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

FOLDER = Path(__file__).parents[1] / "docs" / "performance"
_FOREIGN = 0.1
"""Cores that other processes may keep busy while the machine counts as idle."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured number and what it must reach."""

    work: str
    tool: str
    value: float
    unit: str
    ratio: float | None
    """To what it is compared with: its limit, the other tool, the size before; None for nothing."""
    limit: str
    """In words, such as `<= 0.2`; empty where there is none."""
    holds: bool | None
    """None where there is no limit."""


class Watch:
    """Watches, while work is done, how many cores processes that are not ours keep busy."""

    def __init__(self) -> None:
        self.foreign = self.seconds = 0.0

    def __enter__(self) -> None:
        self.began = os.times().elapsed
        self.other = _busy() - _own()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.seconds += os.times().elapsed - self.began
        self.foreign += _busy() - _own() - self.other

    @property
    def note(self) -> str:
        """Marks work that was done while others worked too; nothing where the machine was idle."""
        cores = self.foreign / max(self.seconds, 1e-9)
        return f" [not idle: {cores:.1f} cores]" if cores > _FOREIGN else ""


def show(row: Row) -> None:
    """Prints a row."""
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    told = {True: "holds", False: "MISSED", None: ""}[row.holds]
    print(
        f"{row.work:54} {row.tool:34} {row.value:10.4g} {row.unit:20} {ratio:>7}"
        f"  {row.limit:13} {told}",
        flush=True,
    )


def write(bench: str, rows: Iterable[Row]) -> None:
    """Writes docs/performance/<bench>.json."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
    (FOLDER / f"{bench}.json").write_text(text + "\n", "utf-8")


def peak() -> int:
    """Returns the most memory that this program has had, in bytes; not its parent, as rusage may."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _busy() -> float:
    """Returns the CPU seconds that all processes have spent since the machine started."""
    user, nice, system, _, _, hard, soft = Path("/proc/stat").read_text().split()[1:8]
    return sum(map(int, (user, nice, system, hard, soft))) / _TICK


def _own() -> float:
    """Returns the CPU seconds of this process and its children, those that still run too."""
    return sum(os.times()[:4]) + sum(_spent(child) for child in _children(os.getpid()))


def _spent(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK


def _children(process: int) -> list[int]:
    """Returns the children that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found
