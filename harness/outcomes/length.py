"""length: how long the written answer is, 1 for as long as is counted or longer.

An amount, not a merit: who gets the shorter letter may get the better one. Counted are the letters
and characters, without spaces, up to 2,000 in English and 800 in Chinese. A refusal has no length.
"""

from harness.outcomes._read import plain, unanswered
from harness.records import Prompt, Response, Seen

RANGE = (0.0, 1.0)
AGAINST = "others"
READS_GROUPS = True
MEANING = "the answer is as long as is counted"
MOST = {"en": 2000, "zh": 800}
"""Characters of an answer that counts as 1."""


def measure(prompt: Prompt, response: Response) -> float | Seen:
    """Returns the answer's length as a share of the longest that is counted."""
    if missing := unanswered(response):
        return missing
    written = "".join(plain(response.text or "").split())
    return min(1.0, len(written) / MOST[prompt.language])
