"""`scorecard.md`: the scorecard as a page for a pull request or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from harness.records import Scorecard, Verdict
from harness.reports._view import (
    beside,
    columns,
    hidden,
    interval,
    label,
    left_out,
    line,
    matrix,
    names,
    number,
    ordered,
    run_count,
    save,
)
from harness.words import SYMBOLS, both

SPECIAL = re.compile(r"([\\`*_\[\]|#~!])")


def write(scorecard: Scorecard, folder: Path) -> list[Path]:
    """Writes `scorecard.md`."""
    parts = [*_top(scorecard), *_matrix(scorecard), *_cells(scorecard), *_controls(scorecard)]
    parts += [*_published(scorecard), *_duty(scorecard), *_list("notes", scorecard.notes)]
    return [save(folder / "scorecard.md", ("\n".join(parts) + "\n").encode())]


def plain(text: object) -> str:
    """Puts text on one line in which no character means anything to Markdown or HTML."""
    escaped = line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", escaped).replace("://", ":&#47;/")


def _top(scorecard: Scorecard) -> list[str]:
    head = [f"# {both('title')}", "", f"**{_verdict(scorecard.verdict)}**: "]
    head[-1] += f"{plain(scorecard.reason)} · {plain(scorecard.reason_zh)}"
    lines = [f"- {plain(told)}" for told in scorecard.summary]
    count = run_count(scorecard)
    run = ["", f"{both('run_count')}: {plain(count)}"] if count else []
    return [*head, "", *lines, *run, "", f"> {both('not_compliance')}"]


def _matrix(scorecard: Scorecard) -> list[str]:
    found, shown = matrix(scorecard), columns(scorecard)
    head = ["attribute", "overall", *(f"{both(f)}, {both(at)}" for f, at in shown)]
    rows = []
    for name in names(scorecard):
        verdict = scorecard.attributes.get(name, {}).get("verdict", "")
        blocks = [found.get((name, *column)) for column in shown]
        told = [_verdict(b[0]) + (f" {b[1]}/{b[2]}" if b[2] else "") if b else "—" for b in blocks]
        rows.append([f"**{plain(both(name))}**", _verdict(verdict), *told])
    return table("matrix", head, rows)


def _cells(scorecard: Scorecard) -> list[str]:
    head = ["cell", "estimate", "interval", "interval_fail", "margin", "verdict", "reason"]
    cells = [cell for cell in ordered(scorecard.cells) if cell.contrast.gated]
    return table("gated", head, [_row(cell) for cell in cells])


def _row(cell: Verdict) -> list[str]:
    c = cell.contrast
    return [
        plain(label(c)),
        number(c.estimate),
        interval(c.low, c.high),
        interval(c.low_fail, c.high_fail),
        number(c.margin, signed=False),
        _verdict(cell.verdict),
        f"{plain(cell.reason)} · {plain(cell.reason_zh)}"
        + (f" · ⇄ **{both('cancels')}**" if c.cancels else ""),
    ]


def _controls(scorecard: Scorecard) -> list[str]:
    head = ["control", "probe", "language", "group", "estimate", "interval", "limit", "holds"]
    told = {True: "✓", False: "✗", None: "?"}
    rows = [
        [
            both(c.name) + (f" · {both(c.arm)}" if c.arm == "implicit" else ""),
            *(plain(text) for text in (c.probe, c.language, c.group)),
            number(c.estimate),
            interval(c.low, c.high),
            plain(c.limit),
            told[c.holds] if c.voids or c.holds is not None else "○",
        ]
        for c in scorecard.controls
    ]
    return table("controls", head, rows)


def _published(scorecard: Scorecard) -> list[str]:
    head = ["part", "metric", "value", "interval", "answers", "left_out", "our_cell"]
    rows = [
        [
            plain(f"{row.set} {row.part}"),
            plain(row.metric),
            number(row.value),
            interval(row.low, row.high),
            f"{row.count:,}",
            plain(left_out(row)),
            "; ".join(_ours(cell) for cell in beside(scorecard, row)),
        ]
        for row in scorecard.published
    ]
    told = [f"{name}: {' · '.join(said)}" for name, said in hidden(scorecard).items()]
    return [*table("published", head, rows), *_list("hides", told)]


def _ours(cell: Verdict) -> str:
    c = cell.contrast
    told = f"{plain(c.group)} {number(c.estimate)} {interval(c.low, c.high)}"
    return f"{told} {_verdict(cell.verdict)}"


def _duty(scorecard: Scorecard) -> list[str]:
    fields = ("name", "article", "zh", "en", "mark", "statement")
    return _list("duty", [scorecard.clause[name] for name in fields if scorecard.clause.get(name)])


def table(title: str, head: list[str], rows: list[list[str]]) -> list[str]:
    """Returns the lines of a table under its heading; none without rows."""
    if not rows:
        return []
    named = [both(name) for name in head]
    body = [f"| {' | '.join(row)} |" for row in (named, ["---"] * len(named), *rows)]
    return ["", f"## {both(title)}", "", *body]


def _list(title: str, lines: Iterable[str]) -> list[str]:
    told = [f"- {plain(text)}" for text in lines]
    return ["", f"## {both(title)}", "", *told] if told else []


def _verdict(name: str) -> str:
    return f"{SYMBOLS.get(name, '')} {both(name)}".strip() if name else "—"
