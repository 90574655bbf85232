"""Measures the joint sign-flip test against `scipy.stats.bootstrap`: `python -m bench.statistics`.

One run, one data set: 100,000 paired outcomes, 80 cells, 10,000 resamples. Ours averages the rows
of a cluster and flips signs of clusters; scipy's resamples rows. scipy runs with fewer cells and
resamples, and its time is scaled up linearly; what it takes with two resamples is taken off before. Set
OMP_NUM_THREADS before the start: both sides and the limit use the same threads.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from scipy import stats

from harness.stats.clusters import cluster_means
from harness.stats.significance import sign_flip

ROWS, CELLS, RESAMPLES = 100_000, 80, 10_000
GOAL_RATIO, GOAL_MEMORY = 100, 200e6


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


def main() -> None:
    """Prints the ratio, the memory and the distance from the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scipy-cells", type=int, default=4)
    parser.add_argument("--scipy-resamples", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    rng = np.random.default_rng(0)
    outcomes = rng.integers(-1, 2, (CELLS, ROWS)).astype(np.float64)
    theirs = bootstrap_seconds(outcomes, chosen.scipy_cells, chosen.scipy_resamples)
    peak_flops = limit()
    print(f"data: {CELLS} cells x {ROWS} rows, {outcomes.nbytes / 1e6:.0f} MB")
    print(
        f"scipy.stats.bootstrap, {RESAMPLES} resamples of rows: {theirs:.0f} s, scaled from "
        f"{chosen.scipy_cells} cells and {chosen.scipy_resamples} resamples"
    )
    print(f"limit: {peak_flops / 1e9:.1f} GFLOP/s (square matrix product)")
    for clusters in (500, 5_000):
        labels = np.sort(rng.integers(0, clusters, ROWS))

        def ours(labels: np.ndarray = labels) -> object:
            d = cluster_means(outcomes, labels)
            return sign_flip(d, rng=np.random.default_rng(1), resamples=RESAMPLES)

        taken, held = seconds(ours, chosen.repeats), memory(ours)
        flops = 2 * RESAMPLES * clusters * CELLS
        print(
            f"sign_flip, {clusters} clusters: {taken:.3f} s, ratio {theirs / taken:.0f} "
            f"(goal {GOAL_RATIO}), {held / 1e6:.0f} MB beyond the data (goal {GOAL_MEMORY / 1e6:.0f})"
        )
        print(
            f"  distance from the FLOP limit: {taken / (flops / peak_flops):.1f} x "
            f"({flops / 1e9:.1f} GFLOP at {flops / taken / 1e9:.1f} GFLOP/s)"
        )


if __name__ == "__main__":
    main()
