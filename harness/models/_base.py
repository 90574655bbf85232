"""What a backend must offer."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from harness.records import Ask, Decoding, Prompt, Response


class Model(Protocol):
    """A model that is open and can be asked."""

    abilities: frozenset[Ask]
    """What it can be asked to do."""

    def describe(self) -> Mapping[str, Any]:
        """Returns its provenance; `fingerprint` is a digest of all that can move an answer."""

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        """Answers a window: `samples` responses for each prompt, in the order of the prompts.

        A call that failed is a response with `error`, never an exception: a bug alone raises.
        """


class Backend(Protocol):
    """A file in harness/models."""

    def open(self, settings: Mapping[str, Any], decoding: Decoding) -> Model:
        """Opens the model that `settings` name.

        Raises:
            BadModel: it is missing, gated, too large for this machine, or a setting is unknown.
        """
