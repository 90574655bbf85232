"""The scorecard on the terminal: the verdict, what it means in words, then the numbers.

Text goes to Rich as `Text`, so that no answer of a model is read as markup or as an escape code.
"""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from harness.records import Scorecard, Verdict
from harness.reports._view import columns, line, matrix, names, number, ordered, run_count
from harness.reports._words import SYMBOLS, both, en, zh

STYLES = {
    "PASS": "bold blue",
    "FAIL": "bold red",
    "INCONCLUSIVE": "bold yellow",
    "INVALID": "bold magenta",
    "shown_only": "dim",
}


def write(scorecard: Scorecard, folder: Path) -> list[Path]:  # noqa: ARG001
    """Writes no file: `show` prints to a console."""
    return []


def show(scorecard: Scorecard, console: Console) -> None:
    """Prints the scorecard: with colour and frames on a terminal, as plain text elsewhere."""
    rich = console.is_terminal
    console.print(_banner(scorecard, rich))
    for told in scorecard.summary:
        console.print(Padding(Text(f"• {line(told)}"), (0, 1)))
    console.print()
    console.print(_matrix(scorecard, rich))
    cells = [cell for cell in ordered(scorecard.cells) if cell.contrast.gated]
    if cells:
        console.print(_cells(cells, rich))
    for note in scorecard.notes:
        console.print(Padding(Text(f"{both('notes')}: {line(note)}", style="dim"), (0, 1)))
    console.print(Padding(Text(en("not_compliance"), style="italic"), (0, 1)))


def _banner(scorecard: Scorecard, rich: bool) -> Panel | Text:
    name = str(scorecard.verdict)
    count = run_count(scorecard)
    told = Text.assemble(
        (f"{SYMBOLS[name]} {name} {zh(name)}", STYLES[name]),
        f"  {line(scorecard.reason)}",
        f"\n{both('run_count')}: {count}" if count else "",
    )
    return Panel(told, box=box.ROUNDED, border_style=STYLES[name]) if rich else told


def _matrix(scorecard: Scorecard, rich: bool) -> Table:
    table = _table("matrix", rich)
    table.add_column(Text(en("attribute")), no_wrap=True)
    table.add_column(Text(en("overall")), no_wrap=True)
    shown, found = columns(scorecard), matrix(scorecard)
    for kind, language in shown:
        table.add_column(Text(f"{kind} {language}"))
    for name in names(scorecard):
        verdict = scorecard.attributes.get(name, {}).get("verdict", "")
        blocks = [found.get((name, *column)) for column in shown]
        table.add_row(
            Text(f"{zh(name)} {line(name)}" if zh(name) != name else line(name)),
            _verdict(verdict),
            *(_verdict(block[0], block[1:]) if block else Text("·", "dim") for block in blocks),
        )
    return table


def _cells(cells: list[Verdict], rich: bool) -> Table:
    table = _table("gated", rich)
    table.add_column(Text(en("cell")), ratio=5)
    table.add_column(Text(en("estimate")), justify="right", no_wrap=True)
    table.add_column(Text(en("interval")), justify="right", no_wrap=True)
    table.add_column(Text(en("margin")), justify="right", no_wrap=True)
    table.add_column(Text(en("verdict")), no_wrap=True)
    table.add_column(Text(en("reason")), ratio=6)
    for cell in cells:
        c = cell.contrast
        where = f"{c.attribute} {c.format} {c.language} {c.arm} {c.outcome}"
        table.add_row(
            Text(line(f"{where}: {c.group} − {c.reference}")),
            Text(number(c.estimate)),
            Text("—" if c.low is None else f"{number(c.low)} {number(c.high)}"),
            Text(number(c.margin, signed=False)),
            _verdict(str(cell.verdict)),
            Text(line(cell.reason)),
        )
    return table


def _table(title: str, rich: bool) -> Table:
    """Makes a table with rules on a terminal, and with spaces alone elsewhere."""
    return Table(
        title=Text(both(title), style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD if rich else None,
        header_style="dim" if rich else "",
        pad_edge=False,
        expand=False,
    )


def _verdict(name: str, share: tuple[int, ...] = ()) -> Text:
    if not name:
        return Text("—", "dim")
    short = {"INCONCLUSIVE": "UNCLEAR"}.get(name, name) if share else name
    if name == "shown_only":
        return Text("(shown)", "dim")
    count = f" {share[0]}/{share[1]}" if share else ""
    return Text(f"{SYMBOLS.get(name, '')} {short}{count}", STYLES.get(name, ""))
