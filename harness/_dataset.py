"""Probes as a data set: written to Parquet with a card, as the Hugging Face hub shows it, and read back.

`<probe>/probe.yaml` and `<probe>/README.md` are kept as they are; `<probe>/scenarios.parquet` holds
the scenarios, a row each, and the card names each probe as a configuration of its own.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from harness import find, probes, store
from harness._yaml import FILE_BYTES, read
from harness.errors import BadConfig, BadProbe
from harness.probes import BODIES, HEAD
from harness.records import LANGUAGES, Probe

CARD, ROWS = "README.md", "scenarios.parquet"
ROWS_MOST = 100_000
_FEW, _UNPACKED = 16, 4 * FILE_BYTES
_ID = re.compile(r"[\w.-]+/[\w.-]+")
_USE = """\
Each configuration is one probe of art4: paired prompts that differ in a protected attribute alone.
`probe.yaml` beside the rows holds the groups, their wordings and how a scenario is put to a model; a slot such as
`{{{{ clause }}}}` is where the group's words go. A field that differs by group is in `by_group`, as JSON.

```bash
art4 probes import FOLDER_OR_ID --in my_probes
art4 eval 'probes.path=[my_probes]' 'suite.probes=[{first}]'
```

| probe | attribute | format | languages | groups | scenarios | version |
|---|---|---|---|---|---:|---:|
"""


def write(held: Iterable[Probe], out: Path) -> int:
    """Writes probes as a data set into a new folder, and returns how many.

    Raises:
        BadConfig: the folder exists, or a probe does not lie in files.
    """
    found = list(held)
    for probe in found:
        if not Path(probe.source, HEAD).is_file():
            raise BadConfig(
                f"{probe.name} has no files: it is made by a suite",
                where="the probes to export",
                expected=f"probes that lie in folders with {HEAD}",
                fix="name others, or another suite",
            )
    _free(out, "--dataset")
    with store.guarded(out):
        for probe in found:
            _write(probe, out / probe.name)
        (out / CARD).write_text(_card(found), "utf-8")
    return len(found)


def bring(given: str, folder: Path, revision: str | None = None) -> list[str]:
    """Reads a data set (a folder, or an id on the hub) back into folders of probes.

    Each probe is checked as any probe is before one is kept.

    Returns:
        The names of the probes, now folders of `folder`.

    Raises:
        BadConfig: there is no data set, or a folder of such a name exists.
        BadProbe: a probe breaks a rule.
    """
    place = _place(given, revision)
    names = sorted(head.parent.name for head in place.glob(f"*/{HEAD}"))
    if not names:
        raise _missing(f"no probe in {given}", f"a folder with NAME/{HEAD} and NAME/{ROWS}")
    for name in names:
        _free(folder / name, "--in")
    with store.guarded(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as work:
            for name in names:
                _read(place / name, Path(work, name))
            for name in names:
                probes.load(str(Path(work, name)))
            for name in names:
                Path(work, name).rename(folder / name)
    return names


def _free(place: Path, where: str) -> None:
    if place.exists():
        raise BadConfig(
            f"{place} is there",
            where=where,
            expected="a folder that is made anew",
            fix="name another, or remove that one",
        )


def _write(probe: Probe, place: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = Path(probe.source)
    body = read(next(source / name for name in BODIES if (source / name).is_file()))
    place.mkdir(parents=True)
    _keep(source, place)
    groups = [group.name for group in probe.groups]
    rows = [_row(each, groups) for each in body.data]
    columns = dict.fromkeys(key for row in rows for key in row)  # Arrow takes those of the first
    table = pa.Table.from_pylist([{key: row.get(key) for key in columns} for row in rows])
    pq.write_table(table, place / ROWS)


def _keep(source: Path, place: Path) -> None:
    """Copies what a data set holds as it is."""
    for name in (HEAD, CARD):
        if (source / name).is_file():
            (place / name).write_bytes((source / name).read_bytes())


def _row(scenario: Mapping[str, Any], groups: list[str]) -> dict[str, Any]:
    """Puts a scenario into columns: each of one type, whatever the other scenarios hold."""
    row, by_group = dict(scenario), {}
    for language in LANGUAGES:
        if texts := scenario.get(language):
            row[language] = {k: t for k, t in texts.items() if isinstance(t, str)}
            if rest := {k: t for k, t in texts.items() if not isinstance(t, str)}:
                by_group[language] = rest
    if isinstance(correct := row.get("correct"), str):
        row["correct"] = dict.fromkeys(groups, correct)
    if by_group:
        row["by_group"] = json.dumps(by_group, ensure_ascii=False)
    return row


def _read(source: Path, place: Path) -> None:
    place.mkdir()
    _keep(source, place)
    lines = (json.dumps(row, ensure_ascii=False) for row in _scenarios(source / ROWS))
    (place / "scenarios.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def _scenarios(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        groups = (file.metadata.row_group(n) for n in range(file.metadata.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > FILE_BYTES or file.metadata.num_rows > ROWS_MOST:
            what = f"more than {FILE_BYTES:,} bytes or {ROWS_MOST:,} rows of scenarios"
            raise _damaged(path, what)
        size = 0
        for batch in file.iter_batches(_FEW):  # a value may be packed once for all its rows
            size += batch.nbytes
            if size > _UNPACKED:
                raise _damaged(path, f"more than {_UNPACKED:,} bytes of scenarios, unpacked")
            for row in batch.to_pylist():
                told = _without_nulls(row)
                for language, fields in json.loads(told.pop("by_group", "{}")).items():
                    told[language] |= fields
                yield told
    except (
        *(pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError),
        RecursionError,
    ) as error:
        raise _damaged(path, f"it cannot be read ({type(error).__name__})") from error


def _without_nulls(value: Any) -> Any:
    """Drops what a row has no value for, since every row of a table has every column."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return {key: each for key, each in kept.items() if each != {}}


def _place(given: str, revision: str | None) -> Path:
    place = Path(given).expanduser()
    if place.is_dir():
        return place
    if not _ID.fullmatch(given):
        raise _missing(f"{given} is not there", "a folder, or the id of a data set (owner/name)")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = [CARD, *(f"*/{name}" for name in (HEAD, CARD, ROWS))]
    try:
        return Path(
            snapshot_download(given, repo_type="dataset", revision=revision, allow_patterns=wanted)
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        what = f"{given} cannot be fetched ({type(error).__name__})"
        raise _missing(what, "a data set that this machine can reach") from error


def _card(held: list[Probe]) -> str:
    own = all(Path(p.source).parent == find.data("probes") for p in held)
    head = {
        **({"license": "apache-2.0"} if own else {}),
        "language": sorted({language for p in held for language in p.languages}),
        "pretty_name": "Probes of art4",
        "tags": ["bias", "fairness", "discrimination", "evaluation"],
        "configs": [
            {"config_name": p.name, "data_files": f"{p.name}/{ROWS}"} for p in held
        ],
    }  # fmt: skip
    rows = "".join(
        f"| [{p.name}]({p.name}/{CARD}) | {p.attribute} | {p.format} | {' '.join(p.languages)} |"
        f" {', '.join(g.name for g in p.groups)} | {len(p.scenarios)} | {p.version} |\n"
        for p in held
    )
    told = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
    return f"---\n{told}---\n# Probes of art4\n\n{_USE.format(first=held[0].name)}{rows}"


def _missing(what: str, expected: str) -> BadConfig:
    fix = "correct the path or the id"
    return BadConfig(what, where="art4 probes import", expected=expected, fix=fix)


def _damaged(path: Path, what: str) -> BadProbe:
    return BadProbe(
        what,
        where=str(path),
        expected="the scenarios that `art4 probes export --dataset` wrote",
        fix="get the data set again",
    )
