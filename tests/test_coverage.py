import json
from pathlib import Path

import pytest

from harness import cli
from harness._coverage import count, variety
from tests.blanks import folder, probe


@pytest.mark.parametrize(
    ("words", "window", "found"),
    [
        ("a b c d", 2, 1.0), ("a a a a", 2, 0.5), ("a a b b", 2, (0.5 + 1 + 0.5) / 3),
        ("a b a", 3, 2 / 3), ("a b", 3, None), ("", 1, None),
    ],
)  # fmt: skip
def test_variety_is_the_mean_of_distinct_words_over_windows(
    words: str, window: int, found: float | None
) -> None:
    assert variety(words.split(), window) == (found if found is None else pytest.approx(found))


def test_variety_agrees_with_counting_each_window() -> None:
    words = [str(n * n % 17) for n in range(200)]
    slow = [len(set(words[at : at + 30])) / 30 for at in range(len(words) - 29)]
    assert variety(words, 30) == pytest.approx(sum(slow) / len(slow))


def test_scenarios_are_counted_by_attribute_language_and_format(tmp_path: Path) -> None:
    one, two = probe(tmp_path / "a", "decision"), probe(tmp_path / "b", "rating")
    cells = count([one, one, two])
    assert [(c.attribute, c.language, c.format, c.scenarios) for c in cells] == [
        ("region", "zh", "decision", 4),
        ("region", "zh", "rating", 2),
        ("region", "en", "decision", 4),
        ("region", "en", "rating", 2),
    ]


def test_the_command_prints_a_table_and_a_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path, "agreement")
    assert cli.main(["probes", "stats", "--path", str(tmp_path), "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)
    assert {"attribute", "language", "format", "scenarios"} <= set(cells[0])
    own = [c for c in cells if (c["attribute"], c["format"]) == ("region", "agreement")]
    assert [c["scenarios"] for c in own] == [2, 2]
    assert not any(c["attribute"] == "other" and c["format"] == "pair" for c in cells)
    assert cli.main(["probes", "stats"]) == 0
    shown = capsys.readouterr().out
    assert "gender" in shown
    assert "wanted" in shown
