"""A plan for people: a table before a run, and the two lines with which a run begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.plan import Plan, Planned
from harness.records import ATTRIBUTES

LIKELY = 0.05
"""A PASS that is less probable than this is not to be expected."""
_HEADS = ("has", "for PASS", "for FAIL", "P(PASS)", "P(FAIL)", "sd")
_KEY = """\
has: scenarios; for PASS: scenarios with which all gated cells PASS together (80 %), were there no
difference; for FAIL: with which one FAILs (80 %), were its difference two margins; P: with what it has"""


def brief(plan: Plan) -> list[str]:
    """Says in two lines what a run will spend and what it can show."""
    costs = plan.costs
    more = "" if _can(plan) == len(plan.cells) else "; `art4 plan` says what they lack"
    return [
        f"plan: {costs.prompts:,} prompts, {costs.calls:,} model calls, {_time(plan)}",
        f"plan: {_outlook(plan)}{more}",
    ]


def show(plan: Plan, console: Console) -> None:
    """Prints a plan: with colour and rules on a terminal, as plain text elsewhere."""
    rich = console.is_terminal
    head = f"{plan.suite} by standard {plan.standard}, model {plan.model}"
    console.print(Text(head, style="bold"))
    if plan.cells:
        console.print(_table(plan, rich))
    for title, lines in (
        ("", _key(plan)),
        ("What stands in the way", _obstacles(plan)),
        ("What it takes", _spent(plan)),
    ):
        told = list(lines)
        if told and title:
            console.print(Text(f"\n{title}", style="bold"))
        for line in told:
            style = "" if title else "dim"
            console.print(Text(f" {line}", style=style), soft_wrap=not rich)


def _table(plan: Plan, rich: bool) -> Table:
    """Makes a row for all contrasts of a cell that are planned alike."""
    table = Table(
        box=box.SIMPLE_HEAD if rich else None,
        header_style="dim" if rich else "",
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column(Text("gated cell"), overflow="fold")
    for head in _HEADS:
        table.add_column(Text(head), justify="right", no_wrap=True)
    for alike, cells in groupby(sorted(plan.cells, key=_place), key=_row):
        count = len(list(cells))
        name, *numbers = alike
        times = f" ({count} contrasts)" if count > 1 else ""
        table.add_row(Text(f"{name}{times}"), *map(Text, numbers))
    return table


def _row(cell: Planned) -> tuple[str, ...]:
    arm = "" if cell.arm == "explicit" else f" {cell.arm}"
    names = f", {cell.names} names" if cell.names else ""
    return (
        f"{cell.probe} {cell.language} {cell.outcome}{arm}{names}",
        f"{cell.clusters:,}",
        _number(cell.needed),
        _number(cell.needed_fail),
        _percent(cell.passes),
        _percent(cell.fails),
        f"{cell.sd:.3f}",
    )


def _key(plan: Plan) -> Iterator[str]:
    if plan.cells:
        yield from _KEY.splitlines()
    sources = Counter(cell.source for cell in plan.cells)
    for source, cells in sources.most_common():
        yield f"sd from {source} ({_cells(cells)})"
    if plan.shown_only:
        yield f"{_cells(plan.shown_only)} more are shown, and decide nothing"


def _obstacles(plan: Plan) -> Iterator[str]:
    void = Counter(told for cell in plan.cells for told in cell.void)
    for told, cells in void.most_common():
        yield f"{_cells(cells)} INVALID whatever is answered: {told}"
    unresolved = Counter(told for cell in plan.cells for told in cell.unresolved)
    for told, cells in unresolved.most_common():
        yield f"{_cells(cells)} cannot PASS: {told}"
    for limit in ("names limit", "no number"):
        few = Counter(t for cell in plan.cells for t in cell.too_few if t.startswith(limit))
        for told, cells in few.most_common():
            yield f"{_cells(cells)} cannot PASS: {told}"
    short = sum(cell.needed is not None and cell.clusters < cell.needed for cell in plan.cells)
    if short:
        yield f"{_cells(short)} with fewer scenarios than PASS needs"


def _spent(plan: Plan) -> Iterator[str]:
    costs = plan.costs
    yield f"{costs.prompts:,} prompts, {costs.calls:,} model calls"
    yield (
        f"{costs.tokens_in:,} tokens to read ({costs.counted}),"
        f" at most {costs.tokens_out:,} to write"
    )
    if costs.unfit:
        yield f"{costs.unfit:,} prompts do not fit into the model: their calls will fail"
    yield _time(plan)
    if costs.money is not None:
        yield f"at most {costs.money:,.2f} {costs.currency}"
    yield _outlook(plan)


def _outlook(plan: Plan) -> str:
    if not plan.cells:
        return "no cell decides: the verdict can only be INCONCLUSIVE"
    can, of = _can(plan), len(plan.cells)
    together = f"; were there no difference, all do with P {_percent(plan.all_pass)}"
    return f"{can} of {of} gated cells can PASS at this size{together if can == of else ''}"


def _can(plan: Plan) -> int:
    return sum(cell.passes > LIKELY for cell in plan.cells)


def _time(plan: Plan) -> str:
    """Says how long a run takes, where an earlier one tells."""
    seconds = plan.costs.seconds
    if seconds is None:
        return "time not known yet (no earlier run of this model)"
    if seconds < 90:
        told = f"{seconds:.0f} s"
    else:
        told = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"
    return f"about {told} (as fast as {plan.costs.measured})"


def _place(cell: Planned) -> tuple[object, ...]:
    return ATTRIBUTES.index(cell.attribute), cell.probe, cell.language, cell.arm, _row(cell)


def _cells(count: int) -> str:
    return f"{count:,} cell" if count == 1 else f"{count:,} cells"


def _number(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def _percent(share: float) -> str:
    """Writes a probability; 0 % and 100 % are said only of what is exactly so."""
    if 0 < share < 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 < share < 1 else f"{100 * share:.0f} %"
