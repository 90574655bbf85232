"""`comparison.json`: every number of the comparison, for other programs.

Strict JSON (what is not a number is null) that follows docs/comparison.schema.json.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.records import Change, Comparison, Verdict
from harness.reports._view import save
from harness.reports.json import encoded, plain

_CELL = (
    "probe", "attribute", "format", "language", "arm", "outcome", "group", "reference", "gated",
    "margin",
)  # fmt: skip
_SIDE = ("estimate", "low", "high", "low_fail", "high_fail", "p_adjusted", "clusters", "method")
_CHANGE = (
    "estimate", "low", "high", "tolerated", "p", "p_adjusted", "method", "clusters", "flipped",
    "call", "reason", "reason_zh",
)  # fmt: skip


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes `comparison.json`."""
    return [save(folder / "comparison.json", encoded(to_dict(comparison)))]


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Returns the comparison as plain data that strict JSON can hold."""
    whole = {
        "schema": comparison.schema,
        "call": comparison.call,
        "reason": comparison.reason,
        "reason_zh": comparison.reason_zh,
        "verdicts": {"baseline": comparison.before, "candidate": comparison.after},
        "prompts": comparison.prompts,
        "cells": [_cell(change) for change in comparison.cells],
        "flips": [
            {"before": asdict(flip.before), "after": asdict(flip.after)}
            for flip in comparison.flips
        ],
        "notes": comparison.notes,
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
    }
    found: dict[str, Any] = plain(whole)
    return found


def _cell(change: Change) -> dict[str, Any]:
    return {
        **{name: getattr(change.after.contrast, name) for name in _CELL},
        **{name: getattr(change, name) for name in _CHANGE},
        "baseline": _side(change.before),
        "candidate": _side(change.after),
    }


def _side(verdict: Verdict) -> dict[str, Any]:
    numbers = {name: getattr(verdict.contrast, name) for name in _SIDE}
    return {
        **numbers,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "reason_zh": verdict.reason_zh,
    }
