"""Loads probes: folders of data, found by name, checked whole before anything is asked.

summary("gender_decision")     what it is, read from probe.yaml alone
load("gender_decision")        the probe, or BadProbe with file and line
select(suite)                  all probes of a suite, and those that hold their controls
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness import find
from harness._yaml import Tree, read
from harness.errors import BadConfig, BadProbe, NotFound
from harness.records import LANGUAGES, REQUESTS, Ask, Group, Probe, Scenario, Suite

HEAD, BODIES = "probe.yaml", ("scenarios.yaml", "scenarios.jsonl")


def names(paths: Iterable[str] = ()) -> list[str]:
    """Lists the probes of the built-in folder and of further folders."""
    return sorted(_folders(paths))


def summary(name: str, paths: Iterable[str] = ()) -> Mapping[str, Any]:
    """Returns what probe.yaml says, without reading the scenarios.

    Raises:
        NotFound: no such probe.
        BadProbe: probe.yaml is no mapping or cannot be read.
    """
    return _head(_folder(name, paths)).data  # type: ignore[no-any-return]


def load(name: str, paths: Iterable[str] = ()) -> Probe:
    """Loads a probe by name, or by the path of its folder.

    Raises:
        NotFound: no such probe, with the near names.
        BadProbe: its files break a rule, with file and line.
    """
    return _load(_folder(name, paths), paths)


def _load(folder: Path, paths: Iterable[str]) -> Probe:
    from harness._checks import check
    from harness._schema import fail

    head = _head(folder)
    files = [folder / body for body in BODIES if (folder / body).is_file()]
    if len(files) != 1:
        what = f"{len(files)} files of scenarios"
        fail(head, (), what, f"either {' or '.join(BODIES)}", "keep one of them")
    body = read(files[0])
    check(head, body)
    if head.data["name"] != folder.name:
        what = f"the probe {head.data['name']!r} lies in the folder {folder.name!r}"
        fail(head, ("name",), what, f"name: {folder.name}", "rename one of them")
    controls = head.data.get("controls", "")
    if controls and controls not in (known := _folders([*paths, str(folder.parent)])):
        missing = NotFound.among("probe", controls, known, head.at(("controls",)))
        fail(head, ("controls",), missing.what, missing.expected, missing.fix)
    return build(head, body, str(folder), _digest(folder / HEAD, *files))


def select(
    suite: Suite, paths: Iterable[str] = (), benchmark: Mapping[str, str] | None = None
) -> list[Probe]:
    """Loads the probes of a suite, and once each those that hold their controls.

    A generated suite takes all that it generates, or those that `probes` names; one that asks a
    published set takes what the set makes of the data that `benchmark` names.

    Raises:
        NotFound: a name or pattern that matches no probe.
        BadProbe: a file that breaks a rule.
        BadConfig: data of a published set, and a suite that asks none.
    """
    if suite.benchmark:
        return find.plugin("benchmarks", suite.benchmark).load(benchmark or {})  # type: ignore[no-any-return]
    if benchmark:
        raise BadConfig(
            f"the suite {suite.name!r} asks no published set, but benchmark.{min(benchmark)} is given",
            where="suite, benchmark",
            expected="the suite of the set that the data are of, such as suite=bbq",
            fix="choose that suite, or leave benchmark out",
        )
    if suite.generated:
        from harness._generated import generate

        negative, cued = (arm in suite.arms for arm in ("negative_control", "implicit"))
        probes = generate(suite.generated, languages=suite.languages, negative=negative, names=cued)
        made = {p.name: p for p in probes}
        return [made[name] for name in _wanted(suite, tuple(made)) or made]
    known = _folders(paths)
    wanted = _wanted(suite, sorted(known))
    probes = [_load(known.get(name) or _folder(name, paths), paths) for name in wanted]
    held = {p.name for p in probes}
    beside = [*paths, *(str(Path(p.source).parent) for p in probes)]
    missing = dict.fromkeys(p.controls for p in probes if p.controls and p.controls not in held)
    return probes + [load(name, beside) for name in missing]


def _wanted(suite: Suite, known: Sequence[str]) -> list[str]:
    """Returns the names, or folders, that a suite's patterns mean, each once."""
    wanted = dict[str, None]()
    for pattern in suite.probes:
        found = [n for n in known if fnmatchcase(n, pattern)]
        if not found and not Path(pattern).joinpath(HEAD).is_file():
            raise NotFound.among("probe", pattern, known, f"suite {suite.name!r}, key probes")
        wanted.update(dict.fromkeys(found or [pattern]))
    return list(wanted)


def build(head: Tree, body: Tree, source: str, digest: str) -> Probe:
    """Makes the record of a probe whose trees were checked."""
    raw = head.data
    alone = ["{{ sentence }}" if raw["format"] == "pair" else "{{ request }}"]
    frames = raw.get("frames") or dict.fromkeys(raw["languages"], alone)
    return Probe(
        name=raw["name"],
        version=raw["version"],
        format=raw["format"],
        attribute=raw["attribute"],
        languages=tuple(raw["languages"]),
        groups=tuple(_group(k, g, raw["languages"]) for k, g in raw.get("groups", {}).items()),
        neutral=raw.get("neutral", {}),
        arms=tuple(raw["arms"]),
        outcomes=tuple(raw["outcomes"]),
        scenarios=tuple(
            _scenario(s, raw.get("groups", ()), body.line((i,))) for i, s in enumerate(body.data)
        ),
        frames={lang: tuple(texts) for lang, texts in frames.items()},
        answers=raw.get("answers", {}),
        negative={lang: tuple(asked) for lang, asked in raw.get("negative", {}).items()},
        cue=raw.get("cue", {}),
        ask=Ask(raw.get("ask", "generate" if raw["format"] in REQUESTS else "choose")),
        controls=raw.get("controls", ""),
        harm=raw["harm"],
        why=raw["why"],
        domains=raw.get("domains", {}),
        sign=raw["sign"],
        anchor=tuple(raw["anchor"]),
        limits=raw["limits"],
        source=source,
        digest=digest,
    )


def _group(name: str, raw: Mapping[str, Any], languages: Sequence[str]) -> Group:
    wording = {lang: raw[lang] for lang in languages}
    again = {lang: {**raw[lang], **other} for lang, other in raw.get("again", {}).items()}
    names = {lang: tuple(listed) for lang, listed in raw.get("names", {}).items()}
    return Group(name=name, wording=wording, again=again, names=names, note=raw.get("note", ""))


def _scenario(raw: Mapping[str, Any], groups: Iterable[str], line: int) -> Scenario:
    correct = raw.get("correct", {})
    fillers = {
        lang: {slot: tuple(texts) for slot, texts in slots.items()}
        for lang, slots in raw.get("fillers", {}).items()
    }
    return Scenario(
        id=raw["id"],
        domain=raw["domain"],
        texts={lang: raw[lang] for lang in LANGUAGES if lang in raw},
        favourable=raw.get("favourable", ""),
        correct=dict.fromkeys(groups, correct) if isinstance(correct, str) else correct,
        refuse=raw.get("refuse", False),
        scale=(*raw["scale"], 1)[:3] if "scale" in raw else (),
        target=raw.get("target", ""),
        other=raw.get("other", ""),
        fillers=fillers,
        line=line,
    )


def _folders(paths: Iterable[str]) -> dict[str, Path]:
    """Returns name -> folder; the built-in folder comes first."""
    found: dict[str, Path] = {}
    for place in (find.data("probes"), *map(find.folder, paths)):
        for head in sorted(place.glob(f"*/{HEAD}")):
            found.setdefault(head.parent.name, head.parent)
    return found


def _folder(name: str, paths: Iterable[str]) -> Path:
    if "/" in name or name.startswith("."):
        folder = Path(name).resolve()
        if not (folder / HEAD).is_file():
            raise BadProbe(
                f"no probe in {name!r}",
                where=str(folder),
                expected=f"a folder that holds {HEAD}",
                fix="mend the path, or make one with `art4 probes new`",
            )
        return folder
    known = _folders(paths)
    if name not in known:
        places = ", ".join(str(p) for p in (find.data("probes"), *paths))
        raise NotFound.among("probe", name, known, places)
    return known[name]


def _head(folder: Path) -> Tree:
    head = read(folder / HEAD)
    if not isinstance(head.data, dict):
        what = f"the file holds a {type(head.data).__name__}"
        raise BadProbe(
            what, where=head.at(), expected="a mapping of keys", fix="see docs/probes.md"
        )
    return head


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
