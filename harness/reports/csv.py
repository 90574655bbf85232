"""`cells.csv` and, of a published set, `published.csv`: rows that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.records import Scorecard
from harness.reports._view import clean, save
from harness.reports.json import to_dict

STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes the tables, in UTF-8 with the mark by which spreadsheets know it."""
    found = to_dict(scorecard)
    written = [_table(folder / "cells.csv", found["cells"])]
    if found["published"]:
        written.append(_table(folder / "published.csv", found["published"]))
    return written


def _table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    text = io.StringIO(newline="")
    flat = [_flat(row) for row in rows]
    if flat:
        table = csv.DictWriter(text, list(flat[0]), lineterminator="\r\n")
        table.writeheader()
        table.writerows(flat)
    return save(path, text.getvalue().encode("utf-8-sig"))


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
