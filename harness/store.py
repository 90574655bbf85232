"""What a run wrote: Parquet and JSON, whole or not at all.

A window of responses is one file under `windows/`, written aside and renamed: after a kill it is
there or it is not. When all are there they become `responses.parquet`, in order.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import BadRun

RUN, PROMPTS, RESPONSES = "run.json", "prompts.parquet", "responses.parquet"
OUTCOMES, CONTRASTS, MANIFEST = "outcomes.parquet", "contrasts.parquet", "manifest.json"
EVIDENCE = (RUN, PROMPTS, RESPONSES, OUTCOMES, CONTRASTS, "scorecard.json")
"""What the reports are written from."""
REFERENCE = "reference"
"""The folder of committed baselines: what lies in it is read, and never written again."""
_WINDOWS, _LOCK = "windows", ".lock"
_SPARE = 200 * 2**20
"""Bytes that must be free before a run starts."""


class Store:
    """One run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Returns where a file of the run lies."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Says whether a file of the run was written."""
        return self.path(name).exists()

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Writes a mapping as JSON."""
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
        write_text(self.path(name), text + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads a mapping back.

        Raises:
            BadRun: there is no such file, or it is no JSON of a mapping.
        """
        try:
            content = json.loads(self.path(name).read_text("utf-8"))
            if not isinstance(content, dict):
                raise ValueError(f"it holds a {type(content).__name__}, not a mapping")
        except (OSError, ValueError, RecursionError) as error:
            raise _unreadable(self.path(name), error) from error
        return content

    def write_table(self, name: str, table: pa.Table) -> None:
        """Writes a table as Parquet."""
        whole(self.path(name), lambda path: pq.write_table(table, path, compression="zstd"))

    def write_rows(self, name: str, windows: Iterable[pa.Table]) -> None:
        """Writes windows as one Parquet file, a row group each."""
        whole(self.path(name), lambda path: _write_rows(path, windows))

    def read_windows(self, name: str) -> Iterator[pa.Table]:
        """Reads the windows of a Parquet file one by one."""
        source = self.open_table(name)
        for number in range(source.num_row_groups):
            yield row_group(source, number)

    def open_table(self, name: str, coded: Sequence[str] = ()) -> pq.ParquetFile:
        """Opens a Parquet file, of which each row group is a window; `coded` texts are dictionaries.

        Raises:
            BadRun: there is no such file, or it is not Parquet.
        """
        try:
            # Windows are small: reading ahead in threads costs twice what it saves.
            return pq.ParquetFile(self.path(name), read_dictionary=list(coded), pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.path(name), error) from error

    def read_table(
        self, name: str, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
    ) -> pa.Table:
        """Reads a table, or some of its columns, back; raises as `open_table` does."""
        return self.open_table(name, coded).read(columns and list(columns))

    def read_rows(self, name: str, column: str, values: Iterable[str]) -> pa.Table:
        """Reads the rows whose column holds one of the values; raises as `open_table` does.

        Only the windows that hold such a row are read whole, one by one: prompts are mostly text.
        """
        source, wanted = self.open_table(name), frozenset(values)
        found = [source.schema_arrow.empty_table()]
        for number in range(source.num_row_groups):
            [told] = row_group(source, number, [column]).to_pydict().values()
            if at := [i for i, value in enumerate(told) if value in wanted]:
                found.append(row_group(source, number).take(at))
        return pa.concat_tables(found)

    def read_columns(self, name: str, columns: Iterable[str]) -> pa.Table:
        """Reads some columns of a table back.

        Raises:
            BadRun: there is no such file, it is not Parquet, or a column is not in it.
        """
        wanted = list(columns)
        try:
            return self.open_table(name).read(wanted).select(wanted)
        except (OSError, pa.ArrowException, KeyError) as error:
            raise _unreadable(self.path(name), error) from error

    def needs(self, needed: int) -> None:
        """Refuses to go on where the run is expected to write so many bytes and they are not free.

        Raises:
            BadRun: there is too little space.
        """
        with guarded(self.folder):
            above = next(p for p in (self.folder, *self.folder.absolute().parents) if p.exists())
            free = shutil.disk_usage(above).free
        if free < needed + _SPARE:
            raise BadRun(
                f"only {free / 2**20:.0f} MiB are free",
                where=str(self.folder),
                expected=f"{(needed + _SPARE) / 2**20:.0f} MiB for this run",
                fix="free some space, or choose another folder with out=FOLDER",
            )

    def windows(self) -> set[int]:
        """Returns the windows that are stored."""
        return {int(path.stem) for path in self.path(_WINDOWS).glob("*.parquet")}

    def put_window(self, number: int, responses: pa.Table) -> None:
        """Stores one window of responses."""
        with guarded(self.folder):
            self.path(_WINDOWS).mkdir(exist_ok=True)
        self.write_table(f"{_WINDOWS}/{number:07d}.parquet", responses)

    def window(self, number: int) -> pa.Table:
        """Reads one window of responses back."""
        return self.open_table(f"{_WINDOWS}/{number:07d}.parquet").read(use_threads=False)

    def join_windows(self) -> None:
        """Joins the windows to `responses.parquet`; one window is one row group."""
        self.write_rows(RESPONSES, map(self.window, sorted(self.windows())))

    def finish(self) -> None:
        """Drops what is not part of the run, then writes the manifest: the run is finished."""
        shutil.rmtree(self.path(_WINDOWS), ignore_errors=True)
        for aside in self.folder.glob(".*.*.*"):  # left behind by a kill, see `whole`
            aside.unlink(missing_ok=True)
        self.write_json(MANIFEST, {"files": self.digests()})

    def digests(self) -> dict[str, str]:
        """Returns the SHA-256 of each file of the run but the manifest."""
        return {
            path.relative_to(self.folder).as_posix(): digest(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
            and path.name not in (MANIFEST, _LOCK)
            and not path.name.startswith(".")
            and path.parent != self.path(_WINDOWS)
        }

    def stated(self) -> dict[str, str]:
        """Returns the digests that the manifest states.

        Raises:
            BadRun: there is no manifest, or it states none.
        """
        files = self.read_json(MANIFEST).get("files")
        if not isinstance(files, dict):
            raise _unreadable(self.path(MANIFEST), ValueError("it lists no files"))
        return files

    def check_intact(self, names: Sequence[str]) -> None:
        """Refuses to go on from files that are no longer those of the manifest.

        Raises:
            BadRun: the run is not finished, or one of the files was changed or is missing.
        """
        stated, present = self.stated(), self.digests()
        changed = [n for n in names if n not in present or stated.get(n) != present[n]]
        if changed:
            raise BadRun(
                f"{', '.join(changed)}: missing or changed after the run",
                where=str(self.folder),
                expected="the files as the run wrote them, whose digests its manifest holds",
                fix="bring the files back, or run the suite again",
            )

    def busy(self) -> bool:
        """Says whether another process is writing this run."""
        try:
            with self.locked():
                return False
        except BadRun:
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run folder for this process.

        Raises:
            BadRun: another process is writing it.
        """
        import fcntl

        with guarded(self.folder):
            lock = self.path(_LOCK).open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BadRun(
                    "another process is writing this run",
                    where=str(self.folder),
                    expected="a run folder that nobody else is writing",
                    fix="wait for it to end, or choose another folder with out=FOLDER",
                ) from error
            yield


def create(folder: Path) -> Store:
    """Makes a run folder that can be written.

    Raises:
        BadRun: it cannot be made or written, or the disk is full.
    """
    made = Store(folder)
    made.needs(0)
    with guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink(missing_ok=True)  # another process may be trying the same
    return made


def free(folder: Path, key: str) -> None:
    """Refuses a folder or file that is there already, or that lies in a run.

    Raises:
        BadRun: so that nothing is written over, and no run gets files that it did not write.
    """
    with guarded(folder):
        there = folder.exists()
    if there:
        raise _taken(f"{folder} exists", key)
    outside(folder, key)


def outside(folder: Path, key: str) -> None:
    """Refuses a folder or file that is a run or lies in one.

    Raises:
        BadRun: so that no run gets files that it did not write.
    """
    with guarded(folder):
        place = folder.resolve()
        run = next((p for p in (place, *place.parents) if (p / RUN).is_file()), None)
    if run:
        raise _taken(f"{folder} lies in the run {run}", key)


def may_change(folder: Path) -> None:
    """Refuses to change a committed baseline.

    Raises:
        BadRun: the folder is one of results/reference.
    """
    if folder.resolve().parent.name == REFERENCE:
        raise BadRun(
            f"{folder} is a reference, which is never written again",
            where=str(folder),
            expected="the folder of a run outside of results/reference",
            fix="copy it, and give the copy",
        )


def existing(folder: Path) -> Store:
    """Opens the folder of a run that was started.

    Raises:
        BadRun: it is not there, or holds no run.
    """
    if not (folder / RUN).is_file():
        raise BadRun(
            f"{folder} holds no run",
            where=str(folder),
            expected=f"a folder with {RUN}, as `art4 eval` writes it",
            fix="give the folder of a run, such as results/<run>",
        )
    return Store(folder)


def append_line(path: Path, content: Mapping[str, Any]) -> None:
    """Appends one line of JSON to a log, in one write."""
    with guarded(path.parent), path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n")


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file aside and renames it, so that it is there whole or not at all.

    Raises:
        BadRun: the disk is full or the folder read-only.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with guarded(path):
        try:
            write(aside)
            with aside.open("rb") as written:
                os.fsync(written.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def row_group(
    source: pq.ParquetFile, number: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """Reads one window, or some of its columns; it is small, and threads would cost more."""
    return source.read_row_group(number, columns and list(columns), use_threads=False)


def write_text(path: Path, text: str) -> None:
    """Writes a text whole or not at all; raises as `whole` does."""
    whole(path, lambda aside: aside.write_text(text, "utf-8"))


def digest(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_rows(path: Path, windows: Iterable[pa.Table]) -> None:
    writer = None
    try:
        for window in windows:
            writer = writer or pq.ParquetWriter(path, window.schema, compression="zstd")
            writer.write_table(window, row_group_size=max(1, len(window)))
    finally:
        if writer:
            writer.close()


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turns what the operating system refuses into an error that a person can mend."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise BadRun(
            "the disk is full" if full else f"cannot write: {error.strerror or error}",
            where=str(path),
            expected="a folder that can be written, with space left",
            fix="free some space and give the same command again: it goes on where it stopped"
            if full
            else "choose another place with out=FOLDER, results=FOLDER or the option that named it",
        ) from error


def _taken(what: str, key: str) -> BadRun:
    return BadRun(
        what,
        where=key,
        expected="a name that nothing has yet, outside of any run",
        fix=f"give another with {key}",
    )


def _unreadable(path: Path, error: Exception) -> BadRun:
    return BadRun(
        f"cannot read {path.name}: {error}",
        where=str(path),
        expected="a file as `art4 eval` wrote it",
        fix="give the folder of a finished run; `art4 verify FOLDER` says what is wrong with one",
    )
