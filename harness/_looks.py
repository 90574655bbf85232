"""At which look each block of a run stands, and by which rule it is judged there.

Neither a stage nor a record: what `controls`, `contrasts` and `stopping` share. A block is asked as
one probe in one language; its scenarios come in an order that the seed drew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

import pandas as pd
import pyarrow as pa

from harness.stats import anytime, evidence
from harness.stats.looks import Look

Block = tuple[str, str]
"""Probe and language."""
ONCE = Look()
"""All that was planned, looked at once."""


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of a run; without early stopping every block is looked at once."""

    rule: str = "none"
    planned: Mapping[Block, Mapping[int, int]] = field(default_factory=dict)
    """block -> look -> scenarios that are planned up to it."""
    reached: Mapping[Block, int] = field(default_factory=dict)
    """block -> the last look whose answers are there."""

    def at(self, probe: str, language: str) -> Look:
        """Returns the look at which a block stands; of one without answers, as if it had none."""
        planned = self.planned.get((probe, language), {})
        if self.rule == "none" or len(planned) < 2 or (probe, language) not in self.reached:
            return ONCE
        numbers, most = sorted(planned), max(planned.values())
        fractions = tuple(planned[number] / most for number in numbers)
        return Look(1 + numbers.index(self.reached[probe, language]), fractions)

    def judging(self, probe: str, language: str, *, named: bool) -> tuple[ModuleType, Look]:
        """Returns the module that PASS and FAIL are read off, and the look whose levels it takes.

        Bets need no levels, they hold at any look; but they know no names, so a cell whose groups
        are cued by names is tested at the planned looks by either rule.
        """
        if self.rule == "anytime" and not named:
            return anytime, ONCE
        return evidence, self.at(probe, language)

    def scenarios(self, probe: str, language: str) -> int:
        """Returns how many scenarios of a block are planned."""
        return max(self.planned.get((probe, language), {}).values(), default=0)


WHOLE = Looks()
"""The looks of a run without early stopping."""


def of_run(rule: str, prompts: pa.Table, rows: pd.DataFrame) -> Looks:
    """Finds the looks that a run planned, and how far the answers of each block reach.

    Args:
        rule: the stopping rule of the run.
        prompts: all that were planned, with their probe, language, scenario and look.
        rows: outcomes joined with their prompts.
    """
    keys = ["probe", "language"]
    asked = prompts.select([*keys, "scenario", "look"]).to_pandas()
    first = asked.drop_duplicates([*keys, "scenario"]).groupby([*keys, "look"]).size()
    planned: dict[Block, dict[int, int]] = {}
    for probe, language, look in first.index:
        before = planned.setdefault((probe, language), {})
        before[int(look)] = max(before.values(), default=0) + int(first[probe, language, look])
    last = rows.groupby(keys, observed=True)["look"].max()
    reached = {(probe, language): int(last[probe, language]) for probe, language in last.index}
    return Looks(rule=rule, planned=planned, reached=reached)
