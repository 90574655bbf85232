"""`comparison.md`: the comparison as a page for a pull request or a wiki."""

from __future__ import annotations

from pathlib import Path

from harness.comparisons import _told
from harness.records import Change, Comparison
from harness.reports._page import model
from harness.reports._view import interval, label, number, save
from harness.reports.markdown import plain, table
from harness.words import SYMBOLS, both

_MOST = 20
"""Scenarios that are listed; comparison.json has all that were kept."""


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes `comparison.md`."""
    parts = [*_top(comparison), *_changed(comparison), *_cells(comparison), *_flips(comparison)]
    parts += ["", f"## {both('notes')}", "", *(f"- {plain(note)}" for note in comparison.notes)]
    return [save(folder / "comparison.md", ("\n".join(parts) + "\n").encode())]


def _top(comparison: Comparison) -> list[str]:
    runs = (
        ("baseline", comparison.baseline, comparison.before),
        ("candidate", comparison.candidate, comparison.after),
    )
    return [
        f"# {both('comparison_title')}",
        "",
        f"**{_named(comparison.call)}**: {plain(comparison.reason)} · {plain(comparison.reason_zh)}",
        "",
        *(
            f"- {both(name)}: {plain(model(run))} ({plain(run.get('folder', ''))}): {_named(call)}"
            for name, run, call in runs
        ),
        f"- {both('compared_prompts')}: {_told.left_out(comparison.prompts)}",
        "",
        f"> {both('not_compliance')}",
    ]


def _changed(comparison: Comparison) -> list[str]:
    head = ["cell", "baseline", "candidate"]
    rows = [
        [
            plain(label(c.after.contrast)),
            _named(c.before.verdict),
            _named(c.after.verdict),
        ]
        for c in _told.changed(comparison)
    ]
    return table("changed_verdicts", head, rows)


def _cells(comparison: Comparison) -> list[str]:
    head = ["cell", "baseline", "candidate", "growth", "growth_interval", "tolerated", "call"]
    rows = [_row(change) for change in _told.gated(comparison)]
    return table("changes", [*head, "reason"], rows)


def _row(change: Change) -> list[str]:
    return [
        plain(label(change.after.contrast)),
        number(change.before.contrast.estimate),
        number(change.after.contrast.estimate),
        number(change.estimate),
        interval(change.low, change.high),
        number(change.tolerated, signed=False),
        _named(change.call),
        f"{plain(change.reason)} · {plain(change.reason_zh)}",
    ]


def _flips(comparison: Comparison) -> list[str]:
    head = ["probe", "language", "scenario", "before", "after", "group", "answer"]
    rows = []
    for flip in comparison.flips[:_MOST]:
        for was, now in zip(flip.before.sides, flip.after.sides, strict=True):
            answers = (
                f"{_cut(side.get('answer', ''))} ({side.get('value', '')})" for side in (was, now)
            )
            rows.append(
                [
                    *(
                        plain(t)
                        for t in (flip.after.probe, flip.after.language, flip.after.scenario)
                    ),
                    number(flip.before.difference),
                    number(flip.after.difference),
                    plain(now.get("group", "")),
                    " → ".join(plain(answer) for answer in answers),
                ]
            )
    return table("flips", head, rows)


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]} …"


def _named(name: str) -> str:
    return f"{SYMBOLS[name]} {both(name)}"
