"""Times calls to an endpoint: 5,000 short chats at a fixed 50 ms, 64, 128 and 256 at a time.

    ./bench/peers.sh                              # once: the other tools, in .venv-peers
    python -m bench.endpoint [--runs 5] [--tools NAME ...]

The server and each run are processes of their own, one at a time and by turns; see bench/_server.py
and bench/_chats.py. Slower tools ask fewer chats, which costs them nothing but a longer share of
beginning and end. Medians go to docs/performance/endpoint.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench._server import LATENCY
from bench._table import Row, Watch, show, write

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
CHATS = {"art4": 5000, "aiohttp alone": 5000, "openai": 2000, "lm-eval": 2000, "inspect_ai": 500}
REACH = {64: 0.90, 128: 0.85, 256: 0.75}
"""Connections -> share of connections / latency that must be reached."""
CPU_MS, MEMORY_MB, GROWTH_MB = 0.2, 80, 2
"""CPU of a request; memory at the peak; how far it may grow after a quarter of the chats."""

Told = dict[str, float]


def once(tool: str, url: str, connections: int) -> Told:
    """Times one run in a process of its own."""
    python = sys.executable if tool in ("art4", "aiohttp alone") else str(PEERS)
    done = subprocess.run(
        [python, "-m", "bench._chats", tool, url, str(connections), str(CHATS[tool])],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"error: {tool} failed:\n{done.stderr[-2000:]}")
    told: Told = json.loads(done.stdout)
    return told


def measure(runs: int, tools: list[str]) -> Iterator[Row]:
    """Times every tool at every number of connections, by turns."""
    found: dict[int, dict[str, list[Told]]] = {n: {tool: [] for tool in tools} for n in REACH}
    watches = {n: Watch() for n in REACH}
    server = subprocess.Popen(
        [sys.executable, "-m", "bench._server"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        for _ in range(runs):
            for connections, by_tool in found.items():
                with watches[connections]:
                    for tool, told in by_tool.items():
                        told.append(once(tool, url, connections))
    finally:
        server.kill()
        server.wait()
    for connections, by_tool in found.items():
        work = f"{connections} at a time, {LATENCY * 1000:.0f} ms{watches[connections].note}"
        yield from _rows(work, connections, by_tool)


def _rows(work: str, connections: int, by_tool: dict[str, list[Told]]) -> Iterator[Row]:
    most, needed, rates = connections / LATENCY, REACH[connections], dict[str, float]()
    for tool, runs in by_tool.items():
        told = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        rate = rates[tool] = CHATS[tool] / told["seconds"]
        cpu = told["cpu"] / CHATS[tool] * 1000
        own = tool == "art4"
        limits = (
            (rate, "requests/s", rate / most, f">= {needed}", rate >= needed * most),
            (cpu, "CPU ms a request", cpu / CPU_MS, f"<= {CPU_MS}", cpu <= CPU_MS),
            (told["peak"], "MB at the peak", told["peak"] / MEMORY_MB, f"< {MEMORY_MB}",
             told["peak"] < MEMORY_MB),
        )  # fmt: skip
        for value, unit, ratio, limit, holds in limits:
            yield Row(
                work=work, tool=tool, value=value, unit=unit, ratio=ratio,
                limit=limit if own else "", holds=holds if own else None,
            )  # fmt: skip
        if own:
            grown = told["peak"] - told["quarter"]
            yield Row(
                work=work, tool="art4, imported and opened", value=told["opened"],
                unit="MB at the peak", ratio=told["opened"] / told["peak"], limit="", holds=None,
            )  # fmt: skip
            yield Row(
                work=work, tool="art4, after a quarter", value=grown, unit="MB grown",
                ratio=grown / GROWTH_MB, limit=f"<= {GROWTH_MB}", holds=grown <= GROWTH_MB,
            )  # fmt: skip
        elif "art4" in rates:
            yield Row(
                work=work, tool=f"art4 / {tool}", value=rates["art4"] / rate, unit="times as fast",
                ratio=None, limit="", holds=None,
            )  # fmt: skip


def main() -> None:
    """Measures, shows a table and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tools", nargs="*", choices=CHATS, default=list(CHATS))
    asked = parser.parse_args()
    if not PEERS.exists() and set(asked.tools) & {"openai", "lm-eval", "inspect_ai"}:
        raise SystemExit(f"error: {PEERS} is missing: run bench/peers.sh, or give --tools art4")
    rows = []
    for row in measure(asked.runs, asked.tools):
        rows.append(row)
        show(row)
    write("endpoint", rows)


if __name__ == "__main__":
    main()
