import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.records import Contrast, Scorecard
from harness.reports import json as report
from tests.sample_scorecard import contrast

SCHEMA = Path(__file__).parents[2] / "docs" / "scorecard.schema.json"


def stored(card: Scorecard) -> Scorecard:
    """What is left of a scorecard once it is stored."""

    def bare(found: Contrast) -> Contrast:
        return replace(found, differences=(), scenarios=())

    return replace(card, cells=tuple(replace(c, contrast=bare(c.contrast)) for c in card.cells))


def written(card: Scorecard, folder: Path) -> Any:
    (path,) = report.write(card, folder)

    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is not strict JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("name", ["card", "attack"])
def test_a_scorecard_is_read_back_as_it_was(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    card = request.getfixturevalue(name)
    (path,) = report.write(card, tmp_path)
    assert report.read(path) == stored(card)


@pytest.mark.parametrize("name", ["card", "attack"])
def test_the_file_follows_the_published_schema(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    found = written(request.getfixturevalue(name), tmp_path)
    assert [e.message for e in Draft202012Validator(schema).iter_errors(found)] == []


def test_the_schema_refuses_an_invented_verdict_and_a_missing_number(
    card: Scorecard, tmp_path: Path
) -> None:
    check = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    found = written(card, tmp_path)
    assert not check.is_valid({**found, "verdict": "COMPLIANT"})
    del found["cells"][0]["margin"]
    assert not check.is_valid(found)


def test_what_is_not_a_number_is_null(card: Scorecard, tmp_path: Path) -> None:
    odd = contrast(estimate=math.nan, high=math.inf, margin=math.inf, n_eff=math.nan)
    cells = (replace(card.cells[0], contrast=odd),)
    found = written(replace(card, cells=cells, run={"x": [math.nan]}), tmp_path)
    cell = found["cells"][0]
    assert [cell[name] for name in ("estimate", "high", "margin", "n_eff")] == [None] * 4
    assert found["run"] == {"x": [None]}
    again = report.read(tmp_path / "scorecard.json").cells[0].contrast
    assert again.estimate is None
    assert math.isnan(again.margin)
