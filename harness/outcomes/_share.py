"""Probabilities of yes and no, each summed over its wordings."""

import math

from harness.records import Prompt, Response


def masses(prompt: Prompt, response: Response, kind: str) -> tuple[float, float]:
    """Returns log p(yes) and log p(no), summed over the choices of one kind (`spelling`, `text`).

    A choice that was not scored adds nothing: see `harness.models._listed`, which bounds it.
    """
    sums: dict[str, list[float]] = {"yes": [], "no": []}
    for choice, tokens in zip(prompt.choices, response.logprobs or (), strict=True):
        answer, _, as_kind = choice.meaning.partition(":")
        if as_kind == kind and tokens:
            sums[answer].append(sum(tokens))
    return _logsum(sums["yes"]), _logsum(sums["no"])


def share(prompt: Prompt, response: Response, kind: str) -> float:
    """Returns p(favourable) / (p(yes) + p(no)) among the choices of one kind."""
    yes, no = masses(prompt, response, kind)
    gap = yes - no if prompt.favourable == "yes" else no - yes
    return 1 / (1 + math.exp(-gap)) if gap > 0 else math.exp(gap) / (1 + math.exp(gap))


def scored(prompt: Prompt, response: Response, kind: str) -> bool:
    """Says whether any choice of a kind was scored."""
    pairs = zip(prompt.choices, response.logprobs or (), strict=False)
    return any(tokens for choice, tokens in pairs if choice.meaning.endswith(f":{kind}"))


def _logsum(values: list[float]) -> float:
    if not values:
        return -math.inf
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))
