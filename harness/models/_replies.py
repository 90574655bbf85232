"""Reads what an endpoint sends back; what it cannot be is a fault, never a number."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

REFUSED = "refused"
_ABOVE = 1e-4
"""How far rounding may lift a log-probability above 0."""
_BELOW = -1e300
_TOKENS = 2**24
"""More tokens than any reply counts."""


class Fault(Exception):
    """Says why a call gave no answer, and whether another attempt may."""

    def __init__(
        self, reason: str, *, again: bool, busy: bool = False, after: float = 0.0, kind: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason, self.again, self.busy, self.after, self.kind = reason, again, busy, after, kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of an endpoint."""

    text: str | None = None
    reasoning: str | None = None
    finish: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    model: str = ""
    server: str = ""
    """Its `system_fingerprint`."""
    first: Mapping[bytes, float] | None = None
    """The likeliest first tokens -> natural-log probability, where they were given."""
    scored: Sequence[tuple[str, float | None]] | None = None
    """Tokens of an echoed text with what each was given by those before."""


def parse(body: bytes) -> dict[str, Any]:
    """Reads JSON that holds exactly one choice.

    Raises:
        Fault: it is anything else.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Fault("the answer is no JSON", again=True) from error
    if not isinstance(found, dict):
        raise Fault("the answer is no JSON object", again=True)
    choices = found.get("choices")
    if not isinstance(choices, list):
        told = "an error" if found.get("error") else "no choices"
        raise Fault(f"the answer holds {told}", again=True)
    if len(choices) != 1 or not isinstance(choices[0], dict):
        raise Fault(f"the answer holds {len(choices)} choices where 1 was asked for", again=True)
    return found


def _shaped(read: Callable[[bytes], Reply]) -> Callable[[bytes], Reply]:
    """Makes a fault of an answer whose parts are not of the kinds that the API names."""

    @wraps(read)
    def reading(body: bytes) -> Reply:
        try:
            return read(body)
        except (AttributeError, TypeError, ValueError, LookupError) as error:
            raise Fault("the answer is not shaped as the API says", again=True) from error

    return reading


@_shaped
def chat(body: bytes) -> Reply:
    """Reads an answer of chat completions; raises as `parse` does."""
    found = parse(body)
    choice = found["choices"][0]
    message, listed = choice.get("message"), choice.get("logprobs")
    if not isinstance(message, dict):
        raise Fault("the choice holds no message", again=True)
    declined = message.get("refusal")
    text = _text(message.get("content") or declined)
    thought = _text(message.get("reasoning_content") or message.get("reasoning"))
    content = listed.get("content") if isinstance(listed, dict) else None
    first = content[0].get("top_logprobs") if isinstance(content, list) and content else None
    pairs = [(_bytes(t), t.get("logprob")) for t in first] if isinstance(first, list) else None
    finish = REFUSED if declined else _finish(choice)
    return _reply(found, text, thought, finish, first=_listed(pairs))


@_shaped
def completion(body: bytes) -> Reply:
    """Reads an answer of completions; raises as `parse` does."""
    found = parse(body)
    choice = found["choices"][0]
    if not isinstance(choice.get("text"), str):
        raise Fault("the choice holds no text", again=True)
    given = choice.get("logprobs")
    given = given if isinstance(given, dict) else {}
    tops, tokens, values = (
        given.get(key) or () for key in ("top_logprobs", "tokens", "token_logprobs")
    )
    pairs = [(t.encode(), v) for t, v in tops[0].items()] if tops and tops[0] else None
    if not all(isinstance(token, str) for token in tokens):
        raise TypeError("a token that is no text")
    scored = list(zip(tokens, values, strict=True)) if len(tokens) == len(values) > 0 else None
    return _reply(found, choice["text"], None, _finish(choice), first=_listed(pairs), scored=scored)


def _reply(
    found: Mapping[str, Any], text: str | None, thought: str | None, finish: str, **scores: Any
) -> Reply:
    own, text = split(text)
    usage = found.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(
        text=text,
        reasoning="\n".join(part for part in (thought, own) if part) or None,
        finish=finish,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        model=_named(found.get("model")),
        server=_named(found.get("system_fingerprint")),
        **scores,
    )


def split(text: str | None) -> tuple[str | None, str | None]:
    """Parts what was thought from what was said; a thought that never ends is all of it."""
    if text is None:
        return None, None
    thought, mark, said = text.rpartition("</think>")
    if mark:
        return thought.replace("<think>", "").strip(), said.lstrip()
    if text.lstrip().startswith("<think>"):
        return text.replace("<think>", "").strip(), ""
    return None, text


def _finish(choice: Mapping[str, Any]) -> str:
    reason = choice.get("finish_reason")
    return {"length": "length", "content_filter": REFUSED}.get(str(reason), "stop")


def _text(value: object) -> str | None:
    """Joins a content that comes in parts."""
    if isinstance(value, list):
        value = "".join(str(part.get("text", "")) for part in value if isinstance(part, dict))
    if value is not None and not isinstance(value, str):
        raise Fault("the message holds no text", again=True)
    return value


def _bytes(token: Mapping[str, Any]) -> bytes:
    """Returns the bytes of a token, which may be a part of a character."""
    raw = token.get("bytes")
    return bytes(list(raw)) if raw else str(token.get("token", "")).encode(errors="replace")


def _listed(pairs: Sequence[tuple[bytes, Any]] | None) -> Mapping[bytes, float] | None:
    if not pairs:
        return None
    listed: dict[bytes, float] = {}
    for token, value in pairs:
        told, same = number(value), listed.get(token)
        if same is not None:
            told = max(same, told) + math.log1p(math.exp(-abs(same - told)))
        listed[token] = told
    return listed


def number(value: object) -> float:
    """Returns a log-probability.

    Raises:
        Fault: it is none.
    """
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not _BELOW <= value <= _ABOVE:  # type: ignore[operator]
        raise Fault("a log-probability is no number, or above 0", again=True)
    return float(value)  # type: ignore[arg-type]


def _named(value: object) -> str:
    """Returns a name that a file in UTF-8 can hold."""
    return str(value or "").encode(errors="replace").decode()


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < _TOKENS else 0
