"""Writes docs/performance.md from what the benchmarks wrote: `python -m bench.page`."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from bench._table import FOLDER

ORDER = ("likelihood", "endpoint", "scale", "start", "scorecard", "statistics")
HEAD = """# Performance
Each table is what its command printed last, in one run on two cores of an AMD EPYC without a GPU.
`ratio` compares with the other tool, the limit of the machine or the line to reach, as the command
says; `MISSED` is a line that this machine did not reach. A GPU was not at hand: what it would add is
unmeasured.
"""
_HOLDS = {True: "holds", False: "**MISSED**", None: ""}


def page() -> Iterator[str]:
    """Yields the parts of the page."""
    yield HEAD
    for name in ORDER:
        found = FOLDER / f"{name}.json"
        if not found.is_file():
            continue
        source = (Path(__file__).parent / f"{name}.py").read_text("utf-8")
        told = (ast.get_docstring(ast.parse(source)) or "").partition("\n")
        rest = told[2].strip("\n")
        yield f"\n## {told[0].rstrip('.')}\n\n{rest}\n"
        note = Path(FOLDER / f"{name}.md")
        if note.is_file():
            yield f"\n{note.read_text('utf-8').strip()}\n"
        yield "\n| work | tool | value | unit | ratio | limit | |\n|---|---|---:|---|---:|---|---|\n"
        for row in json.loads(found.read_text("utf-8")):
            unit = row["unit"].replace("|", "\\|")
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}"
            yield (
                f"| {row['work']} | {row['tool']} | {row['value']:.4g} | {unit} | {ratio}"
                f" | {row['limit']} | {_HOLDS[row['holds']]} |\n"
            )


if __name__ == "__main__":
    (FOLDER.parent / "performance.md").write_text("".join(page()), "utf-8")
