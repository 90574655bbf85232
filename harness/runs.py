"""Run folders: which one a command writes, and whether it goes on with one that was interrupted."""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import provenance, store
from harness.errors import BadRun
from harness.records import Ask, Decoding, Group, Probe, RunConfig, Standard, Suite

LOG = "log.jsonl"
_HEAD = ("seed", "decoding", "stopping", "backend", "model", "code", "time")
"""What run.json says beside suite, standard and probes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that was begun."""

    folder: store.Store
    head: Mapping[str, Any]
    """What run.json says: settings, digests, model and code, all known before the first prompt."""
    finished: bool


def begin(
    config: RunConfig,
    probes: Sequence[Probe],
    decoding: Decoding,
    model: Mapping[str, Any],
) -> Run:
    """Begins a run, or goes on with the same run that was interrupted.

    Raises:
        BadRun: the folder cannot be written, or holds another run.
    """
    head = _head(config, probes, decoding, model)
    folder = Path(config.out) if config.out else _interrupted(config, head)
    if folder and (folder / store.RUN).is_file():
        run = reopen(folder)
        _refuse_another(run.head, head, folder)
        return run
    if folder and folder.is_dir() and any(folder.glob("[!.]*")):
        raise BadRun(
            f"{folder} is not empty and holds no run",
            where="out",
            expected="a new folder, or that of the same run",
            fix="choose another folder with out=FOLDER",
        )
    started = datetime.now(UTC)
    folder = folder or _new(config, model, started)
    made = store.create(folder)
    with made.locked():
        if made.has(store.RUN):  # another process began a run here a moment ago
            _refuse_another(reopen(folder).head, head, folder)
        else:
            _write(made, head, started)
    return reopen(folder)  # as it is read back, so that going on later writes the same bytes


def _write(made: store.Store, head: Mapping[str, Any], started: datetime) -> None:
    """Writes what is known of a run before it asks anything, and counts it in the log."""
    name, fingerprint = made.folder.name, head["model"]["fingerprint"]
    log, begun = made.folder.parent / LOG, started.isoformat(timespec="seconds")
    time = {"started": begun, "count": 1 + _count(log, fingerprint)}
    made.write_json(store.RUN, {**head, "time": time})
    store.append_line(log, {"run": name, "fingerprint": fingerprint, "started": begun})


def reopen(folder: Path) -> Run:
    """Opens a run that was begun.

    Raises:
        BadRun: the folder holds no run, or one that cannot be read.
    """
    found = store.existing(folder)
    return Run(folder=found, head=found.read_json(store.RUN), finished=found.has(store.MANIFEST))


def check(run: Run) -> None:
    """Refuses a run.json that another version of the harness wrote in another form.

    Raises:
        BadRun: it lacks or exceeds what is read of it.
    """
    try:
        probes_of(run.head)
        standard_of(run.head)
        suite_of(run.head)
        for key in _HEAD:
            run.head[key]
    except (KeyError, TypeError) as error:
        raise BadRun(
            f"{store.RUN} lacks or exceeds what this version of art4 reads: {error}",
            where=str(run.folder.path(store.RUN)),
            expected="a run of this version",
            fix="evaluate it again with this version",
        ) from error


def looks_of(config: RunConfig) -> int:
    """Returns how often a run is judged: once, unless it may stop early."""
    return 1 if config.stopping == "none" else config.looks


def probes_of(head: Mapping[str, Any]) -> list[Probe]:
    """Reads back the probes of a run, without their scenarios."""
    found = []
    for raw in head["probes"]:
        groups = tuple(Group(**g) for g in raw["groups"])
        lists = {k: tuple(raw[k]) for k in ("languages", "arms", "outcomes", "anchor")}
        rest = {"groups": groups, "ask": Ask(raw["ask"]), "scenarios": (), "prompts": ()}
        found.append(Probe(**{**raw, **lists, **rest}))
    return found


def standard_of(head: Mapping[str, Any]) -> Standard:
    """Reads back the standard that was declared before the run."""
    raw = head["standard"]
    return Standard(**{**raw, "gates": tuple(raw["gates"])})


def suite_of(head: Mapping[str, Any]) -> Suite:
    """Reads back the suite that was asked."""
    raw = head["suite"]
    return Suite(**{**raw, **{k: tuple(raw[k]) for k in ("probes", "arms", "languages")}})


def like(config: RunConfig, head: Mapping[str, Any], given: Container[str]) -> RunConfig:
    """Takes suite, standard and seed from an earlier run, but for those that are `given`."""
    earlier = {"suite": suite_of(head), "standard": standard_of(head), "seed": head["seed"]}
    return replace(config, **{k: v for k, v in earlier.items() if k not in given})


def _head(
    config: RunConfig, probes: Sequence[Probe], decoding: Decoding, model: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "suite": asdict(config.suite),
        "standard": asdict(config.standard),
        "probes": [_declared(p) for p in probes],
        "seed": config.seed,
        "decoding": asdict(decoding),
        "stopping": {"rule": config.stopping, "looks": looks_of(config)},
        "backend": config.model,
        "model": dict(model),
        "code": dict(provenance.code()),
    }


def _declared(probe: Probe) -> dict[str, Any]:
    """Returns what run.json says of a probe: not what it asks, whose digest stands there."""
    kept = replace(probe, scenarios=(), prompts=(), source=Path(probe.source).name)
    return {key: value for key, value in asdict(kept).items() if key != "prompts"}


def _interrupted(config: RunConfig, head: Mapping[str, Any]) -> Path | None:
    """Finds a run in the results folder that is this one and has no manifest yet."""
    for path in sorted(Path(config.results).glob(f"*/{store.RUN}")):
        try:
            run = reopen(path.parent)
        except BadRun:  # damaged: not one to go on with
            continue
        if not (run.finished or _differences(run.head, head) or run.folder.busy()):
            return path.parent
    return None


def _refuse_another(old: Mapping[str, Any], new: Mapping[str, Any], folder: Path) -> None:
    differing = _differences(old, new)
    if differing:
        raise BadRun(
            f"{folder} holds another run: it differs in {', '.join(differing)}",
            where="out",
            expected="a new folder, or that of the same run",
            fix="choose another folder with out=FOLDER",
        )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    old, new = _defining(old), _defining(new)
    return [key for key in {**new, **old} if old.get(key) != new.get(key)]


def _defining(head: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what makes a run the same: not its time, nor a commit that left the code as it was."""
    plain: dict[str, Any] = _plain({key: value for key, value in head.items() if key != "time"})
    code = plain.get("code")
    if not isinstance(code, Mapping):
        return plain
    return plain | {"code": {k: v for k, v in code.items() if k != "commit"}}


def _plain(value: Any) -> Any:
    """Returns a value as JSON would give it back."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _new(config: RunConfig, model: Mapping[str, Any], started: datetime) -> Path:
    """Makes a folder of its own for a run."""
    name = re.sub(r"[^\w.-]+", "-", f"{config.suite.name}_{model['name']}").strip("-")
    stem = Path(config.results) / f"{started:%Y%m%d-%H%M%S}_{name}"
    folder, n = stem, 1
    store.Store(stem).needs(0)
    while not _made(folder):
        n += 1
        folder = stem.with_name(f"{stem.name}-{n}")
    return folder


def _made(folder: Path) -> bool:
    """Makes a folder; says no where it is there, so that it belongs to one process alone."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _count(log: Path, fingerprint: str) -> int:
    told = log.read_text("utf-8", "replace") if log.is_file() else ""  # a kill may cut a letter
    return told.count(f'"fingerprint": "{fingerprint}"')
