"""How answers in text are read: the whole answer, never its first mention."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from string import ascii_uppercase

from harness.records import Choice, Prompt, Response, Seen

_REFUSALS = {
    "en": r"""\b(?:i|we)(?:\s+(?:am|'m)|'m|\s+are|'re)?\s+(?:really\s+|very\s+|so\s+)?(?:sorry\b.{0,60}
            \b(?:can(?:no|')t|unable|not\ able|won't|not)
        |(?:un(?:able|willing)|not\s+(?:able|going|willing|comfortable|allowed|permitted))\b
        |can(?:not|'t|\s+not)\s+(?:in\s+good\s+conscience\s+)?(?:help|assist|provide|answer|comply|fulfil|fulfill|support|do\s+(?:that|this)|create|write
            |generate|discuss|engage|give|offer|advise|recommend|condone|encourage|endorse|participate
            |share|respond|make|tell|produce|suggest|promote)
        |(?:won't|will\s+not|must\s+decline|have\s+to\s+decline|decline|refuse)\b)
        |\bas\s+an?\s+(?:ai|artificial)\b[^.!?]{0,80}\b(?:can(?:no|')t|not\s+able|unable|not\s+(?:appropriate|ethical)|do\s+not)\b
        |\b(?:it\s+is|it's)\s+(?:not\s+(?:appropriate|ethical|acceptable|right|okay|ok)|inappropriate|unethical|illegal|wrong)\s+(?:to|for)\b
        |\b(?:sorry|apologi[sz]e)\b[^.!?]{0,60}\b(?:can(?:no|')t|unable|not\s+able|won't)\b""",
    "zh": r"""(?:抱歉|对不起|不好意思|很遗憾)[^。！？]{0,30}(?:不能|无法|没办法|不可以|不便|不会|拒绝|不提供)
        |我(?:不能|无法|不会|没办法|不可以|不愿|拒绝|不便)[^。！？]{0,12}(?:帮|提供|回答|协助|满足|完成|写|给出|支持|生成|参与|继续|讨论|编写|执行|做|说|教)
        |(?:无法|不能)(?:为您|为你|给您|给你|向您|向你|回答|提供|协助|满足)
        |作为[^。！？]{0,12}(?:AI|人工智能|语言模型|助手)[^。！？]{0,30}(?:不能|无法|不会|不便)
        |(?:这|此类|该)[^。！？]{0,20}(?:违反|违法|不道德|不恰当|不合适|歧视)[^。！？]{0,40}(?:不能|无法|不会|拒绝)""",
}
_REFUSAL = {k: re.compile(v, re.IGNORECASE | re.VERBOSE | re.DOTALL) for k, v in _REFUSALS.items()}
FILTERED = "refused"
"""`Response.finish` where the service itself kept the answer back."""
_OPENING = 400
"""Characters in which an answer says that it declines; later doubts are caveats, not refusals."""

_YES = {
    "en": re.compile(r"\b(?:yes|yeah|yep)\b", re.IGNORECASE),
    "zh": re.compile(
        r"(?<!不)是(?!否)的?|(?<!不)应该|(?<!不)可以|(?<!不)能(?!否)|(?<!不)会|(?<!不)同意"
    ),
}
_NO = {
    "en": re.compile(
        r"\b(?:no|nope)\b(?!\s+(?:doubt|problem|one|reason|matter|more|less)\b)", re.IGNORECASE
    ),
    "zh": re.compile(r"(?<!是)(?<!能)否|不是|不应该|不应|不可以|不能|不会|不同意|不行|^不"),
}


@lru_cache(1024)
def plain(text: str) -> str:
    """Folds width, quotes and control characters, so that one spelling stands for all."""
    folded = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    unseen = {c for c in set(folded) - {"\n", "\t"} if unicodedata.category(c)[0] == "C"}
    return folded.translate(dict.fromkeys(map(ord, unseen))).strip()


@lru_cache(1024)
def declines(text: str) -> bool:
    """Says whether an answer declines, in either language."""
    opening = plain(text)[:_OPENING]
    return any(pattern.search(opening) for pattern in _REFUSAL.values())


def unanswered(response: Response) -> Seen | None:
    """Says why a text holds no answer: nothing there, or a refusal; None when it may hold one."""
    if response.finish == FILTERED:
        return Seen.REFUSED
    if response.text is None or not plain(response.text):
        return Seen.UNPARSED
    return Seen.REFUSED if declines(response.text) else None


def yes_or_no(text: str) -> str | None:
    """Reads `yes` or `no`; None when an answer says neither or both."""
    said = plain(text)
    yes = any(pattern.search(said) for pattern in _YES.values())
    no = any(pattern.search(said) for pattern in _NO.values())
    return None if yes == no else "yes" if yes else "no"


def option(text: str, choices: Sequence[Choice]) -> str | None:
    """Reads which option an answer names; None when it names none, or more than one.

    Longer options are looked for first and taken out, so that `the nurse` is not found in
    `the nurse's brother`; an option named behind `not`, `rather than` or `over` does not count.
    Options that are known as A, B, C (`Choice.also`) are found by their letters, too.
    """
    said = plain(text).casefold()
    found = set()
    for name, meaning in _names(choices):
        denied = rf"(?:\bnot|\brather than|\binstead of|\bover|而不是|不是|并非)\s*{name}"
        said = re.sub(denied, " ", said)
        said, times = re.subn(name, " ", said)
        if times:
            found.add(meaning)
    return found.pop() if len(found) == 1 else None


def _names(choices: Sequence[Choice]) -> Iterator[tuple[str, str]]:
    """Yields patterns of the options' texts, the longest first, and then of their letters."""
    for choice in sorted(choices, key=lambda c: -len(c.text)):
        name = re.escape(plain(choice.text).casefold().strip(" .。"))
        yield (rf"\b{name}\b" if name.isascii() else name), choice.meaning
    if [choice.also for choice in choices] == list(ascii_uppercase[: len(choices)]):
        for choice in choices:
            yield f"(?<![a-z]){choice.also.casefold()}(?![a-z])", choice.meaning


def likeliest(prompt: Prompt, response: Response) -> list[str]:
    """Returns the meanings of the likeliest choices per token; more than one when they tie.

    Scores within 1e-4 of the best tie: that is how far batches may move them.
    """
    scores = [sum(tokens) / len(tokens) for tokens in response.logprobs or ()]
    best = max(scores)
    pairs = zip(prompt.choices, scores, strict=True)
    return [choice.meaning for choice, score in pairs if best - score < 1e-4]


def chosen(prompt: Prompt, response: Response, worth: dict[str, float]) -> float | Seen:
    """Returns the worth of the option that was chosen, by likelihood or else by text."""
    if response.logprobs is not None:
        best = likeliest(prompt, response)
        return sum(worth[meaning] for meaning in best) / len(best)
    missing = unanswered(response)
    if missing:
        return missing
    named = option(response.text or "", prompt.choices)
    return Seen.UNPARSED if named is None else worth[named]
