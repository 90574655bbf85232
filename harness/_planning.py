"""Planning a run from its configuration: what `art4 plan` and the beginning of a run share."""

from collections.abc import Callable, Sequence
from pathlib import Path

from harness import _asked, _costs, _spreads, plan, prompts
from harness.models._base import Foreseen
from harness.records import Probe, Prompt, RunConfig


def survey(
    config: RunConfig, loaded: Sequence[Probe], count: Callable[[Prompt], int | None] | None = None
) -> _asked.Asked:
    """Counts what a run asks; with `count`, its tokens too."""
    expanded = prompts.expand(loaded, config.suite, config.seed)
    return _asked.survey(expanded, loaded, config.suite.samples, count)


def foresee(
    config: RunConfig,
    loaded: Sequence[Probe],
    asked: _asked.Asked,
    model: Foreseen,
    earlier: str | None = None,
) -> plan.Plan:
    """Plans a run; `earlier` is a run from which its spreads are taken.

    Raises:
        BadRun: there is no such run, or it has compared nothing yet.
    """
    places = sorted(Path(config.results).glob("*/"), reverse=True)
    spreads = None
    if earlier is not None:
        spreads = _spreads.measured(Path(earlier))
        places.insert(0, Path(earlier))
    costs = _costs.of(asked, config.suite, config.model, model, places, config.prices)
    return plan.make(config.suite.name, asked, loaded, config.standard, model, costs, spreads)
