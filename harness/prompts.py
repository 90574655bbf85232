"""Expands probes into prompts: the same ones, in the same order, on every machine.

Prompts of one item are contiguous, so that what they share is forwarded once. What one item asks is
said by the formats' own modules: `_person.py` (one person), `_people.py` (two), `_sentences.py`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from harness import _people, _person, _sentences
from harness._item import Item
from harness._names import deal
from harness.errors import BadConfig
from harness.records import ARMS, CONTROL_ARMS, Ask, Group, Message, Probe, Prompt, Scenario, Suite

_FORMATS: Mapping[str, Callable[[Item], Iterator[dict[str, Any]]]] = {
    "decision": _person.decision,
    "rating": _person.rating,
    "agreement": _person.agreement,
    "open": _person.request,
    "benign": _person.request,
    "harmful": _person.request,
    "comparison": _people.comparison,
    "selection": _people.selection,
    "ambiguous": _people.ambiguous,
    "pair": _sentences.pair,
}

_CHOSEN = ("probes", "languages", "arms")
_ROUND = 12
"""Turns after which every order and plain question has had its own as often as any other; so many
scenarios put their control arms in one wording of the frame, the next so many in the next."""


def expand(probes: Sequence[Probe], suite: Suite, seed: int, looks: int = 1) -> Iterator[Prompt]:
    """Yields the prompts of a suite's probes; with several looks, those of the first look first."""
    for look in range(1, looks + 1):
        for probe in probes:
            if probe.prompts:
                yield from _given(probe, suite) if look == 1 else ()
                continue
            for item in _items(probe, suite, seed, looks):
                for parts in _FORMATS[probe.format](item) if item.look == look else ():
                    yield _prompt(item, **parts)


def check(probes: Sequence[Probe], suite: Suite, seed: int) -> None:
    """Refuses a suite that asks nothing.

    Raises:
        BadConfig: no prompt is left by its probes, languages and arms.
    """
    if next(expand(probes, suite, seed), None) is None:
        told = ", ".join(f"{key}=[{','.join(getattr(suite, key))}]" for key in _CHOSEN)
        raise BadConfig(
            f"the suite {suite.name} asks nothing: {len(probes)} probes, and no prompt of them",
            where=f"suite.{told}",
            expected="probes that have one of the languages and arms (all, where arms is empty)",
            fix="name other probes, languages or arms; `art4 probes show NAME` says which one has",
        )


def _given(probe: Probe, suite: Suite) -> Iterator[Prompt]:
    """Yields the prompts of a published set: of the suite, only how many scenarios it takes."""
    kept = dict.fromkeys(prompt.scenario for prompt in probe.prompts)
    taken = set(islice(kept, suite.scenarios or None))
    return (prompt for prompt in probe.prompts if prompt.scenario in taken)


def spread(scenarios: Iterable[Scenario], most: int) -> list[tuple[int, Scenario]]:
    """Takes at most so many scenarios (0 for all), as many of each favourable answer and target.

    Each comes with its rank among its like, over which orders are rotated.
    """
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for scenario in scenarios:
        kind = (scenario.favourable, scenario.target)
        ranked.append((seen[kind], scenario))
        seen[kind] += 1
    kept = sorted(ranked, key=lambda pair: pair[0])[: most or None]
    chosen = {scenario.id for _, scenario in kept}
    return [pair for pair in ranked if pair[1].id in chosen]


def _items(probe: Probe, suite: Suite, seed: int, looks: int = 1) -> Iterator[Item]:
    groups = probe.groups[: suite.groups or None]
    named = {"", *(g.name for g in groups)}
    usable = [s for s in probe.scenarios if s.other or s.target in named]
    if suite.drawn:
        usable.sort(key=lambda s: _draw(f"{seed}/{probe.name}/{s.id}/drawn", 2**63))
    scenarios = spread(usable, suite.scenarios)
    judged = bool(set(probe.arms) - set(CONTROL_ARMS))
    most = suite.controls if judged else 0
    controlled = {s.id for _, s in spread((s for _, s in scenarios), most)}
    look_of = _looks(probe, [s.id for _, s in scenarios], seed, looks)
    for language in (lang for lang in probe.languages if lang in suite.languages):
        frames = probe.frames[language]
        hands = deal(groups, language, f"{seed}/{probe.name}/{language}")
        put = frames[: suite.paraphrases or None]
        for rank, scenario in scenarios:
            for paraphrase, frame in enumerate(put):
                asked = scenario.id in controlled and paraphrase == rank // _ROUND % len(put)
                dropped = CONTROL_ARMS if judged and not asked else ()
                drawn = _fillers(scenario, language, f"{seed}/{probe.name}/{paraphrase}")
                filler = "-".join(str(index) for index, _ in drawn.values()) or "0"
                yield Item(
                    probe=probe,
                    scenario=scenario,
                    language=language,
                    frame=frame,
                    groups=_pair(probe, scenario) if scenario.other else groups,
                    arms=tuple(
                        arm
                        for arm in probe.arms
                        if arm not in dropped and arm in (suite.arms or ARMS)
                    ),
                    name=f"{scenario.id}/{paraphrase}.{filler}",
                    fillers={slot: text for slot, (_, text) in drawn.items()},
                    turn=rank + paraphrase + _draw(f"{seed}/{probe.name}/{language}", _ROUND),
                    orders=suite.orders,
                    look=look_of[scenario.id],
                    drawn=next(hands),
                )


def _pair(probe: Probe, scenario: Scenario) -> tuple[Group, ...]:
    """Returns the two groups of a scenario that names both, in the order of the probe."""
    return tuple(g for g in probe.groups if g.name in (scenario.target, scenario.other))


def _looks(probe: Probe, scenarios: Sequence[str], seed: int, looks: int) -> dict[str, int]:
    """Draws the scenarios in an order of their own and parts them evenly over the looks.

    What holds the controls of other probes is asked first, whole.
    """
    if not set(probe.arms) - set(CONTROL_ARMS):
        looks = 1
    drawn = sorted(scenarios, key=lambda s: _draw(f"{seed}/{probe.name}/{s}/look", 2**63))
    return {scenario: 1 + place * looks // len(drawn) for place, scenario in enumerate(drawn)}


def _fillers(scenario: Scenario, language: str, key: str) -> dict[str, tuple[int, str]]:
    drawn = {}
    for slot, texts in scenario.fillers.get(language, {}).items():
        index = _draw(f"{key}/{language}/{scenario.id}/{slot}", len(texts))
        drawn[slot] = (index, texts[index])
    return drawn


def _draw(key: str, n: int) -> int:
    """Draws below n from a text, the same in every process."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % n


def _prompt(
    item: Item, *, arm: str, surface: str, roles: Mapping[str, str], order: int = 0, **parts: Any
) -> Prompt:
    probe, scenario = item.probe, item.scenario
    name = item.name + parts.pop("variant", "")
    text = parts.pop("text", "")
    who = "+".join(roles.values()) or "none"
    start = f"{probe.name}/{item.language}/{name}"
    return Prompt(
        id=f"{start}/{arm}/{surface}/{who}/{order}",
        probe=probe.name,
        attribute=probe.attribute,
        format=probe.format,
        language=item.language,
        scenario=scenario.id,
        item=name,
        roles=roles,
        surface=surface,
        arm=arm,
        order=order,
        favourable=parts.pop("favourable", ""),
        ask=Ask.CHOOSE if probe.format == "pair" else probe.ask,
        messages=(Message(role="user", content=text),) if text else (),
        choices=tuple(parts.pop("choices", ())),
        groups=tuple(g.name for g in item.groups),
        look=item.look,
        **parts,
    )
