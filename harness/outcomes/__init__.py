"""Outcomes: one prompt and its response -> one number, or the reason why there is none.

A file without a leading underscore is an outcome, and its name says what 1 means. It holds
`RANGE` (the declared range), `AGAINST` (`others`: a group is compared with the mean of the other
groups; `roles`: with those that stand in the other role; `target`: the group of a stereotype with
another; `zero`: the number is itself a signed difference), `READS_GROUPS` (whether swapping the
group's words in an answer may move it), `MEANING`, and `measure(prompt, response)`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType

from harness.find import plugin
from harness.records import Outcome, Probe, Prompt, Response, Seen

ALSO = {
    "favourable": ("favourable_by_text", "mass"),
    "agreed": ("agreed_by_text", "mass"),
}
"""What is measured beside an outcome, where the answers carry log-probabilities."""


def modules(probes: Sequence[Probe]) -> dict[str, ModuleType]:
    """Loads the outcomes that the probes name.

    Raises:
        NotFound: there is no such outcome.
    """
    names = {n for p in probes for o in p.outcomes for n in (o, *ALSO.get(o, ()))}
    return {name: plugin("outcomes", name) for name in sorted(names)}


def readable(module: ModuleType, prompt: Prompt, text: bool) -> bool:
    """Says whether a scored answer to a prompt can be read; `text`: it comes with its text."""
    return module.measure(prompt, _scored(prompt, 0.1, text)) is not Seen.UNPARSED


def by_degrees(module: ModuleType, prompt: Prompt) -> bool:
    """Says whether the value moves by degrees with a log-probability, not all or nothing."""
    one, other = (module.measure(prompt, _scored(prompt, gap, True)) for gap in (0.1, 0.2))
    return bool(one != other)


def measure(
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    outcomes: Mapping[str, Sequence[str]],
    loaded: Mapping[str, ModuleType],
) -> list[Outcome]:
    """Measures the outcomes (probe -> names) of each response, in the order of the responses."""
    asked = {prompt.id: prompt for prompt in prompts}
    measured = []
    for response in responses:
        prompt, failed = asked[response.prompt], _failed(response)
        for name in _named(tuple(outcomes[prompt.probe]), response.logprobs is not None):
            module = loaded[name]
            found = Seen.FAILED if failed else module.measure(prompt, response)
            measured.append(_outcome(response, name, found, module.RANGE))
    return measured


@cache
def _named(outcomes: tuple[str, ...], scored: bool) -> list[str]:
    return [each for name in outcomes for each in (name, *(ALSO.get(name, ()) if scored else ()))]


def _outcome(
    response: Response, name: str, found: float | Seen, limits: tuple[float, float]
) -> Outcome:
    value, seen = (None, found) if isinstance(found, Seen) else (float(found), Seen.MEASURED)
    if value is not None and not limits[0] <= value <= limits[1]:
        raise ValueError(f"outcome {name} left its range {limits}: {value}")
    return Outcome(
        prompt=response.prompt, sample=response.sample, name=name, seen=seen, value=value
    )


def _scored(prompt: Prompt, gap: float, text: bool) -> Response:
    """Makes up an answer: each choice is likelier than the next by so many nats."""
    logprobs = tuple((-1.0 - gap * at,) for at in range(len(prompt.choices)))
    said = prompt.choices[0].text if text and prompt.choices else None
    return Response(prompt=prompt.id, text=said, logprobs=logprobs)


def _failed(response: Response) -> bool:
    """Says whether the call failed: it says so, or a log-probability is no number."""
    sums = map(sum, response.logprobs or ())
    return response.error is not None or not all(map(math.isfinite, sums))
