"""`cells.csv`: a row for each cell, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.records import Scorecard
from harness.reports._view import clean, save
from harness.reports.json import to_dict

STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `cells.csv`, in UTF-8 with the mark by which spreadsheets know it."""
    rows = [_flat(cell) for cell in to_dict(scorecard)["cells"]]
    text = io.StringIO(newline="")
    if rows:
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
        table.writeheader()
        table.writerows(rows)
    return [save(folder / "cells.csv", text.getvalue().encode("utf-8-sig"))]


def neutral(value: Any) -> Any:
    """Keeps numbers; puts an apostrophe before text that a spreadsheet would run as a formula."""
    if not isinstance(value, str):
        return value
    text = clean(value)
    risky = value.startswith(STARTS_FORMULA) or text.lstrip().startswith(STARTS_FORMULA)
    return f"'{text}" if risky else text


def _flat(cell: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in cell.items():
        if name == "missing":
            row |= {f"missing_{reason}": count for reason, count in value.items()}
        elif name == "bounds":
            row["bounds_low"], row["bounds_high"] = value or (None, None)
        else:
            row[name] = neutral(value)
    return row
