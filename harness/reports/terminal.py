"""The scorecard on the terminal: the verdict, what it means in words, then the numbers.

Text goes to Rich as `Text`, so that no answer of a model is read as markup or as an escape code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from harness.records import ATTRIBUTES, Call, Contrast, Scorecard, Verdict
from harness.reports._view import (
    columns,
    interval,
    left_out,
    line,
    matrix,
    names,
    number,
    ordered,
    run_count,
)
from harness.words import SYMBOLS, both, en, zh

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
    if scorecard.summary:
        console.print(_bullets(scorecard.summary))
    console.print(_matrix(scorecard, rich), _key(), sep="\n")
    cells = [cell for cell in ordered(scorecard.cells) if cell.contrast.gated]
    if cells:
        console.print(_cells(cells, rich))
    if scorecard.published:
        console.print(_published(scorecard, rich))
    for note in scorecard.notes:
        console.print(Padding(Text(f"{both('notes')}: {line(note)}", style="dim"), (0, 1)))
    console.print(Padding(Text(en("not_compliance"), style="italic"), (0, 1)))
    console.print(_named(scorecard))  # Again: a long table has scrolled the first lines away.


def _banner(scorecard: Scorecard, rich: bool) -> Panel | Text:
    told, count = _named(scorecard), run_count(scorecard)
    if count:
        told.append(f"\n{both('run_count')}: {count}")
    return Panel(told, border_style=STYLES[scorecard.verdict]) if rich else told


def _named(scorecard: Scorecard) -> Text:
    name = scorecard.verdict
    call = (f"{SYMBOLS[name]} {name} {zh(name)}", STYLES[name])
    return Text.assemble(call, f"  {line(scorecard.reason)}\n{line(scorecard.reason_zh)}")


def _bullets(lines: Sequence[str]) -> Padding:
    table = Table.grid(padding=(0, 1))
    for told in lines:
        table.add_row("•", Text(line(told), overflow="fold"))
    return Padding(table, (0, 0, 1, 1))


def _matrix(scorecard: Scorecard, rich: bool) -> Table:
    """Makes a row for each attribute and a column for each format, its languages side by side."""
    table = new_table("matrix", rich)
    found = matrix(scorecard)
    kinds: dict[str, list[str]] = {}
    for kind, language in columns(scorecard):
        kinds.setdefault(kind, []).append(language)
    table.add_column(Text(en("attribute")), no_wrap=True)
    table.add_column(Text(en("verdict")), no_wrap=True)
    for kind, languages in kinds.items():
        head = " ".join(f"{line(language):<5}" for language in languages)
        table.add_column(Text(f"{line(kind)}\n{head}"), no_wrap=True)
    for name in names(scorecard):
        told = scorecard.attributes.get(name, {}).get("verdict", "")
        blocks = (
            Text(" ").join(_share(found.get((name, kind, language))) for language in languages)
            for kind, languages in kinds.items()
        )
        label = f"{zh(name)} {line(name)}" if name in ATTRIBUTES else line(name)
        table.add_row(Text(label), _verdict(told), *blocks)
    return table


def _key() -> Text:
    marks = [f"{SYMBOLS[call]} {call} {zh(call)}" for call in Call]
    return Text(f"{'   '.join(marks)}   ○ {en('shown_only')}   · {en('not_asked')}\n", style="dim")


def _cells(cells: list[Verdict], rich: bool) -> Table:
    """Makes a row for each cell, under a heading for each attribute."""
    table = new_table("gated", rich)
    table.add_column(Text(en("cell")), ratio=5, overflow="fold")
    for name in ("estimate", "interval", "margin"):
        table.add_column(Text(en(name)), justify="right", no_wrap=True)
    table.add_column(Text(en("verdict")), no_wrap=True)
    table.add_column(Text(en("reason")), ratio=6, overflow="fold")
    above = ""
    for cell in cells:
        c = cell.contrast
        if c.attribute != above:
            above = c.attribute
            table.add_row(Text(both(above) if above in ATTRIBUTES else line(above), "bold"))
        table.add_row(
            Text(two_lines(c)),
            Text(number(c.estimate)),
            Text(interval(c.low, c.high)),
            Text(number(c.margin, signed=False)),
            _verdict(cell.verdict),
            Text(line(cell.reason) + (f" ⇄ {en('cancels')}" if c.cancels else "")),
        )
    return table


def _published(scorecard: Scorecard, rich: bool) -> Table:
    """Makes a row for each number of the set as a whole; its parts are in the files."""
    table = new_table("published", rich)
    table.add_column(Text(en("part")), overflow="fold")
    table.add_column(Text(en("metric")), no_wrap=True)
    for name in ("value", "interval", "answers"):
        table.add_column(Text(en(name)), justify="right", no_wrap=True)
    table.add_column(Text(en("left_out")), overflow="fold")
    for row in scorecard.published:
        if "/" not in row.part:
            numbers = number(row.value), interval(row.low, row.high), f"{row.count:,}"
            told = (f"{row.set} {row.part}", row.metric, *numbers, left_out(row))
            table.add_row(*(Text(line(text)) for text in told))
    return table


def two_lines(c: Contrast) -> str:
    """Names a cell under its attribute, on two lines."""
    arm = "" if c.arm == "explicit" else f" {c.arm}"
    where = line(f"{c.format} {c.language} {c.outcome}{arm}")
    return f"{where}\n  {line(f'{c.group} − {c.reference}')}"


def new_table(title: str, rich: bool) -> Table:
    """Makes a table with rules on a terminal, and with spaces alone elsewhere."""
    return Table(
        title=Text(both(title), style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD if rich else None,
        header_style="dim" if rich else "",
        pad_edge=False,
        collapse_padding=True,
        expand=False,
    )


def _verdict(name: str) -> Text:
    return Text(f"{SYMBOLS.get(name, '')} {name}", STYLES.get(name, "")) if name else Text("—")


def _share(block: tuple[str, int, int] | None) -> Text:
    """Writes one block in five characters: the mark of its verdict and how many cells have it."""
    name, share, of = block or ("", 0, 0)
    text = f"{SYMBOLS[name]}{share}/{of}" if of else "○" if block else "·"
    return Text(f"{text:<5}", STYLES.get(name, "dim"))
