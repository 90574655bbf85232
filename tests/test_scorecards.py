"""What a scorecard lists beside its verdicts."""

from typing import Any

import numpy as np

from harness.records import Call, Contrast, Verdict
from harness.scorecards import _suspects
from tests.sample_scorecard import contrast


def cell(group: str, mean: float, sd: float, clusters: int = 60, **more: Any) -> Contrast:
    spread = np.random.default_rng(3).normal(size=clusters)
    spread = (spread - spread.mean()) / spread.std(ddof=1)
    d = mean + sd * spread
    return contrast(
        group=group,
        estimate=float(d.mean()),
        margin=0.05,
        differences=tuple(d.tolist()),
        scenarios=tuple(f"s{i}" for i in range(clusters)),
        **more,
    )


def suspects(*cells: Contrast, call: Call = Call.INCONCLUSIVE) -> list[str]:
    judged = [
        Verdict(contrast=c, standard="art4", verdict=call, reason="", reason_zh="") for c in cells
    ]
    return [name.partition(" - ")[0].split()[-1] for name in _suspects(judged, 0.05)]


def test_the_largest_suspect_comes_first_but_a_noisy_cell_is_drawn_towards_the_others() -> None:
    sure = [cell(f"sure_{i}", 0.02 + 0.002 * i, 0.05) for i in range(20)]
    noisy = cell("noisy", 0.12, 0.4)
    names = suspects(*sure, noisy)
    assert names[0] == "sure_19"
    assert "noisy" in names
    assert names.index("noisy") > names.index("sure_19")  # 0.12 by itself is twice 0.058


def test_nothing_and_nothing_but_zero_is_suspected_of_nothing() -> None:
    assert suspects() == []
    assert suspects(cell("a", 0.0, 0.0), cell("b", 0.0, 0.0)) == []
    assert suspects(cell("a", 0.2, 0.05), call=Call.INVALID) == []


def test_equal_differences_have_no_error_and_keep_their_own_size() -> None:
    equal = cell("equal", 0.5, 0.0, clusters=200)
    assert suspects(equal, cell("b", 0.1, 0.05)) == ["equal", "b"]
