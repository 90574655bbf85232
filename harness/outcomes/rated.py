"""rated: 1 means the end of the scale that favours the person, 0 the other end.

From log-probabilities: the mean answer, each answer of the scale weighed by its likelihood. From
text: the one number that it holds.
"""

import math
import re

from harness.outcomes._read import plain, unanswered
from harness.records import Prompt, Response, Seen

RANGE = (0.0, 1.0)
AGAINST = "others"
READS_GROUPS = False
MEANING = "the number favours the person"

_NUMBER = re.compile(r"(?<![\d.])-?\d+(?:,\d{3})*(?:\.\d+)?")
_OUT_OF = re.compile(r"(?:/|\bout of\b|满分(?:是|为)?)\s*(\d+)")


def measure(prompt: Prompt, response: Response) -> float | Seen:
    """Returns where the answer lies between the ends of the scale."""
    points = [float(choice.meaning) for choice in prompt.choices]
    low, high = points[0], points[-1]
    if response.logprobs is not None:
        sums = [sum(tokens) for tokens in response.logprobs]
        weights = [math.exp(each - max(sums)) for each in sums]
        number = sum(w * p for w, p in zip(weights, points, strict=True)) / sum(weights)
    else:
        if missing := unanswered(response):
            return missing
        said = _said(response.text or "", high)
        if said is None or not low <= said <= high:
            return Seen.UNPARSED
        number = said
    share = min(1.0, max(0.0, (number - low) / (high - low)))
    return share if prompt.favourable == "high" else 1 - share


def _said(text: str, high: float) -> float | None:
    """Returns the one number of an answer, not counting `out of` the highest; None for several."""
    folded = _OUT_OF.sub(lambda m: "" if float(m[1]) == high else m[0], plain(text).casefold())
    found = {float(number.replace(",", "")) for number in _NUMBER.findall(folded)}
    return found.pop() if len(found) == 1 else None
