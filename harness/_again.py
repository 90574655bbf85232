"""A/A: the same group in other words; what `controls` and `_beside` read off it."""

import numpy as np
import pandas as pd

from harness._paired import SET, Named, averaged, matched
from harness.records import Seen


def same_group(explicit: pd.DataFrame, again: pd.DataFrame, against: str, group: str = "") -> Named:
    """Returns the A/A differences of the scenarios, from the rows of both arms.

    With `group`, those that are as noisy as a contrast of that group: of it alone, one way round.
    """
    if not len(again):
        return [], np.empty(0)
    if against == "zero":
        measured = again[again["seen"] == Seen.MEASURED]
        first = measured["surface"] == "mention"
        if group and first.any():
            measured = measured[first]
        return averaged(measured["value"].to_numpy(dtype=float), pd.Index(measured["scenario"]))
    if group:
        by = "role" if against == "target" else "own"
        explicit, again = (rows[rows[by] == group] for rows in (explicit, again))
    if against == "roles":
        explicit, again = (again[again["surface"] == s] for s in ("mention", "again"))
    return matched(explicit, again, [*SET, "own"])
