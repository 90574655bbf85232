"""Two runs side by side: whether their answers can be paired, and on which prompts."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness import runs, store
from harness.errors import BadRun
from harness.records import Seen

_READ = (store.RUN, store.PROMPTS, store.RESPONSES, store.OUTCOMES, store.CONTRASTS)
"""The files that a comparison is derived from."""
_STANDARD = ("alpha", "multiplicity", "margins", "gates", "gated_groups", "limits")
_DECODING = ("samples", "temperature", "max_tokens")
"""Not the seed: two releases may draw their answers differently."""
_PROBE = ("format", "attribute", "outcomes", "controls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The prompts that both runs were asked, and how many were left out."""

    ids: tuple[str, ...]
    """In the baseline's order."""
    changed: int
    """Prompts of one id that say something else."""
    baseline_only: int
    candidate_only: int


def opened(folder: Path) -> runs.Run:
    """Opens a finished run whose files are those of its manifest.

    Raises:
        BadRun: there is no run, it is not finished, or a file was changed.
    """
    run = runs.reopen(folder)
    if not run.finished:
        raise BadRun(
            f"the run in {folder} is not finished",
            where=str(run.folder.path(store.MANIFEST)),
            expected="a run that was evaluated to its end",
            fix="give its `art4 eval` command again: it goes on where it stopped",
        )
    stated = run.folder.stated()
    for name in _READ:
        path = run.folder.path(name)
        if not path.is_file() or store.digest(path) != stated.get(name):
            raise BadRun(
                f"{name} of {folder} is missing or was changed after the run",
                where=str(path),
                expected=f"the file that {store.MANIFEST} lists",
                fix=f"restore it, or evaluate again; `art4 verify {folder}` says what is wrong",
            )
    runs.check(run)
    return run


def check(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuses two runs, given what run.json says of them, whose answers cannot be paired.

    Raises:
        BadRun: they differ in how answers were drawn, judged or measured.
    """
    _same("decoding", before["decoding"], after["decoding"], _DECODING, "suite.")
    named = {outcome for probe in before["probes"] for outcome in probe["outcomes"]}
    old, new = (_declaring(head["standard"], named) for head in (before, after))
    _same("standard", old, new, _STANDARD, "standard=")
    asked = {probe["name"]: probe for probe in after["probes"]}
    for probe in before["probes"]:
        if probe["name"] in asked:
            _same(f"probe {probe['name']}", probe, asked[probe["name"]], _PROBE, "probes/")


def shared(before: store.Store, after: store.Store) -> Shared:
    """Finds the prompts that are the same in both runs: id, text, choices and roles.

    Raises:
        BadRun: there are none.
    """
    old, new = dict(_contents(before)), dict(_contents(after))
    both = [key for key in old if key in new]
    same = tuple(key for key in both if old[key] == new[key])
    if not same:
        raise BadRun(
            f"the runs have no prompt in common ({len(both):,} of one id say something else)",
            where=f"{before.path(store.PROMPTS)} and {after.path(store.PROMPTS)}",
            expected="two runs of one suite, with the same languages and the same texts",
            fix="evaluate the candidate on the baseline's suite: make regress BASELINE=... MODEL=...",
        )
    return Shared(
        ids=same,
        changed=len(both) - len(same),
        baseline_only=len(old) - len(both),
        candidate_only=len(new) - len(both),
    )


def same_reading(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Refuses outcomes of one prompt that were read in two ways, which are two scales.

    Raises:
        BadRun: by log-probability in one run and by text or forced choice in the other.
    """
    both = _readings(before, "old").join(_readings(after, "new"), how="inner")
    differ = both[both["old"] != both["new"]]
    if len(differ):
        first = differ.iloc[0]
        raise BadRun(
            f"{len(differ):,} answers were read in two ways, such as {first['old']} and {first['new']}",
            where="{0}, outcome {2}".format(*differ.index[0]),
            expected="two runs whose answers are read alike",
            fix="evaluate both with the same backend, and compare what both can be asked",
        )


def _declaring(standard: Mapping[str, Any], outcomes: Collection[str]) -> Mapping[str, Any]:
    """Returns a standard with the margins of these outcomes alone: no other was judged."""
    margins = standard["margins"].items()
    return {**standard, "margins": {name: each for name, each in margins if name in outcomes}}


def _readings(rows: pd.DataFrame, side: str) -> pd.DataFrame:
    """Names how each value was read; refusals are always read off the text."""
    read = rows[(rows["seen"] == Seen.MEASURED) & (rows["outcome"] != "refused")]
    by_text = read["reading"].astype(str).replace("", "by log-probability")
    told = by_text.where(read["scored"], "by the answer's text")
    keys = [read["prompt"].astype(str), read["sample"], read["outcome"].astype(str)]
    return pd.DataFrame({side: told.to_numpy()}, index=pd.MultiIndex.from_arrays(keys))


def _same(
    what: str, old: Mapping[str, Any], new: Mapping[str, Any], keys: Iterable[str], key: str
) -> None:
    for name in keys:
        if old[name] != new[name]:
            raise BadRun(
                f"the runs differ in {name} of the {what}: {old[name]!r} and {new[name]!r}",
                where=f"{store.RUN} of both runs: {key}{name}",
                expected="runs whose answers were drawn, measured and judged alike",
                fix="evaluate the candidate as the baseline was, or judge both by one standard:"
                " art4 rescore RUN --standard NAME",
            )


def _contents(folder: store.Store) -> Iterator[tuple[str, bytes]]:
    """Yields each prompt's id with a digest of all that it says, window by window."""
    for window in folder.read_windows(store.PROMPTS):
        for row in window.drop_columns(["groups", "look"]).to_pylist():
            text = json.dumps(row, sort_keys=True)
            yield row["id"], hashlib.blake2b(text.encode(), digest_size=16).digest()
