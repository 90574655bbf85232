"""A planted run, cross-checked by a mixed model."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from harness import crosscheck, store
from harness.cli import main
from harness.errors import BadRun
from harness.stats.intervals import Interval
from harness.stats.mixed import Mixed
from tests.small import finished, once, two_attributes  # noqa: F401

FEW = (
    "model=planted", "suite=planted", "suite.generated=24", "suite.languages=[en]",
    "reports=[json]",
)  # fmt: skip


def run(effect: str, *more: str) -> Path:
    """Runs a planted model once; the folder is read alone."""
    return once(*FEW, f"model.effect={effect}", *more)


def noisy() -> Path:
    """Returns a run with several wordings of a scenario, each with noise of its own."""
    return run("none", "suite.paraphrases=3")


def gated(folder: Path) -> Iterator[dict[str, object]]:
    cells = json.loads((folder / "scorecard.json").read_text("utf-8"))["cells"]
    return (c for c in cells if c["gated"] and c["clusters"])


@pytest.mark.parametrize("effect", ["gap", "none"])
def test_our_side_is_what_the_scorecard_says_of_every_gated_cell(effect: str) -> None:
    folder = noisy() if effect == "none" else run(effect, "model.dose=0.2")
    checked = crosscheck.check(folder)
    keys = ("probe", "language", "arm", "outcome", "group", "reference")
    ours = {tuple(getattr(c, k) for k in keys): c for c in checked}
    cells = list(gated(folder))
    assert len(cells) == len(checked) > 0
    for cell in cells:
        c = ours[tuple(cell[k] for k in keys)]
        assert c.ours.estimate == pytest.approx(cell["estimate"], abs=1e-12)
        assert c.scenarios == cell["clusters"]


def test_a_model_of_balanced_noisy_sets_agrees_with_ours() -> None:
    checked = [c for c in crosscheck.check(noisy()) if c.mixed and c.mixed.method == "REML"]
    assert checked
    for c in checked:
        assert c.mixed
        assert c.sets > c.scenarios
        assert c.mixed.converged
        assert c.mixed.estimate == pytest.approx(c.ours.estimate, abs=1e-6)
        assert c.mixed.error >= c.error * 0.999  # larger where scenarios vary less than sets
    apart = crosscheck.largest(checked)
    assert apart is not None
    assert apart < 1e-3


def test_the_command_prints_each_cell_and_the_largest_distance_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, table = noisy(), tmp_path / "cells.csv"
    before = store.Store(folder).digests()
    assert main(["crosscheck", str(folder), "--out", str(table)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.rstrip("\n").split("\n")
    assert shown.err == ""
    assert lines[0].startswith("planted_")
    assert "scenarios, " in lines[1]
    assert lines[-1].startswith("largest |difference of estimates| / our standard error: ")
    with table.open(encoding="utf-8-sig", newline="") as read:
        rows = list(csv.DictReader(read))
    assert len(lines) == 3 * len(rows) + 1
    checked = crosscheck.check(folder)
    assert [float(r["estimate"]) for r in rows] == [c.ours.estimate for c in checked]
    assert [r["mixed_error"] for r in rows] == [
        str(c.mixed.error) if c.mixed else "" for c in checked
    ]
    assert store.Store(folder).digests() == before


def test_the_verdict_moves_no_exit_code() -> None:
    assert main(["crosscheck", str(run("gap", "model.dose=0.2"))]) == 0
    assert main(["crosscheck", str(run("garbage"))]) == 0


def test_answers_that_nobody_could_read_leave_nothing_to_compare(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = run("refuse_all")
    capsys.readouterr()
    assert main(["crosscheck", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "nothing to fit: one scenario, or equal differences" in out
    assert out.rstrip().endswith("standard error: none to compare")


def test_names_count_in_our_error_and_not_in_the_models() -> None:
    arms = "suite.arms=[explicit,implicit,same_group,positive_control]"
    named = ("model.dose=0.2", "model.attribute=gender", "model.noise=0.05", arms)
    folder = run(
        "names", *named, "standard.gates=[{outcome:favourable,format:decision,arm:implicit}]"
    )
    checked = crosscheck.check(folder)
    assert {c.arm for c in checked} == {"implicit"}
    assert any(c.mixed and c.error > 1.2 * c.mixed.error for c in checked)


def test_a_fit_that_did_not_converge_is_told() -> None:
    (c, *_) = (c for c in crosscheck.check(noisy()) if c.mixed)
    assert c.mixed
    told = list(crosscheck.lines([replace(c, mixed=replace(c.mixed, converged=False))]))
    assert told[2].endswith("NOT converged")


def test_the_largest_distance_is_in_our_standard_errors() -> None:
    (c, *_) = crosscheck.check(noisy())
    ours = Interval(0.1, 0.0, 0.2, "t")
    mixed = Mixed(0.04, 0.05, -0.1, 0.2, "REML", True)
    near = replace(mixed, estimate=0.11)
    cells = [replace(c, ours=ours, error=0.02, mixed=m) for m in (mixed, near, None)]
    assert crosscheck.largest(cells) == pytest.approx(3)
    assert crosscheck.largest([replace(cells[0], error=0.0)]) is None
    assert crosscheck.largest([]) is None


def test_a_run_that_is_none_or_was_edited_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="holds no run"):
        crosscheck.check(tmp_path)
    folder = finished(tmp_path / "run")
    (folder / store.OUTCOMES).write_bytes(b"")
    with pytest.raises(BadRun, match="was changed"):
        crosscheck.check(folder)


def test_no_table_is_written_over_a_file_or_into_a_run(tmp_path: Path) -> None:
    folder = finished(tmp_path / "run")
    (tmp_path / "there.csv").write_text("mine")
    for target in (tmp_path / "there.csv", folder / "cells.csv"):
        assert main(["crosscheck", str(folder), "--out", str(target)]) == 2
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert main(["verify", str(folder)]) == 0


def test_statsmodels_is_imported_when_a_model_is_fitted_and_not_before() -> None:
    told = "import harness.crosscheck, sys; print('statsmodels' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_our_interval_is_that_of_the_cell_alone() -> None:
    every = crosscheck.check(run("gap", "model.dose=0.2"))
    checked = [c for c in every if c.ours.method == "t, skewness-adjusted"]
    assert checked
    for c in checked:
        half = min(
            c.ours.high - c.ours.estimate, c.ours.estimate - c.ours.low
        )  # the side of no tail
        assert half == pytest.approx(stats.t.ppf(0.975, c.scenarios - 1) * c.error)
