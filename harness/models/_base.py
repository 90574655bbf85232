"""What a backend must offer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.errors import BadModel
from harness.find import plugin
from harness.records import Ask, Decoding, Prompt, Response

Window = tuple[int, Callable[[], list[Prompt]]]
"""Its number, and what reads its prompts."""
Keep = Callable[[int, list[Response]], Any]
"""Keeps the responses of a window, by its number."""
_TOLD = ("name", "fingerprint")


class Model(Protocol):
    """A model that is open and can be asked.

    It may also have `cannot`, format that it cannot be asked -> what to do instead;
    `answer(windows, keep)`, with which it answers windows that follow each other without a pause;
    `expect(prompts)`, which is told once what will be asked, before `describe` is kept;
    `texts`, true where a scored answer comes with its text;
    `labelled`, true where an answer depends on the labels of a prompt, not on its text alone; and
    `counted`, the settings that bound what one process asks, and cannot bound several.
    """

    abilities: frozenset[Ask]
    """What it can be asked to do."""

    def describe(self) -> Mapping[str, Any]:
        """Returns its provenance; `fingerprint` is a digest of all that can move an answer.

        `notes`, English and Chinese in turn, stand on every report of the run.
        """

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers a window: `samples` responses for each prompt, in the order of the prompts.

        A call that failed is a response with `error`, never an exception: a bug alone raises.
        """


def answer(model: Model, windows: Iterable[Window], keep: Keep) -> None:
    """Answers each window and keeps its responses before the next is begun.

    A model with `answer` of its own takes the windows as they come, and need not wait between them.
    """
    own = getattr(model, "answer", None)
    if own:
        own(windows, keep)
        return
    for number, read in windows:
        asked = read()
        given = model.respond(asked)
        _check(asked, given)
        keep(number, given)


def _check(asked: Sequence[Prompt], given: Sequence[Response]) -> None:
    """Refuses answers to something else, which would be judged as if they were to this."""
    choices = {prompt.id: len(prompt.choices) for prompt in asked}
    if list(dict.fromkeys(response.prompt for response in given)) != list(choices):
        wrong = (
            f"{len(choices)} prompts were answered with {len(given)} responses, to others or in"
            " another order"
        )
    elif other := [r for r in given if r.logprobs and 0 < choices[r.prompt] != len(r.logprobs)]:
        [first, *_] = other
        wrong = f"{choices[first.prompt]} choices were given {len(first.logprobs or ())} scores"
    else:
        return
    raise BadModel(
        wrong,
        where="respond of the model's backend",
        expected="responses to each prompt in their order, with a score for each choice or none",
        fix="mend the backend; what was stored before is kept",
    )


def opened(backend: str, settings: Mapping[str, Any], decoding: Decoding) -> Model:
    """Opens a model by the name of its backend.

    Raises:
        BadModel: it cannot be opened, or lacks what every model must offer.
        NotFound: there is no such backend.
    """
    module = plugin("models", backend)
    if not hasattr(module, "open"):
        raise _lacking(backend, ["open(settings, decoding)"])
    model: Model = module.open(settings, decoding)
    lacks = [name for name in ("abilities", "describe", "respond") if not hasattr(model, name)]
    told = {} if lacks else model.describe()
    lacks = lacks or [f"{key!r} in describe()" for key in _TOLD if key not in told]
    if lacks:
        raise _lacking(backend, lacks)
    return model


def _lacking(backend: str, what: Sequence[str]) -> BadModel:
    return BadModel(
        f"the backend {backend} offers no {', no '.join(what)}",
        where="model.backend",
        expected="what `Backend` and `Model` in harness/models/_base.py say",
        fix="add it to the backend (docs/extending.md)",
    )


def answer_one(model: Model, prompts: Sequence[Prompt]) -> list[Response]:
    """Answers a window by itself, for a model with `answer` of its own."""
    kept: list[Response] = []
    answer(model, [(0, lambda: list(prompts))], lambda _, given: kept.extend(given))
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What is known of a model before it is asked, or even opened."""

    name: str
    abilities: frozenset[Ask] = frozenset(Ask)
    """What it can be asked to do, as far as is known."""
    cannot: Mapping[str, str] = field(default_factory=dict)
    """Format that it cannot be asked -> what to do instead, as far as is known."""
    texts: bool = False
    """Whether a scored answer comes with its text."""
    was: Callable[[Mapping[str, Any]], bool] = lambda _: False
    """Says of the provenance of an earlier run whether it is this model's."""
    count: Callable[[Prompt], int | None] | None = None
    """Counts the tokens of a prompt as `Response.tokens_in` will; None where it does not fit."""

    @classmethod
    def of(cls, model: Model) -> "Foreseen":
        """Says what is known of a model that is open."""
        told = model.describe()
        return cls(
            name=str(told["name"]),
            abilities=model.abilities,
            cannot=getattr(model, "cannot", {}),
            texts=getattr(model, "texts", False),
            was=lambda other: other.get("fingerprint") == told["fingerprint"],
        )


class Backend(Protocol):
    """A file in harness/models; it may also hold `foresee(settings, decoding) -> Foreseen`."""

    def open(self, settings: Mapping[str, Any], decoding: Decoding) -> Model:
        """Opens the model that `settings` name.

        Raises:
            BadModel: it is missing, gated, too large for this machine, or a setting is unknown.
        """
