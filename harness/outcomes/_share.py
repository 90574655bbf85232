"""Probabilities of yes and no, each summed over its wordings."""

import math
from functools import lru_cache
from operator import attrgetter

from harness.records import Prompt, Response

_MEANING = attrgetter("meaning")


def masses(prompt: Prompt, response: Response, kind: str) -> tuple[float, float]:
    """Returns log p(yes) and log p(no), summed over the choices of one kind (`spelling`, `text`).

    A choice that was not scored adds nothing: see `harness.models._listed`, which bounds it.
    """
    yes, no = _scores(prompt, response, kind)
    return _logsum(yes), _logsum(no)


def share(prompt: Prompt, response: Response, kind: str) -> float | None:
    """Returns p(favourable) / (p(yes) + p(no)) among the choices of one kind; None if none is scored."""
    yes, no = _scores(prompt, response, kind)
    if not yes and not no:
        return None
    gap = _logsum(yes) - _logsum(no)
    gap = gap if prompt.favourable == "yes" else -gap
    return 1 / (1 + math.exp(-gap)) if gap > 0 else math.exp(gap) / (1 + math.exp(gap))


def _scores(prompt: Prompt, response: Response, kind: str) -> tuple[list[float], list[float]]:
    """Returns the log-probabilities of the choices that say yes, and of those that say no."""
    given = response.logprobs
    if given is None:
        return [], []
    if len(given) != len(prompt.choices):
        raise ValueError(f"{prompt.id}: {len(prompt.choices)} choices, {len(given)} scores")
    yes, no = _places(tuple(map(_MEANING, prompt.choices)), kind)
    return (
        [sum(tokens) for n in yes if (tokens := given[n])],
        [sum(tokens) for n in no if (tokens := given[n])],
    )


@lru_cache(1024)
def _places(meanings: tuple[str, ...], kind: str) -> tuple[list[int], list[int]]:
    """Returns where the choices of one kind stand that say yes, and those that say no."""
    yes, no = f"yes:{kind}", f"no:{kind}"
    return (
        [n for n, meaning in enumerate(meanings) if meaning == yes],
        [n for n, meaning in enumerate(meanings) if meaning == no],
    )


def _logsum(values: list[float]) -> float:
    if len(values) < 2:
        return values[0] if values else -math.inf
    top = max(values)
    return top + math.log(sum([math.exp(v - top) for v in values]))
