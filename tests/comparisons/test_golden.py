"""The bytes of each report of the sample comparison.

To take over a change that is meant: `python -m tests.comparisons.test_golden`, then read the diff.
"""

from pathlib import Path

import pytest

from harness.comparisons import html, json, junit, markdown
from harness.reports import _view
from tests.sample_comparison import comparison

GOLDEN = Path(__file__).parents[1] / "golden" / "comparison"


def write(folder: Path) -> list[Path]:
    page = _view.save(folder / "comparison.html", html.render(comparison()).encode())
    plain = [path for r in (json, markdown, junit) for path in r.write(comparison(), folder)]
    return [*plain, page]


@pytest.mark.parametrize(
    "name", ["comparison.json", "comparison.md", "comparison.html", "junit.xml"]
)
def test_a_report_has_the_bytes_that_were_agreed(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    same = (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()
    assert same, f"{name} changed; if that is meant: python -m tests.comparisons.test_golden"


if __name__ == "__main__":
    write(GOLDEN)
