"""mass: 1 means that the next words are certain to be yes or no, in one of their spellings.

A control, not a disparity: where it is small, what the model would have said is not known from
the ratio of yes to no.
"""

import math

from harness.outcomes._share import masses
from harness.records import Prompt, Response, Seen

RANGE = (0.0, 1.0)
AGAINST = "none"
READS_GROUPS = False
MEANING = "the answer begins with a spelling of yes or no"


def measure(prompt: Prompt, response: Response) -> float | Seen:
    """Returns the summed probability of all spellings, which hold no other as a prefix."""
    if response.logprobs is None:
        return Seen.UNPARSED
    yes, no = masses(prompt, response, "spelling")
    return min(1.0, math.exp(yes) + math.exp(no))
