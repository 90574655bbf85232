"""A file that no set could hold is refused in words, whatever its reader raises."""

from pathlib import Path

import pytest

from harness.benchmarks import kobbq, stereoset
from harness.benchmarks._source import Source, read
from harness.errors import BadProbe


@pytest.mark.parametrize(
    ("source", "name", "content"),
    [
        (kobbq.SET, "a.tsv", '"a'),
        (kobbq.SET, "a.tsv", f"a\tb\n{'x' * 200_000}\t1\n"),
        (stereoset.SET, "a.json", '{"data": 5}'),
        (stereoset.SET, "a.json", "[" * 100_000),
    ],
    ids=["a quote that stays open", "a huge field", "another shape", "nested too deep"],
)
def test_an_unreadable_file_is_refused(
    source: Source, name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadProbe, match="cannot be read"):
        read(source, {"path": str(tmp_path / name)})
