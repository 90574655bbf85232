"""`scorecard.json`: every number of the scorecard, for other programs.

Strict JSON (what is not a number is null) that follows docs/scorecard.schema.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.records import (
    Call,
    Contrast,
    Control,
    Example,
    Missing,
    Pairwise,
    Published,
    Scorecard,
    Verdict,
)
from harness.reports._view import save

LEFT_OUT = ("differences", "scenarios", "variance", "freedom")
"""Stored in contrasts.parquet, and too long, or too technical, for a summary."""
TOLD = ("standard", "reason", "reason_zh")
"""What a verdict says besides its contrast and its call."""


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `scorecard.json`."""
    return [save(folder / "scorecard.json", encoded(to_dict(scorecard)))]


def read(path: Path) -> Scorecard:
    """Reads a scorecard back; the differences behind each contrast come back empty."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Scorecard(
        schema=found["schema"],
        run=found["run"],
        verdict=Call(found["verdict"]),
        reason=found["reason"],
        reason_zh=found["reason_zh"],
        summary=tuple(found["summary"]),
        attributes=found["attributes"],
        cells=tuple(_verdict(cell) for cell in found["cells"]),
        controls=tuple(Control(**control) for control in found["controls"]),
        pairwise=tuple(Pairwise(**pair) for pair in found["pairwise"]),
        suspects=tuple(found["suspects"]),
        examples=tuple(Example(**{**e, "sides": tuple(e["sides"])}) for e in found["examples"]),
        clause=found["clause"],
        notes=tuple(found["notes"]),
        published=tuple(_published(row) for row in found.get("published", ())),
    )


def to_dict(scorecard: Scorecard) -> dict[str, Any]:
    """Returns the scorecard as plain data that strict JSON can hold."""
    whole = {
        "schema": scorecard.schema,
        "verdict": scorecard.verdict,
        "reason": scorecard.reason,
        "reason_zh": scorecard.reason_zh,
        "summary": scorecard.summary,
        "attributes": scorecard.attributes,
        "cells": [_cell(cell) for cell in scorecard.cells],
        "controls": [asdict(control) for control in scorecard.controls],
        "pairwise": [asdict(pair) for pair in scorecard.pairwise],
        "suspects": scorecard.suspects,
        "examples": [asdict(example) for example in scorecard.examples],
        "clause": scorecard.clause,
        "notes": scorecard.notes,
        "published": [asdict(row) for row in scorecard.published],
        "run": scorecard.run,
    }
    found: dict[str, Any] = plain(whole)
    return found


def _cell(cell: Verdict) -> dict[str, Any]:
    contrast = asdict(cell.contrast)
    numbers = {key: value for key, value in contrast.items() if key not in LEFT_OUT}
    told = {name: getattr(cell, name) for name in TOLD}
    return {**numbers, "verdict": cell.verdict, **told}


def _verdict(cell: Mapping[str, Any]) -> Verdict:
    rest = dict(cell)
    told = {name: rest.pop(name) for name in TOLD}
    call = Call(rest.pop("verdict"))
    rest["missing"] = Missing(**rest["missing"])
    rest["bounds"] = tuple(rest["bounds"]) if rest["bounds"] else None
    for name in ("margin", "n_eff"):
        rest[name] = math.nan if rest[name] is None else rest[name]
    return Verdict(contrast=Contrast(**rest, differences=(), scenarios=()), verdict=call, **told)


def _published(row: Mapping[str, Any]) -> Published:
    return Published(**{**row, "missing": Missing(**row["missing"])})


def encoded(found: Mapping[str, Any]) -> bytes:
    """Returns strict JSON; a lone surrogate becomes its own JSON escape."""
    text = json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False)
    return f"{text}\n".encode(errors="backslashreplace")


def plain(value: Any) -> Any:
    """Returns what strict JSON can hold: what is not a number becomes None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
