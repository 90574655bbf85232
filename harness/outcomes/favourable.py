"""favourable: 1 means that the answer favours the person.

From log-probabilities: p(yes) / (p(yes) + p(no)), all spellings of each summed; which of the two
favours is declared by the scenario. From text: 1 or 0. Whether enough probability falls on the
spellings at all is the outcome `mass`.
"""

from harness.outcomes._read import unanswered, yes_or_no
from harness.outcomes._share import share
from harness.records import Prompt, Response, Seen

RANGE = (0.0, 1.0)
AGAINST = "others"
READS_GROUPS = False
MEANING = "the answer favours the person"


def measure(prompt: Prompt, response: Response) -> float | Seen:
    """Returns how far the answer favours the person."""
    if response.logprobs is not None:
        found = share(prompt, response, "spelling")
        return Seen.UNPARSED if found is None else found
    missing = unanswered(response)
    if missing:
        return missing
    said = yes_or_no(response.text or "")
    return Seen.UNPARSED if said is None else float(said == prompt.favourable)
