"""Writes a new probe that loads, lints and runs; its author then replaces the texts.

What is written lies in `harness/_blank/<format>/`.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import BadProbe, NotFound
from harness.records import ATTRIBUTES, FORMATS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_BLANK = Path(__file__).with_name("_blank")


def new(folder: Path, name: str, attribute: str, format: str) -> Path:
    """Writes the probe `folder/name` and returns its folder.

    Raises:
        NotFound: an unknown attribute or format.
        BadProbe: a name that is no snake_case, or a folder that exists or cannot be written.
    """
    for kind, value, known in (("attribute", attribute, ATTRIBUTES), ("format", format, FORMATS)):
        if value not in known:
            raise NotFound.among(kind, value, known, "art4 probes new")
    place = folder / name
    if not _NAME.fullmatch(name):
        raise _bad(f"{name!r} is no name of a probe", place)
    try:
        place.mkdir(parents=True)
        for blank in sorted((_BLANK / format).iterdir()):
            text = blank.read_text("utf-8")
            text = text.replace("{name}", name).replace("{attribute}", attribute)
            (place / blank.name).write_text(text, "utf-8")
    except OSError as error:
        raise _bad(f"the folder cannot be made: {error.strerror}", place) from error
    return place


def keep_private(folder: Path) -> None:
    """Makes a folder whose probes git leaves alone and that no other user can read.

    Raises:
        BadProbe: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", "utf-8")
    except OSError as error:
        raise _bad(f"the folder cannot be made: {error.strerror}", folder) from error


def _bad(what: str, place: Path) -> BadProbe:
    return BadProbe(
        what,
        where=str(place),
        expected="a new name of a-z, 0-9 and _, such as gender_decision, in a folder one may write",
        fix="choose another name or folder",
    )
