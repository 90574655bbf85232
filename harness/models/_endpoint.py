"""What an endpoint can be opened with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from harness.errors import BadConfig, NotFound
from harness.models._given import bad, refuse_unknown

APIS = ("chat", "completions")
READINGS = ("auto", "text")
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LEAST = {
    **{"connections": 1, "attempts": 1, "backoff": 0, "connect_timeout": 1e-3},
    **{"read_timeout": 1e-3, "timeout": 1e-3, "requests_per_minute": 0, "tokens_per_minute": 0},
    **{"max_calls": 0, "max_tokens": 0, "max_cost": 0},
}
_WHOLE = ("connections", "attempts", "max_calls", "max_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an endpoint is opened with; numbers that limit are 0 for no limit."""

    url: str
    """Up to and with the version: http://host:8000/v1."""
    name: str
    """The model, as the server calls it."""
    api: str = "chat"
    key_env: str | None = None
    """The name of the environment variable that holds the key."""
    system: str | None = None
    """The service's own system prompt."""
    reading: str = "auto"
    """How decisions are read: `auto` takes log-probabilities where the server gives them."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the request's body; null takes one out."""
    connections: int = 64
    """At most so many calls at a time."""
    attempts: int = 6
    """A call is tried so often."""
    backoff: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    """Seconds in which nothing arrives."""
    timeout: float = 300.0
    """Seconds of one attempt, however much arrives."""
    requests_per_minute: float = 0
    tokens_per_minute: float = 0
    max_calls: int = 0
    max_tokens: int = 0
    max_cost: float = 0
    """In the currency of `prices`."""
    prices: Mapping[str, Any] | None = None
    """What a million tokens cost; `harness.settings` checks them."""
    proxies: bool = False
    """Whether proxies named by the environment are used."""

    def __post_init__(self) -> None:
        _check_url(self.url)
        for name, least in _LEAST.items():
            kind = int if name in _WHOLE else (int, float)
            value = getattr(self, name)
            if not isinstance(value, kind) or isinstance(value, bool) or not value >= least:
                word = "whole number" if name in _WHOLE else "number"
                raise bad(name, value, f"a {word} of at least {least:g}")
        for name, known in (("api", APIS), ("reading", READINGS)):
            if getattr(self, name) not in known:
                raise NotFound.among(name, str(getattr(self, name)), known, where=f"model.{name}")
        for name, wanted, word in (
            ("system", str | None, "text"),
            ("extra", Mapping, "a mapping such as {top_p: 0.9}"),
            ("proxies", bool, "true or false"),
        ):
            if not isinstance(getattr(self, name), wanted):
                raise bad(name, getattr(self, name), word)
        if self.max_cost and not self.prices:
            raise bad("max_cost", self.max_cost, "prices beside it, by model.prices")

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        """Checks the names and values of `given`.

        Raises:
            BadConfig, NotFound: a name is unknown, missing or a value out of range.
        """
        known = [f.name for f in fields(cls)]
        refuse_unknown(given, known)
        for name in ("url", "name"):
            if not isinstance(given.get(name), str) or not given[name]:
                raise BadConfig(
                    f"model.{name} is {given.get(name)!r}",
                    where=f"model.{name}",
                    expected="model=chat with model.url=http://host/v1 and model.name=NAME",
                    fix=f"set model.{name}",
                )
        return cls(**given)

    def key(self) -> str | None:
        """Returns the key, which no message ever shows.

        Raises:
            BadConfig: the variable is not set, or holds what cannot be a key.
        """
        if self.key_env is None:
            return None
        named = isinstance(self.key_env, str) and _VARIABLE.fullmatch(self.key_env)
        key = os.environ.get(self.key_env, "").strip() if named else ""
        if not key or not key.isascii() or not key.isprintable():
            raise BadConfig(
                "model.key_env does not name a variable that holds a key",
                where="model.key_env",
                expected="the name of an environment variable, such as OPENAI_API_KEY; never a key",
                fix="export the key in a variable, and give the variable's name",
            )
        return key


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname and parts.port != 0
    except ValueError:
        host = None
    told = parts.scheme in ("http", "https") if host else False
    if not told or parts.username or parts.password or parts.query or parts.fragment:
        raise BadConfig(
            "model.url cannot be used",  # not shown: it may hold a password
            where="model.url",
            expected="http://host/v1 or https://host/v1, without user, key or query",
            fix="correct model.url; a key is given by model.key_env=VARIABLE",
        )
