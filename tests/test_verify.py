"""Verification: every way of tampering with a run is seen, and nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from harness import store
from harness.cli import main
from harness.errors import BadRun
from harness.verify import examine
from tests.small import evaluate, finished


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished(tmp_path / "run")


def rewrite(run: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Changes a table and the manifest with it, as a careful forger would."""
    pq.write_table(change(pq.read_table(run / name)), run / name)
    sign(run)


def sign(run: Path) -> None:
    folder = store.Store(run)
    folder.write_json(store.MANIFEST, {"files": folder.digests()})


def forge(run: Path, key: str, value: object) -> None:
    path = run / "scorecard.json"
    content = json.loads(path.read_text())
    content["cells"][0][key] = value
    path.write_text(json.dumps(content))
    sign(run)


def test_an_untouched_run_is_verified_and_left_alone(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    assert main(["verify", str(run)]) == 0
    assert "verified" in capsys.readouterr().out
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_flipped_signs_are_drawn_again_as_they_were(tmp_path: Path) -> None:
    place = tmp_path / "run"
    more = ("suite.generated=36", "suite.arms=[explicit,positive_control]", "model.effect=gap")
    evaluate(place, "standard.multiplicity=max_t", "seed=7", *more)
    assert examine(place) == []
    head = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(json.dumps(head | {"seed": 8}))
    sign(place)
    assert any("low_fail" in line for line in examine(place))
    assert "largest |t|" in (place / "scorecard.json").read_text()


def test_changed_missing_and_surplus_files_are_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "run.json").write_text((run / "run.json").read_text() + "\n")
    (run / "contrasts.parquet").unlink()
    (run / "notes.txt").write_text("")
    assert examine(run) == [
        "run.json was changed",
        "contrasts.parquet is missing",
        "notes.txt is not in the manifest",
    ]
    assert main(["verify", str(run)]) == 1
    assert "not as it should be: run.json was changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "kind"),
    [(store.PROMPTS, "prompt"), (store.RESPONSES, "response"), (store.OUTCOMES, "outcome")],
)
def test_a_doubled_row_is_seen(run: Path, name: str, kind: str) -> None:
    rewrite(run, name, lambda t: pa.concat_tables([t, t.slice(3, 1)]))
    assert any(line.startswith(f"1 {kind} doubled, such as ") for line in examine(run))


@pytest.mark.parametrize(
    ("name", "kind"), [(store.RESPONSES, "response"), (store.OUTCOMES, "outcome")]
)
def test_a_missing_row_is_seen(run: Path, name: str, kind: str) -> None:
    rewrite(run, name, lambda t: t.slice(1))
    assert any(line.startswith(f"1 {kind} missing, such as ") for line in examine(run))


def test_a_foreign_response_is_seen(run: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        last = table.slice(0, 1)
        column = table.schema.get_field_index("prompt")
        return pa.concat_tables([table, last.set_column(column, "prompt", [["nobody"]])])

    rewrite(run, store.RESPONSES, change)
    assert examine(run) == ["1 response foreign, such as ('nobody', 0)"]


def test_an_undeclared_outcome_is_seen(run: Path) -> None:
    def rename(table: pa.Table) -> pa.Table:
        column = table.schema.get_field_index("name")
        names = ["charmed", *table["name"].to_pylist()[1:]]
        return table.set_column(column, "name", pa.array(names))

    rewrite(run, store.OUTCOMES, rename)
    found = examine(run)
    assert any("outcome missing" in line for line in found)
    assert any("outcome foreign" in line and "charmed" in line for line in found)


def test_a_prompt_of_an_undeclared_probe_is_seen(run: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        probes = pa.array(["nobodys", *table["probe"].to_pylist()[1:]])
        return table.set_column(table.schema.get_field_index("probe"), "probe", probes)

    rewrite(run, store.PROMPTS, change)
    assert examine(run) == ["prompts of a probe that was not declared: nobodys"]


@pytest.mark.parametrize(("key", "value"), [("verdict", "PASS"), ("estimate", 0.0), ("low", None)])
def test_a_forged_verdict_or_number_is_seen(run: Path, key: str, value: object) -> None:
    forge(run, key, value)
    assert examine(run) == [f"scorecard.json: cells[0] ({key}) does not follow from the outcomes"]


def test_outcomes_that_say_something_else_are_seen(run: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        values = pc.multiply(table["value"], 0.5)
        return table.set_column(table.schema.get_field_index("value"), "value", values)

    rewrite(run, store.OUTCOMES, change)
    assert any("does not follow from the outcomes" in line for line in examine(run))


def test_cells_left_out_of_the_scorecard_are_seen(run: Path) -> None:
    content = json.loads((run / "scorecard.json").read_text())
    del content["cells"][0]
    (run / "scorecard.json").write_text(json.dumps(content))
    sign(run)
    assert examine(run) == ["scorecard.json: cells do not follow from the outcomes"]


@pytest.mark.parametrize("name", [store.PROMPTS, "scorecard.json", store.MANIFEST])
def test_a_damaged_file_is_told_without_a_traceback(run: Path, name: str) -> None:
    (run / name).write_bytes(b"\0\1\2")
    assert examine(run)


@pytest.mark.parametrize("content", ["[]", "{}", '{"files": []}'])
def test_a_manifest_that_lists_no_files_is_told(run: Path, content: str) -> None:
    (run / store.MANIFEST).write_text(content)
    assert any(store.MANIFEST in line for line in examine(run))
    with pytest.raises(BadRun, match=store.MANIFEST):
        store.Store(run).check_intact(())


@pytest.mark.parametrize("key", ["standard", "probes", "suite", "seed", "decoding", "stopping"])
def test_a_run_file_that_lacks_something_is_told(run: Path, key: str) -> None:
    head = json.loads((run / store.RUN).read_text())
    del head[key]
    (run / store.RUN).write_text(json.dumps(head))
    changed, lacks = examine(run)
    assert changed == "run.json was changed"
    assert key in lacks


def test_a_run_file_that_is_no_mapping_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / store.RUN).write_text("[]")
    assert main(["verify", str(run)]) == 2
    assert "it holds a list" in capsys.readouterr().err


def test_a_file_that_the_manifest_never_listed_is_not_intact(run: Path) -> None:
    (run / store.RESPONSES).unlink()
    sign(run)
    with pytest.raises(BadRun, match=f"{store.RESPONSES}: missing"):
        store.Store(run).check_intact((store.RESPONSES,))


def test_a_table_with_other_columns_is_told(run: Path) -> None:
    rewrite(run, store.RESPONSES, lambda t: t.drop_columns(["text"]))
    assert examine(run) == ["responses.parquet cannot be read: its columns are not those of a run"]


def test_a_run_without_a_manifest_is_not_verified(run: Path) -> None:
    (run / store.MANIFEST).unlink()
    assert examine(run) == ["the run is not finished: there is no manifest.json"]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="holds no run"):
        examine(tmp_path)
