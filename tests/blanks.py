"""Probe folders for tests: a blank of a format, with pieces of its text replaced."""

from collections.abc import Mapping
from pathlib import Path

from harness import probes
from harness._new import new
from harness.records import Probe, Suite

ALL = Suite(name="test", probes=())


def folder(place: Path, kind: str = "decision", **edits: Mapping[str, str]) -> Path:
    """Writes a probe named `sample`; `head` and `body` map a text to what replaces it."""
    made = new(place, "sample", "region", kind)
    for key, file in (("head", "probe.yaml"), ("body", "scenarios.yaml")):
        text = (made / file).read_text("utf-8")
        for old, fresh in edits.get(key, {}).items():
            assert old in text, f"{old!r} is not in {file}"
            text = text.replace(old, fresh, 1)
        (made / file).write_text(text, "utf-8")
    return made


def probe(place: Path, kind: str = "decision", **edits: Mapping[str, str]) -> Probe:
    """Loads such a probe."""
    return probes.load(str(folder(place, kind, **edits)))
