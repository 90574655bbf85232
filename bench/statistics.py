"""Measures the joint sign-flip test against `scipy.stats.bootstrap`: `python -m bench.statistics`.

One run, one data set: 100,000 paired outcomes, 80 cells, 10,000 resamples. Ours averages the rows
of a cluster and flips signs of clusters; scipy's resamples rows. scipy runs with fewer cells and
resamples, and its time is scaled up linearly; what it takes with two resamples is taken off before. Set
OMP_NUM_THREADS before the start: both sides and the limit use the same threads.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from bench._table import Row, Watch, show, write
from harness.stats.clusters import cluster_means
from harness.stats.significance import sign_flip

ROWS, CELLS, RESAMPLES = 100_000, 80, 10_000
RATIO, MEMORY = 100, 200e6
"""How many times faster, and bytes beyond the data."""


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Returns the median time of a call."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def memory(work: Callable[[], object]) -> int:
    """Returns the most bytes that a call held at once (NumPy reports its arrays)."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def limit(size: int = 2000) -> float:
    """Returns the floating-point operations a second of a large square matrix product."""
    a = np.random.default_rng(0).normal(size=(size, size))
    return 2 * size**3 / seconds(lambda: a @ a, 5)


def bootstrap_seconds(outcomes: np.ndarray, cells: int, resamples: int) -> float:
    """Returns the time of scipy's row bootstrap, scaled to all cells and resamples."""

    def run(row: np.ndarray, n: int) -> object:
        return stats.bootstrap(
            (row,), np.mean, n_resamples=n, batch=100, method="percentile", rng=1
        )

    each = [
        seconds(lambda row=row: run(row, resamples), 1) - seconds(lambda row=row: run(row, 2), 1)
        for row in outcomes[:cells]
    ]
    return float(np.mean(each)) / (resamples - 2) * RESAMPLES * CELLS


def measure(cells: int, resamples: int, repeats: int) -> Iterator[Row]:
    """Yields the time of both, the memory, and how near the matrix products come to the machine."""
    watch, rng = Watch(), np.random.default_rng(0)
    outcomes = rng.integers(-1, 2, (CELLS, ROWS)).astype(np.float64)
    with watch:
        theirs, peak = bootstrap_seconds(outcomes, cells, resamples), limit()
    work = f"{CELLS} cells x {ROWS:,} rows, {RESAMPLES:,} resamples{watch.note}"
    tool = f"scipy.stats.bootstrap, from {cells} cells"
    yield Row(work=work, tool=tool, value=theirs, unit="s", ratio=None, limit="", holds=None)
    for clusters in (500, 5_000):
        labels = np.sort(rng.integers(0, clusters, ROWS))

        def ours(labels: np.ndarray = labels) -> object:
            d = cluster_means(outcomes, labels)
            return sign_flip(d, rng=np.random.default_rng(1), resamples=RESAMPLES)

        with watch:
            taken, held = seconds(ours, repeats), memory(ours)
        tool, ratio = f"sign_flip, {clusters:,} clusters", theirs / taken
        share = 2 * RESAMPLES * clusters * CELLS / taken / peak
        for value, unit, told, most, holds in (
            (taken, "s", ratio, f"ratio >= {RATIO}", ratio >= RATIO),
            (held / 1e6, "MB beyond the data", held / MEMORY, f"<= {MEMORY / 1e6:.0f}", held <= MEMORY),
            (share * peak / 1e9, "GFLOP/s", share, "", None),
        ):  # fmt: skip
            yield Row(
                work=work, tool=tool, value=value, unit=unit, ratio=told, limit=most, holds=holds
            )


def main() -> None:
    """Measures, shows a table and writes it; the ratio of GFLOP/s is to a large matrix product."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scipy-cells", type=int, default=4)
    parser.add_argument("--scipy-resamples", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    rows = []
    for row in measure(chosen.scipy_cells, chosen.scipy_resamples, chosen.repeats):
        rows.append(row)
        show(row)
    write("statistics", rows)


if __name__ == "__main__":
    main()
