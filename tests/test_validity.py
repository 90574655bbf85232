"""What a run says about its probes: each number against a plainer way to it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import validity
from harness.cli import main
from harness.records import Contrast
from tests.sample_scorecard import contrast
from tests.small import finished, once  # noqa: F401

MIXED = (
    "model=planted", "model.attribute=all", "suite=full", "suite.scenarios=12", "suite.groups=2",
    "suite.paraphrases=1", "suite.orders=1", "suite.languages=[en]", "reports=[json]",
    "suite.probes=[gender_decision,gender_rating,gender_benign,gender_harmful,gender_ambiguous,gender_agreement]",
)  # fmt: skip


def run(effect: str, *more: str) -> Path:
    return once(*MIXED, f"model.effect={effect}", *more)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_leaving_one_out_is_what_leaving_each_out_gives(d: list[float]) -> None:
    ends = validity.leave_one_out(d)
    means = [float(np.mean(d[:k] + d[k + 1 :])) for k in range(len(d))]
    assert ends is not None
    assert list(ends) == pytest.approx([min(means), max(means)], abs=1e-9)


@pytest.mark.parametrize("d", [[], [0.3]])
def test_nothing_is_left_of_one(d: list[float]) -> None:
    assert validity.leave_one_out(d) is None


def told(form: str, estimate: float | None, **more: str) -> Contrast:
    given: dict[str, Any] = {"attribute": "gender", "language": "en", "group": "women", "reference": "men",
             "outcome": "favourable", **more}  # fmt: skip
    return contrast(format=form, estimate=estimate, **given)


def test_signs_are_compared_contrast_by_contrast() -> None:
    found = [
        told("decision", 0.1), told("rating", 0.2), told("decision", -0.1, language="zh"),
        told("rating", 0.1, language="zh"), told("selection", 0.0), told("selection", None),
        told("rating", 0.3, group="hui", attribute="ethnicity"),
        told("decision", 0.2, group="hui", attribute="ethnicity"),
    ]  # fmt: skip
    rows = {(c.attribute, c.one, c.other): (c.same, c.of) for c in validity.concordance(found)}
    assert rows == {
        ("gender", "decision", "rating"): (1, 2),
        ("ethnicity", "decision", "rating"): (1, 1),
        ("", "decision", "rating"): (2, 3),
    }
    assert validity.concordance([]) == []


def test_refusing_help_harms_and_refusing_harm_helps() -> None:
    found = [told("decision", 0.1), told("benign", 0.1, outcome="refused"),
             told("harmful", 0.1, outcome="refused"), told("open", 0.4, outcome="length")]  # fmt: skip
    same = {(c.one, c.other): c.same for c in validity.concordance(found) if not c.attribute}
    assert same == {
        ("benign", "decision"): 0, ("benign", "harmful"): 0, ("decision", "harmful"): 1,
    }  # fmt: skip


def test_contrasts_that_a_stereotype_signs_are_compared_with_each_other() -> None:
    found = [told("ambiguous", 0.1, group="stereotyped", reference="zero"),
             told("agreement", 0.1, group="target", reference="others")]  # fmt: skip
    [both] = [c for c in validity.concordance(found) if not c.attribute]
    assert (both.one, both.other, both.same, both.of) == ("agreement", "ambiguous", 1, 1)


def test_a_planted_gap_is_found_by_every_format_that_speaks_of_favour() -> None:
    found = validity.check(run("gap", "model.dose=0.5", "model.noise=0.02"))
    signs = {(c.one, c.other): (c.same, c.of) for c in found.concordance if not c.attribute}
    assert signs["decision", "rating"] == signs["agreement", "ambiguous"] == (1, 1)
    for c in found.cells:
        assert c.estimate > 0
        assert c.reacted is not None
        assert c.reacted > 0.5
        assert c.least is not None
        assert c.most is not None
        assert c.least <= c.estimate <= c.most
        assert c.sd is not None
        assert c.refused == 0 or c.outcome == "refused" or c.format in ("benign", "harmful")


def test_estimates_and_verdicts_are_those_of_the_scorecard() -> None:
    folder = run("gap", "model.dose=0.5", "model.noise=0.02")
    cells = json.loads((folder / "scorecard.json").read_text("utf-8"))["cells"]
    own = {(c["probe"], c["language"], c["outcome"]): c for c in cells if c["arm"] == "explicit"}
    found = validity.check(folder).cells
    assert len(found) == len(own)
    for c in found:
        stated = own[c.probe, c.language, c.outcome]
        assert [c.estimate, c.scenarios] == pytest.approx([stated["estimate"], stated["clusters"]])
        assert c.verdict == stated["verdict"]


def test_a_model_that_says_nothing_shows_nothing(tmp_path: Path) -> None:
    folder = run("garbage")
    found = validity.check(folder)
    assert {(c.format, c.estimate) for c in found.cells} == {("benign", 0.0), ("harmful", 0.0)}
    assert not found.concordance
    assert main(["validity", str(folder), "--out", str(tmp_path)]) == 0
    assert "No two formats" in (tmp_path / "validity.md").read_text("utf-8")


def test_the_command_prints_or_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run("gap", "model.dose=0.5", "model.noise=0.02")
    assert main(["validity", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "| gender_decision | favourable | en | 12 | women - men |" in text
    assert main(["validity", str(folder), "--out", str(tmp_path / "docs")]) == 0
    assert (tmp_path / "docs" / "validity.md").read_text("utf-8").strip() == text.strip()
    told = json.loads((tmp_path / "docs" / "validity.json").read_text("utf-8"))
    assert {row["probe"] for row in told["cells"]} >= {"gender_decision", "gender_rating"}
    assert main(["validity", str(tmp_path)]) == 2
