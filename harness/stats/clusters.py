"""From single paired outcomes to one difference for each scenario cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.stats._arrays import Array, cells_of


def cluster_means(outcomes: ArrayLike, clusters: ArrayLike) -> Array:
    """Averages paired outcomes to one difference for each cell and cluster.

    Zero and the sign stay what they are in the outcomes; each row of a cluster weighs the same.

    Why: rows of one scenario are not independent; every statistic here takes clusters.

    Example:
        >>> cluster_means([[0.2, 0.4, 1.0], [0.5, np.nan, np.nan]], [0, 0, 1]).tolist()
        [[0.30000000000000004, 1.0], [0.5, nan]]

    Args:
        outcomes: shape (cells, rows), any unit; NaN where a cell lacks a row.
        clusters: shape (rows,): the cluster of each row, as an integer label.

    Returns:
        Shape (cells, clusters), the clusters in the order of their labels; NaN where a cell lacks
        a cluster.
    """
    rows = cells_of(outcomes)
    labels = np.asarray(clusters)
    if labels.shape != rows.shape[1:] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"expected {rows.shape[1]} integer labels, got shape {labels.shape}")
    index = np.unique(labels, return_inverse=True)[1]
    means = np.empty((len(rows), int(index.max()) + 1))
    for mean, row in zip(means, rows, strict=True):
        seen = ~np.isnan(row)
        where = index[seen]
        sums = np.bincount(where, row[seen], minlength=mean.size)
        with np.errstate(invalid="ignore"):
            mean[:] = sums / np.bincount(where, minlength=mean.size)
    return means
