"""The comparison on the terminal: the call, the verdicts that changed, then the numbers.

Text goes to Rich as `Text`, so that no answer of a model is read as markup or as an escape code.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from harness.comparisons import _told
from harness.records import Comparison
from harness.reports._page import model
from harness.reports._view import interval, label, line, number
from harness.reports.terminal import STYLES, new_table, two_lines
from harness.words import SYMBOLS, both, en, zh

TRENDS = {**STYLES, "REGRESSION": "bold red", "OK": "bold blue"}


def write(comparison: Comparison, folder: Path) -> list[Path]:  # noqa: ARG001
    """Writes no file: `show` prints to a console."""
    return []


def show(comparison: Comparison, console: Console) -> None:
    """Prints the comparison: with colour and frames on a terminal, as plain text elsewhere."""
    rich = console.is_terminal
    named = _named(comparison)
    console.print(Panel(named, border_style=TRENDS[comparison.call]) if rich else named)
    console.print(_runs(comparison))
    if _told.changed(comparison):
        console.print(_changed(comparison, rich))
    if _told.gated(comparison):
        console.print(_cells(comparison, rich))
    for note in comparison.notes:
        console.print(Padding(Text(f"{both('notes')}: {line(note)}", style="dim"), (0, 1)))
    console.print(Padding(Text(en("not_compliance"), style="italic"), (0, 1)))
    console.print(named)  # Again: a long table has scrolled the first lines away.


def _named(comparison: Comparison) -> Text:
    name = comparison.call
    call = (f"{SYMBOLS[name]} {name} {zh(name)}", TRENDS[name])
    return Text.assemble(call, f"  {line(comparison.reason)}\n{line(comparison.reason_zh)}")


def _runs(comparison: Comparison) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, run, call in (
        ("baseline", comparison.baseline, comparison.before),
        ("candidate", comparison.candidate, comparison.after),
    ):
        told = f"{line(model(run))} ({line(run.get('folder', ''))})"
        table.add_row(Text(both(name)), _verdict(call), Text(told, overflow="fold"))
    counts = Text(_told.left_out(comparison.prompts), overflow="fold")
    table.add_row(Text(both("compared_prompts")), Text(), counts)
    return table


def _changed(comparison: Comparison, rich: bool) -> Table:
    table = new_table("changed_verdicts", rich)
    table.add_column(Text(en("cell")), overflow="fold")
    for name in ("baseline", "candidate"):
        table.add_column(Text(en(name)), no_wrap=True)
    for c in _told.changed(comparison):
        mark = "" if c.after.contrast.gated else f" ({en('shown_only')})"
        cell = Text(f"{line(label(c.after.contrast))}{mark}")
        table.add_row(cell, _verdict(c.before.verdict), _verdict(c.after.verdict))
    return table


def _cells(comparison: Comparison, rich: bool) -> Table:
    table = new_table("changes", rich)
    table.add_column(Text(en("cell")), ratio=5, overflow="fold")
    head = f"{en('baseline')}\n→ {en('candidate')}"
    for name in (head, en("growth")):
        table.add_column(Text(name), justify="right", no_wrap=True)
    table.add_column(Text(en("call")), no_wrap=True)
    table.add_column(Text(en("reason")), ratio=6, overflow="fold")
    above = ""
    for change in _told.gated(comparison):
        c = change.after.contrast
        if c.attribute != above:
            above = c.attribute
            table.add_row(Text(line(both(above)), "bold"))
        table.add_row(
            Text(two_lines(c)),
            Text(f"{number(change.before.contrast.estimate)}\n→ {number(c.estimate)}"),
            Text(f"{number(change.estimate)}\n{interval(change.low, change.high)}"),
            _verdict(change.call),
            Text(line(change.reason)),
        )
    return table


def _verdict(name: str) -> Text:
    return Text(f"{SYMBOLS[name]} {name}", TRENDS[name])
