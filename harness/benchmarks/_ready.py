"""Makes probes and prompts of a published set, whose texts are used as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from harness.benchmarks._source import File, Source
from harness.records import Ask, Group, Probe, Prompt


def prompt(source: Source, part: str, key: str, item: str = "", **fields: Any) -> Prompt:
    """Makes one prompt, SET/PART/KEY; without `item` it is a counterfactual set of its own."""
    own = f"{source.name}/{part}/{key}"
    rest = {"order": 0, "favourable": "", "ask": Ask.CHOOSE, **fields}
    return Prompt(id=own, item=item or own, **rest)


def probe(
    source: Source,
    file: File,
    name: str,
    *,
    language: str,
    prompts: Sequence[Prompt],
    left_out: int = 0,
    **fields: Any,
) -> Probe:
    """Makes the probe of a part of a set; its digest is that of the file and of what was made of it."""
    groups = dict.fromkeys(group for each in prompts for group in each.roles.values())
    made = hashlib.sha256(file.digest.encode())
    for each in prompts:
        made.update(f"{each.id}\n{[c.meaning for c in each.choices]}\n".encode())
    whose = (
        "with upstream's checksum" if file.known else "whose checksum at upstream is not known here"
    )
    rest = {
        "version": 1,
        "neutral": {},
        "frames": {},
        "answers": {},
        "ask": Ask.CHOOSE,
        "controls": "",
        "harm": "stereotyping",
        "why": f"As {source.title} argues.",
        "anchor": (f"{source.title}, {source.licence}, {source.url}",),
        "limits": f"Read from {file.name}, {whose}."
        + (f" {left_out} items without a known target were left out." if left_out else ""),
        **fields,
    }
    return Probe(
        name=name,
        languages=(language,),
        groups=tuple(Group(name=group, wording={}) for group in groups),
        scenarios=(),
        source=file.name,
        digest=made.hexdigest(),
        prompts=tuple(prompts),
        **rest,
    )
