"""Probes as a data set: what is written is read back, equal, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import _dataset, cli, probes
from harness.errors import BadConfig, BadProbe
from harness.records import FORMATS, Probe
from tests.blanks import folder


def plain(probe: Probe) -> Probe:
    """Leaves out where a probe lies."""
    scenarios = tuple(replace(s, line=0) for s in probe.scenarios)
    return replace(probe, source="", digest="", scenarios=scenarios)


def changed(place: Path, **columns: Any) -> Path:
    """Writes a data set of one probe, with columns of its rows replaced."""
    out = place / "set"
    _dataset.write([probes.load(str(folder(place / "own")))], out)
    file = out / "sample" / _dataset.ROWS
    rows = pq.read_table(file).to_pylist()
    pq.write_table(pa.Table.from_pylist([{**row, **columns} for row in rows]), file)
    return out


KINDS = ["pair_controls", "other_harmful", "gender_controls",
         *(f"gender_{form}" for form in FORMATS)]  # fmt: skip


@pytest.mark.parametrize("names", [KINDS, pytest.param(None, marks=pytest.mark.slow)])
def test_every_probe_comes_back_equal(tmp_path: Path, names: list[str] | None) -> None:
    held = [probes.load(name) for name in sorted(names or probes.names())]
    assert _dataset.write(held, tmp_path / "set") == len(held)
    came = _dataset.bring(str(tmp_path / "set"), tmp_path / "back")
    assert came == [p.name for p in held]
    for before in held:
        assert plain(probes.load(str(tmp_path / "back" / before.name))) == plain(before)
        for name in (probes.HEAD, _dataset.CARD):
            own = Path(before.source, name).read_bytes()
            assert (tmp_path / "back" / before.name / name).read_bytes() == own
    assert sorted(p.name for p in (tmp_path / "back").iterdir()) == came


def test_a_text_that_differs_by_group_comes_back(tmp_path: Path) -> None:
    made = folder(tmp_path / "own")
    text = (made / "scenarios.yaml").read_text("utf-8")
    start = text.index("    case:")
    line = text[start : text.index("\n", start) + 1]
    by_group = {
        g: f"A case of {{{{ merit }}}}, told of {g}." for g in ("first", "second", "neutral")
    }
    (made / "scenarios.yaml").write_text(
        text.replace(line, f"    case: {json.dumps(by_group)}\n", 1), "utf-8"
    )
    before = probes.load(str(made))
    assert not isinstance(before.scenarios[0].texts["en"]["case"], str)
    _dataset.write([before], tmp_path / "set")
    _dataset.bring(str(tmp_path / "set"), tmp_path / "back")
    assert plain(probes.load(str(tmp_path / "back" / "sample"))) == plain(before)


def test_the_card_lets_the_hub_load_each_probe(tmp_path: Path) -> None:
    from datasets import load_dataset

    held = [probes.load(name) for name in ("gender_pair", "other_harmful")]
    _dataset.write(held, tmp_path / "set")
    for probe in held:
        rows = load_dataset(str(tmp_path / "set"), probe.name, cache_dir=str(tmp_path / "cache"))
        assert [row["id"] for row in rows["train"]] == [s.id for s in probe.scenarios]
    card = (tmp_path / "set" / _dataset.CARD).read_text("utf-8")
    assert "license: apache-2.0" in card
    assert (
        "| [gender_pair](gender_pair/README.md) | gender | pair | zh en | women, men | 44 |" in card
    )


def test_probes_of_others_get_no_licence_of_ours(tmp_path: Path) -> None:
    assert "license" not in (changed(tmp_path) / _dataset.CARD).read_text("utf-8")


def test_a_folder_that_exists_is_kept(tmp_path: Path) -> None:
    out = changed(tmp_path)
    with pytest.raises(BadConfig, match="is there"):
        _dataset.write([probes.load("other_harmful")], out)
    _dataset.bring(str(out), tmp_path / "back")
    with pytest.raises(BadConfig, match="is there"):
        _dataset.bring(str(out), tmp_path / "back")


def test_a_probe_without_files_is_not_exported(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["probes", "export", "suite=planted", "--dataset", "nowhere"]) == cli.USAGE
    assert "has no files" in capsys.readouterr().err
    assert not Path("nowhere").exists()


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"favourable": "perhaps"}, "perhaps"),
        ({"id": 7}, "7"),
        ({"by_group": "{"}, "cannot be read"),
        ({"by_group": '{"fr": {"case": {}}}'}, "cannot be read"),
        ({"en": "a text"}, "text"),
        ({"harm": "unknown"}, "harm"),
    ],
)
def test_what_is_no_probe_is_refused_and_leaves_nothing(
    tmp_path: Path, columns: dict[str, Any], what: str
) -> None:
    out = changed(tmp_path, **columns)
    with pytest.raises(BadProbe) as caught:
        _dataset.bring(str(out), tmp_path / "back")
    assert what in str(caught.value)
    assert not list((tmp_path / "back").iterdir())


def test_a_damaged_or_swollen_table_is_refused(tmp_path: Path) -> None:
    out = changed(tmp_path)
    file = out / "sample" / _dataset.ROWS
    whole = file.read_bytes()
    for damaged in (whole[:-20], b"", b"PAR1" * 10):
        file.write_bytes(damaged)
        with pytest.raises(BadProbe, match="cannot be read"):
            _dataset.bring(str(out), tmp_path / "back")
    pq.write_table(pa.table({"id": pa.array(["same"] * (_dataset.ROWS_MOST + 1))}), file)
    assert file.stat().st_size < 100_000
    with pytest.raises(BadProbe, match="rows of scenarios"):
        _dataset.bring(str(out), tmp_path / "back")
    file.unlink()
    with pytest.raises(BadProbe, match="cannot be read"):
        _dataset.bring(str(out), tmp_path / "back")


def bomb(place: Path, times: int, length: int) -> Path:
    """Writes a table that holds one long text, packed once, in many rows."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), ["x" * length])
    pq.write_table(pa.table({"id": text}), place, store_schema=False, compression="zstd")
    return place


def test_a_small_table_that_unpacks_to_much_is_refused_as_it_is_read(tmp_path: Path) -> None:
    file = bomb(tmp_path / "a.parquet", 2_000, 100_000)
    assert file.stat().st_size < 1_000
    with pytest.raises(BadProbe, match="unpacked"):
        list(_dataset._scenarios(file))


def test_a_text_by_group_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    place = changed(tmp_path, by_group="[" * 100_000)
    with pytest.raises(BadProbe, match="cannot be read"):
        _dataset.bring(str(place), tmp_path / "mine")


@pytest.mark.parametrize("given", ["nowhere at all", "a/b/c", ""])
def test_no_data_set_is_told_so(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadConfig, match=r"not there|no probe"):
        _dataset.bring(given, tmp_path / "back")


def test_an_id_is_fetched_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    out = changed(tmp_path)
    asked: list[Any] = []

    def fetch(name: str, **how: Any) -> str:
        asked.append((name, how["repo_type"], how["revision"]))
        return str(out)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert _dataset.bring("someone/probes", tmp_path / "back", "v2") == ["sample"]
    assert asked == [("someone/probes", "dataset", "v2")]

    def unreachable(name: str, **how: Any) -> str:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(BadConfig, match="cannot be fetched"):
        _dataset.bring("someone/probes", tmp_path / "again")


def test_the_commands_make_probes_that_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, back = str(tmp_path / "set"), str(tmp_path / "back")
    assert cli.main(["probes", "export", "gender_pair", "--dataset", out]) == 0
    assert "wrote 2 probes" in capsys.readouterr().out  # with the one that holds its controls
    assert cli.main(["probes", "import", out, "--in", back]) == 0
    assert "gender_pair, pair_controls" in capsys.readouterr().out
    assert cli.main(["probes", "lint", "--path", back, f"{back}/gender_pair"]) == 0
