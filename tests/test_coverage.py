import json
from pathlib import Path

import pytest

from harness import cli, probes
from harness._coverage import WANTED, count, variety
from harness.records import ATTRIBUTES, LANGUAGES
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
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("gender_pair", "other_harmful", "region_agreement", "pair_controls")
    monkeypatch.setattr(probes, "names", lambda paths=(): [*few, *(["sample"] if paths else [])])

    def counted(*words: str) -> dict[tuple[str, str, str], int]:
        assert cli.main(["probes", "stats", "--json", *words]) == 0
        told = json.loads(capsys.readouterr().out)
        return {(c["attribute"], c["language"], c["format"]): c["scenarios"] for c in told}

    folder(tmp_path, "agreement")
    cells, own = counted("--path", str(tmp_path)), counted()
    more = {key: n - own[key] for key, n in cells.items() if n != own[key]}
    assert more == {("region", "zh", "agreement"): 2, ("region", "en", "agreement"): 2}
    assert not any(attribute == "other" and form == "pair" for attribute, _, form in cells)
    assert cli.main(["probes", "stats"]) == 0
    shown = capsys.readouterr().out
    assert "gender" in shown
    assert "wanted" in shown


def test_every_attribute_has_what_is_wanted_of_each_format_and_language() -> None:
    cells = count(probes.load(name) for name in probes.names())
    have = {(c.attribute, c.language, c.format): c.scenarios for c in cells}
    short = {
        (attribute, language, form): (have.get((attribute, language, form), 0), wanted)
        for attribute in ATTRIBUTES[:8]
        for language in LANGUAGES
        for form, wanted in WANTED.items()
        if have.get((attribute, language, form), 0) < wanted
    }
    assert not short
    assert have["other", "zh", "harmful"] >= 50 <= have["other", "en", "harmful"]
