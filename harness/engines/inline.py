"""inline: the model runs in this process, and answers one window after the other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness.models._base import Model, opened
from harness.models._given import refuse_unknown
from harness.records import Decoding


@contextmanager
def open(
    settings: Mapping[str, Any], backend: str, chosen: Mapping[str, Any], decoding: Decoding
) -> Iterator[Model]:
    """Opens the model here.

    Raises:
        HarnessError: it cannot be opened, or the engine is given a setting.
    """
    refuse_unknown(settings, (), "engine")
    yield opened(backend, chosen, decoding)
