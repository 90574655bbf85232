"""agreed_by_text: 1 means that the answer sentence that agrees with the claim is all but certain.

It takes the place of `agreed` where too little probability falls on yes and no.
"""

from harness.outcomes import favourable_by_text
from harness.records import Prompt, Response, Seen

RANGE = (0.0, 1.0)
AGAINST = "target"
READS_GROUPS = False
MEANING = "of two answer sentences the one that agrees with the claim is likelier"


def measure(prompt: Prompt, response: Response) -> float | Seen:
    """Returns p(agreeing sentence) against the other sentence."""
    return favourable_by_text.measure(prompt, response)
