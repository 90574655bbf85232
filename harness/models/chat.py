"""Asks a server that speaks the OpenAI-compatible chat completions, or completions, over HTTP.

Settings: see `_endpoint.Settings`. What the server can do is found out at opening: whether it lists
the likeliest first tokens, from which a yes or no is read, and whether it scores a given text.
What it cannot score is asked for in text (docs/decisions/0047-endpoints.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from harness.errors import BadModel, OutOfBudget
from harness.models import _echoed
from harness.models._base import Foreseen, Keep, Window, answer_one
from harness.models._bodies import Question, Writer
from harness.models._budget import Call
from harness.models._client import Client, Job
from harness.models._endpoint import Settings
from harness.models._replies import Fault, Reply
from harness.records import Ask, Decoding, Message, Prompt, Response

LISTS = (20, 5)
"""How many first tokens are asked for; some servers refuse more than 5."""
COUNTED = ("requests_per_minute", "tokens_per_minute", "max_calls", "max_tokens", "max_cost")
_ATTEMPTS = 3
"""At opening, so that a server that is not there is told soon."""
_ASKED = "Is ice cold? Answer yes or no, nothing else."
_ECHOED = "Ice is cold, and fire is hot."
_SPELT = {"yes", "no"}
PAIRS = (
    'ask the suite without pairs, such as \'suite.probes=["*_decision","*_ambiguous"]\', or serve'
    " the model where /completions takes echo with logprobs (vLLM, llama.cpp), or run it by model=local"
)


def open(settings: Mapping[str, Any], decoding: Decoding) -> Chat:
    """Opens the endpoint that `settings` name.

    Raises:
        BadConfig, NotFound: a setting is unknown, missing or out of range.
        BadModel: the server cannot be reached, or refuses a simple question.
    """
    chosen = Settings.read(settings)
    client = Client(chosen)
    try:
        return Chat(client, chosen, decoding)
    except BaseException:
        client.close()
        raise


def foresee(settings: Mapping[str, Any], decoding: Decoding) -> Foreseen:  # noqa: ARG001
    """Says what is known of an endpoint without calling it; raises as `open` does."""
    chosen = Settings.read(settings)
    known = _named(chosen)
    return Foreseen(
        name=chosen.name,
        was=lambda told: all(told.get(key) == value for key, value in known.items()),
    )


class Chat:
    """A model behind an endpoint."""

    abilities = frozenset(Ask)
    counted = COUNTED

    def __init__(self, client: Client, settings: Settings, decoding: Decoding) -> None:
        self.client, self.settings, self.decoding = client, settings, decoding
        plain = Writer(settings, decoding, listed=0, echo=False)
        self.server, listed = self._greet(plain)
        echo = self._echoes(plain)
        self.writer = Writer(settings, decoding, listed if settings.reading == "auto" else 0, echo)
        self.cannot = {} if echo else {"pair": PAIRS}

    def describe(self) -> Mapping[str, Any]:
        """Returns its provenance; `fingerprint` is a digest of all that can move an answer."""
        moves = {
            **_named(self.settings),
            "decisions": self._decisions(),
            "echo": self.writer.echo,
            "server": {"model": self.server.model, "fingerprint": self.server.server},
        }
        decoding = {key: getattr(self.decoding, key) for key in self.decoding.__slots__}
        text = json.dumps({**moves, "decoding": decoding}, sort_keys=True, default=str)
        return {**moves, "fingerprint": hashlib.sha256(text.encode()).hexdigest()}

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers a window, many prompts at a time, in the order of the prompts.

        Raises:
            OutOfBudget: the window could pass a limit.
        """
        return answer_one(self, prompts)

    def answer(self, windows: Iterable[Window], keep: Keep) -> None:
        """Answers windows without a pause between them; each is kept once it is whole.

        Raises:
            OutOfBudget: the next window could pass a limit; those that were begun are kept.
        """
        stops: list[OutOfBudget] = []
        self.client.stream(self._jobs(windows, keep, stops))
        if stops:
            raise stops[0]

    def _jobs(
        self,
        windows: Iterable[Window],
        keep: Keep,
        stops: list[OutOfBudget],
    ) -> Iterator[Job]:
        for number, read in windows:
            questions = [self.writer.question(prompt) for prompt in read()]
            calls = [call for question in questions for call in question.calls]
            try:
                self.client.budget.reserve(calls)
            except OutOfBudget as stop:
                stops.append(stop)
                return
            yield from _window(questions, calls, partial(keep, number))

    def _decisions(self) -> str:
        """Says how a yes or no is read."""
        if self.writer.echo and self.settings.api == "completions":
            return "scored"
        listed = self.writer.listed
        return f"the {listed} likeliest first tokens" if listed else "text"

    def _greet(self, writer: Writer) -> tuple[Reply, int]:
        """Asks a simple question, and sees how many first tokens the server lists.

        They are read where they spell a yes or no: a model that thinks first does not.
        """
        asked = [Message(role="user", content=_ASKED)]
        for listed in (*LISTS, 0):
            reply = self._one(writer.written(asked, 1, listed=listed))
            if isinstance(reply, Reply):
                first = {
                    token.decode(errors="replace").strip().lower() for token in reply.first or ()
                }
                return reply, listed if _SPELT & first else 0
            fault = reply.reason
            if not fault.startswith(("HTTP 400", "HTTP 422")):
                break
        raise BadModel(
            f"{self.settings.name} cannot be asked: {fault}",
            where=f"model.url={self.settings.url}, model.name={self.settings.name}",
            expected=f"a server that answers {self.settings.api} requests of the OpenAI kind",
            fix="correct model.url, model.name or model.key_env, or see whether the server is up",
        )

    def _echoes(self, writer: Writer) -> bool:
        """Says whether the server scores a text that it is given."""
        reply = self._one(writer.echoed(_ECHOED))
        if isinstance(reply, Fault):
            return False
        try:
            return len(_echoed.continuation(reply, _ECHOED[:3], _ECHOED[3:])) > 1
        except Fault:
            return False

    def _one(self, call: Call) -> Reply | Fault:
        [found] = self.client.ask([call], min(_ATTEMPTS, self.settings.attempts))
        return found


def _window(
    questions: Sequence[Question], calls: Sequence[Call], keep: Callable[[list[Response]], Any]
) -> Iterator[Job]:
    """Yields the calls of a window, which is kept when the last of them is answered."""
    found: dict[int, Reply | Fault] = {}

    def deliver(n: int, reply: Reply | Fault) -> None:
        found[n] = reply
        if len(found) == len(calls):
            replies = (found[n] for n in range(len(calls)))
            keep([r for q in questions for r in q.read([next(replies) for _ in q.calls])])

    if not calls:
        keep([])
    for n, call in enumerate(calls):
        yield call, partial(deliver, n)


def _named(settings: Settings) -> dict[str, Any]:
    """Returns what of `Chat.describe` is known without a call."""
    return {
        "name": settings.name,
        "url": settings.url,
        "api": settings.api,
        "system": settings.system,
        "extra": dict(settings.extra),
    }
