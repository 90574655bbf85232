from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from harness.stats.clusters import cluster_means

NAN = math.nan


def test_the_means_are_those_of_pandas() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(0, 1, (3, 500))
    rows[rng.random(rows.shape) < 0.3] = NAN
    clusters = rng.integers(-4, 40, 500) * 3
    theirs = pd.DataFrame(rows.T).groupby(clusters).mean().to_numpy().T
    assert cluster_means(rows, clusters) == pytest.approx(theirs, nan_ok=True)


def test_a_cell_lacks_a_cluster_whose_rows_it_lacks() -> None:
    found = cluster_means([[1.0, 3.0, NAN], [NAN, NAN, 0.5]], [7, 7, 9])
    assert found == pytest.approx(np.array([[2.0, NAN], [NAN, 0.5]]), nan_ok=True)


def test_one_row_a_cluster_is_the_row() -> None:
    assert cluster_means([[0.3, -0.1]], [5, 2]).tolist() == [[-0.1, 0.3]]


@pytest.mark.parametrize("clusters", [[0], [0.0, 1.0], [[0, 1]]])
def test_labels_that_do_not_fit_are_refused(clusters: object) -> None:
    with pytest.raises(ValueError, match="labels"):
        cluster_means([[0.1, 0.2]], clusters)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [[], [0.1], [[math.inf, 0.1]], [[NAN, NAN]]])
def test_what_are_no_outcomes_is_refused(rows: object) -> None:
    with pytest.raises(ValueError, match="shape"):
        cluster_means(rows, [0, 1])  # type: ignore[arg-type]
