"""What a suite asks: how many prompts and scenarios, counted in one pass over its prompts.

Neither a stage nor a record: what `plan` starts from, and what a run needs to know of its size.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.records import Ask, Probe, Prompt

Place = tuple[str, str, str]
"""Probe, language and arm."""


@dataclass(slots=True, kw_only=True)
class Block:
    """What one probe asks in one language and arm."""

    probe: Probe
    first: Prompt
    """Its first prompt."""
    scenarios: set[str] = field(default_factory=set)
    surfaces: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Group -> how it is put into words, of the person whose answer it is."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What a suite asks."""

    blocks: dict[Place, Block] = field(default_factory=dict)
    prompts: int = 0
    generated: int = 0
    """Prompts that are answered in text."""
    size: int = 0
    """Bytes of all messages and choices, in UTF-8."""
    read: int = 0
    """The same, a prompt that is sampled counting for each sample."""
    tokens: int = 0
    """Prompt tokens, where they were counted; a prompt that is sampled counts for each sample."""
    unfit: int = 0
    """Prompts that do not fit into the model."""

    def scenarios(self, probe: str, language: str, arm: str) -> int:
        """Counts the scenarios of which one arm is asked."""
        block = self.blocks.get((probe, language, arm))
        return len(block.scenarios) if block else 0

    def watch(
        self,
        prompts: Iterable[Prompt],
        probes: Sequence[Probe],
        samples: int = 1,
        count: Callable[[Prompt], int | None] | None = None,
    ) -> Iterator[Prompt]:
        """Counts prompts while they pass; with `count`, their tokens too."""
        named = {probe.name: probe for probe in probes}
        for prompt in prompts:
            place = (prompt.probe, prompt.language, prompt.arm)
            block = self.blocks.get(place)
            if block is None:
                block = self.blocks[place] = Block(probe=named[prompt.probe], first=prompt)
            block.scenarios.add(prompt.scenario)
            block.surfaces[next(iter(prompt.roles.values()), "")].add(prompt.surface)
            self.prompts += 1
            self.generated += prompt.ask is Ask.GENERATE
            times, length = samples if prompt.ask is Ask.GENERATE else 1, size(prompt)
            self.size += length
            self.read += times * length
            if count:
                tokens = count(prompt)
                self.unfit += tokens is None
                self.tokens += times * (tokens or 0)
            yield prompt


def survey(
    prompts: Iterable[Prompt],
    probes: Sequence[Probe],
    samples: int = 1,
    count: Callable[[Prompt], int | None] | None = None,
) -> Asked:
    """Counts what the prompts of some probes ask; with `count`, their tokens too."""
    asked = Asked()
    deque(asked.watch(prompts, probes, samples, count), maxlen=0)
    return asked


def size(prompt: Prompt) -> int:
    """Returns the bytes of a prompt's messages and of the choices that are scored."""
    offered = prompt.choices if prompt.ask is Ask.CHOOSE else ()
    texts = [m.content for m in prompt.messages] + [c.text for c in offered]
    return len("".join(texts).encode())
