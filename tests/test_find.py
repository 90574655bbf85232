import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import find
from harness.errors import NotFound


def test_a_name_is_a_file_without_a_leading_underscore() -> None:
    assert "favourable" in find.names("outcomes")
    assert not [name for name in find.names("outcomes") if name.startswith("_")]


def test_a_plugin_is_its_module() -> None:
    assert find.plugin("outcomes", "favourable").__name__ == "harness.outcomes.favourable"


def test_a_misspelt_name_shows_the_near_one_and_the_list() -> None:
    with pytest.raises(NotFound, match="unknown outcome 'favorable'") as caught:
        find.plugin("outcomes", "favorable")
    assert "favourable" in caught.value.fix
    assert "refused" in caught.value.expected


def test_a_private_file_is_no_plugin() -> None:
    with pytest.raises(NotFound):
        find.plugin("outcomes", "_read")


def test_a_dotted_name_is_a_module_or_an_attribute() -> None:
    import json.decoder

    assert find.plugin("models", "json.decoder") is json.decoder
    assert find.plugin("models", "json.decoder.JSONDecoder") is json.JSONDecoder


@pytest.mark.parametrize("name", ["no.such.module", "json.nothing", ".json", "json.", "a..b"])
def test_a_dotted_name_that_leads_nowhere_says_so(name: str) -> None:
    with pytest.raises(NotFound, match="nothing can be imported"):
        find.plugin("models", name)


def test_a_plugin_whose_own_import_is_missing_names_that_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside_plugin.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NotFound) as caught:
        find.plugin("models", "outside_plugin.thing")
    assert "not_installed_anywhere" in caught.value.where


FAULTS = {
    "a name": "from json import nothing_of_that_name",
    "syntax": "def open(",
    "a value": "raise ValueError('no such thing')",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_plugin_that_fails_when_it_is_imported_says_how_and_where(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faulty_plugin.py").write_text(f"\n{fault}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NotFound) as caught:
        find.plugin("models", "faulty_plugin.thing")
    assert "fails when it is imported" in caught.value.where
    assert re.search(r"faulty_plugin.py(:2|, line 2)", caught.value.where)


def test_data_is_found_from_any_working_directory(tmp_path: Path) -> None:
    code = "from harness import find; print(find.data('probes'))"
    root = Path(__file__).parents[1]
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(shown.stdout.strip()) == root / "probes"


def test_an_installed_wheel_holds_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "PACKAGE", tmp_path / "harness")
    assert find.data("conf") == tmp_path / "harness" / "_data" / "conf"
