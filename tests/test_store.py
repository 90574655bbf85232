"""Run folders: whole files or none, windows that resume, one writer at a time."""

import errno
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import store
from harness.errors import BadRun


@pytest.fixture
def folder(tmp_path: Path) -> store.Store:
    return store.create(tmp_path / "windows" / "run")


def window(n: int) -> pa.Table:
    return pa.table({"n": [n, n + 1]})


def test_json_comes_back_as_it_was_written(folder: store.Store) -> None:
    folder.write_json("run.json", {"b": "回族", "a": [1, None, 0.1]})
    assert folder.read_json("run.json") == {"a": [1, None, 0.1], "b": "回族"}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", None])
def test_what_is_not_json_is_refused(folder: store.Store, content: bytes | None) -> None:
    if content is not None:
        folder.path("run.json").write_bytes(content)
    with pytest.raises(BadRun, match="cannot read run"):
        folder.read_json("run.json")


def test_a_file_is_there_whole_or_not_at_all(folder: store.Store) -> None:
    def broken(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError

    folder.write_json("run.json", {"old": 1})
    with pytest.raises(RuntimeError):
        store.whole(folder.path("run.json"), broken)
    assert [p.name for p in folder.folder.iterdir()] == ["run.json"]
    assert folder.read_json("run.json") == {"old": 1}


def test_windows_are_joined_in_order_one_row_group_each(folder: store.Store) -> None:
    for n in (2, 0, 1):
        folder.put_window(n, window(10 * n))
    assert folder.windows() == {0, 1, 2}
    folder.join_windows()
    assert folder.read_table(store.RESPONSES)["n"].to_pylist() == [0, 1, 10, 11, 20, 21]
    assert [w["n"][0].as_py() for w in folder.read_windows(store.RESPONSES)] == [0, 10, 20]


def test_rows_are_found_in_any_window_in_the_order_of_the_file(folder: store.Store) -> None:
    schema = pa.schema({"id": pa.string(), "n": pa.int64()})
    windows = [
        pa.table({"id": names, "n": range(len(names))}, schema=schema)
        for names in (["a", "b"], [], ["c"], ["d", "a"])
    ]
    folder.write_rows(store.PROMPTS, windows)
    found = folder.read_rows(store.PROMPTS, "id", {"d", "a", "elsewhere"})
    assert found.to_pydict() == {"id": ["a", "d", "a"], "n": [0, 0, 1]}
    none = folder.read_rows(store.PROMPTS, "id", ())
    assert (len(none), none.schema) == (0, schema)


def test_a_window_half_written_is_not_counted(folder: store.Store) -> None:
    folder.put_window(0, window(0))
    (folder.path("windows") / ".0000001.parquet.77").write_bytes(b"half")
    assert folder.windows() == {0}


def test_the_manifest_holds_every_file_of_a_finished_run(folder: store.Store) -> None:
    folder.write_json("run.json", {})
    folder.put_window(0, window(0))
    folder.join_windows()
    folder.path(".outcomes.parquet.77").write_bytes(b"left behind by a kill")
    with folder.locked():
        folder.finish()
    assert set(folder.read_json(store.MANIFEST)["files"]) == {"run.json", store.RESPONSES}
    assert {p.name for p in folder.folder.iterdir()} == {
        ".lock", "manifest.json", "responses.parquet", "run.json",
    }  # fmt: skip


def test_two_writers_of_one_folder_are_one_too_many(folder: store.Store) -> None:
    with folder.locked():
        assert folder.busy()
        with pytest.raises(BadRun, match="another process"), folder.locked():
            pass
    assert not folder.busy()


def test_an_error_inside_a_locked_folder_is_left_as_it_is(folder: store.Store) -> None:
    with pytest.raises(ConnectionError), folder.locked():
        raise ConnectionError


def test_a_table_that_is_not_parquet_is_refused(folder: store.Store) -> None:
    folder.path(store.PROMPTS).write_bytes(b"PAR1")
    with pytest.raises(BadRun, match="cannot read prompts"):
        folder.read_table(store.PROMPTS)


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage(tmp_path))(10**9, 10**9, 250 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    store.Store(tmp_path / "run").needs(50 * 2**20)
    with pytest.raises(BadRun, match="only 250 MiB are free"):
        store.Store(tmp_path / "run").needs(51 * 2**20)
    usage = usage._replace(free=0)
    with pytest.raises(BadRun, match="only 0 MiB are free"):
        store.create(tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_is_told(folder: store.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(BadRun, match="the disk is full"):
        folder.put_window(0, window(0))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRun, match="cannot write"):
        store.create(tmp_path / "file" / "run")


def test_a_folder_that_is_there_or_lies_in_a_run_is_not_free(folder: store.Store) -> None:
    store.free(folder.folder.parent / "new", "--out")
    with pytest.raises(BadRun, match="exists"):
        store.free(folder.folder, "--out")
    folder.write_json(store.RUN, {})
    with pytest.raises(BadRun, match="lies in the run"):
        store.free(folder.path("deep") / "deeper", "--out")


def test_a_reference_may_not_be_changed_and_another_run_may(tmp_path: Path) -> None:
    store.may_change(tmp_path / "run")
    with pytest.raises(BadRun, match="is a reference"):
        store.may_change(tmp_path / store.REFERENCE / "run")
