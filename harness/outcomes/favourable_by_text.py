"""favourable_by_text: 1 means that the favourable answer sentence is all but certain.

Forced choice between two answer sentences by their likelihood. It takes the place of
`favourable` where too little probability falls on yes and no for those to be read.
"""

from harness.outcomes._share import share
from harness.records import Prompt, Response, Seen

RANGE = (0.0, 1.0)
AGAINST = "others"
READS_GROUPS = False
MEANING = "of two answer sentences the favourable one is likelier"


def measure(prompt: Prompt, response: Response) -> float | Seen:
    """Returns p(favourable sentence) against the other sentence."""
    found = share(prompt, response, "text")
    return Seen.UNPARSED if found is None else found
