import csv
from pathlib import Path
from typing import Any

import pytest

from harness.records import Scorecard
from harness.reports import csv as report


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\t=x", "'\t=x"),
        ("\r=x", "'⟨U+000D⟩=x"),
        ("  =x", "'  =x"),
        ("＝x", "'＝x"),
        ("回族", "回族"),
        ("a=b", "a=b"),
        (-0.05, -0.05),
        (3, 3),
        (None, None),
        (True, True),
    ],
)
def test_text_is_no_formula_and_a_number_stays_one(value: Any, shown: Any) -> None:
    assert report.neutral(value) == shown


def test_every_cell_is_a_row(card: Scorecard, tmp_path: Path) -> None:
    (path,) = report.write(card, tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(card.cells)
    failed = next(row for row in rows if row["verdict"] == "FAIL" and row["language"] == "zh")
    assert float(failed["estimate"]) == -0.121
    assert next(row for row in rows if row["verdict"] == "INVALID")["missing_unparsed"] == "71"


def test_no_field_of_a_hostile_scorecard_starts_a_formula(
    attack: Scorecard, tmp_path: Path
) -> None:
    (path,) = report.write(attack, tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        fields = [field for row in csv.reader(file) for field in row]
    risky = [f for f in fields if f.startswith(report.STARTS_FORMULA)]
    assert all(isinstance(float(field), float) for field in risky)
    assert "'=1+1" in fields
