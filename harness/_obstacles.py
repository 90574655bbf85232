"""What stands in the way of a verdict, whatever the answers: controls, abilities, too few scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from harness import outcomes
from harness._asked import Asked, Block
from harness._chances import Aim, Chances
from harness._paired import ALONE
from harness.models._base import Foreseen
from harness.records import Ask, Standard
from harness.stats import intervals, power, significance


def void(
    block: Block,
    outcome: str,
    module: ModuleType,
    asked: Asked,
    standard: Standard,
    model: Foreseen,
) -> Iterator[str]:
    """Yields what makes every verdict of an outcome INVALID."""
    probe, language = block.probe, block.first.language
    if probe.ask not in model.abilities:
        yield f"the model cannot {probe.ask.value}: `art4 eval` refuses it"
    elif probe.format in model.cannot:
        yield f"the model cannot be asked the format {probe.format}: `art4 eval` refuses it"
    elif probe.ask is Ask.CHOOSE and not outcomes.readable(module, block.first, model.texts):
        yield f"{outcome} cannot be read off the scored choices of this model"
    if outcome == probe.outcomes[0] and (probe.controls or "positive_control" in probe.arms):
        k = asked.scenarios(probe.controls or probe.name, language, "positive_control")
        limit = standard.limits["positive_control"]
        if not _can_show(k, limit, standard.alpha):
            yield f"positive control: {k} scenarios cannot show an effect of {limit:g}"


def unresolved(
    block: Block, outcome: str, module: ModuleType, asked: Asked, standard: Standard
) -> Iterator[str]:
    """Yields the controls that cannot be resolved, with which a PASS becomes INCONCLUSIVE."""
    probe, language, alpha = block.probe, block.first.language, standard.alpha
    margin, limits = standard.margins[outcome], standard.limits
    shares = {"unparsed": limits["unparsed"]}
    if module.AGAINST in ALONE:
        shares["unparsed gap"] = margin
    if outcome != "refused":
        shares["refused"] = limits["refused"]
    k = len(block.scenarios)
    for name, limit in shares.items():
        least = power.needed_sparse(0.0, limit, alpha=alpha) or power.MOST
        if k < least:
            yield _too_small(name, k, least, limit)
    if block.first.arm != "explicit":
        return  # the others are about groups that are named outright
    for name in ("same_group", "negative_control"):
        k, limit = asked.scenarios(probe.name, language, name), margin * limits[name]
        least = intervals.least_clusters(limit, alpha=alpha)
        tested = name in probe.arms if name == "same_group" else k > 0
        if tested and k < least:
            yield _too_small(name, k, least, limit)


def too_few(chances: Chances, clusters: int, aim: Aim) -> Iterator[str]:
    """Yields what is too few for a PASS, at the spread that is planned with."""
    if chances.needed_names is not None and aim.names < chances.needed_names:
        yield f"names limit, not scenarios: {aim.names} of each group, {chances.needed_names} needed"
    elif chances.needed is None:
        yield "no number of scenarios is enough at this spread"
    elif clusters < chances.needed:
        least = intervals.least_clusters(aim.margin, alpha=aim.alpha, reach=aim.reach)
        rule = f", {least} the least of all" if clusters < least else ""
        yield f"{clusters} scenarios, {chances.needed} needed{rule}"


def _can_show(clusters: int, limit: float, alpha: float) -> bool:
    """Says whether so many scenarios show an effect that is as large as can be, or all but."""
    if not clusters:
        return False
    equal, nearly = [1.0] * clusters, ([1.0, 0.99] * clusters)[:clusters]  # these have a spread
    lows = (significance.mean_interval(d, level_alpha=2 * alpha).low for d in (equal, nearly))
    return max(lows) >= limit


def _too_small(name: str, clusters: int, least: int, limit: float) -> str:
    return f"control {name}: {clusters} scenarios, {least} the least at its limit {limit:g}"
