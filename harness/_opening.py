"""Opening the model of a run: before anything is asked, it is known to be able to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import prompts
from harness.errors import BadModel
from harness.find import plugin
from harness.models._base import Model
from harness.models._cached import Cached
from harness.records import Decoding, Probe, Prompt, RunConfig, Suite


def decoding_of(config: RunConfig) -> Decoding:
    """Returns how a run draws answers."""
    suite = config.suite
    return Decoding(
        samples=suite.samples,
        temperature=suite.temperature,
        max_tokens=suite.max_tokens,
        seed=config.seed,
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """The prompts of a run, which can be sent to where the model is and are made there."""

    loaded: Sequence[Probe]
    suite: Suite
    seed: int

    def __iter__(self) -> Iterator[Prompt]:
        return prompts.expand(self.loaded, self.suite, self.seed)


@contextmanager
def opened(config: RunConfig, loaded: Sequence[Probe]) -> Iterator[Model]:
    """Opens the model of a run, where its engine runs it; it can do what the suite asks.

    Answers are remembered here, wherever the model runs: the file is not one for several machines.

    Raises:
        HarnessError: it cannot be opened, or cannot do it.
    """
    engine, decoding = plugin("engines", config.engine), decoding_of(config)
    with engine.open(config.engine_settings, config.model, config.settings, decoding) as model:
        _can(model, loaded)
        if expect := getattr(model, "expect", None):
            expect(Expected(loaded, config.suite, config.seed))
        yield Cached(model, Path(config.cache), decoding) if config.cache else model


def _can(model: Model, loaded: Sequence[Probe]) -> None:
    """Refuses a model that cannot do what the suite asks."""
    for probe in loaded:
        if probe.ask not in model.abilities:
            raise BadModel(
                f"{model.describe()['name']} cannot {probe.ask.value}",
                where=f"probe {probe.name}, key ask",
                expected=f"a probe that asks it to {' or '.join(sorted(model.abilities))}",
                fix="choose another suite, or another model",
            )
        if fix := getattr(model, "cannot", {}).get(probe.format):
            raise BadModel(
                f"{model.describe()['name']} cannot be asked prompts of the format {probe.format}",
                where=f"probe {probe.name}, format {probe.format}",
                expected="prompts that a model of this kind can answer",
                fix=fix,
            )
