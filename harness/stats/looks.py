"""One of several looks at growing data: the level it tests at, and the p value of all looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.stats._arrays import Array, within
from harness.stats.spending import levels

_LEAST = 1e-12
"""A smaller alpha is not told from this one."""
_ALPHAS = np.geomspace(_LEAST, 0.4999, 120)


@dataclass(frozen=True, slots=True)
class Look:
    """A look at `fractions[number - 1]` of the clusters that were planned."""

    number: int = 1
    fractions: tuple[float, ...] = (1.0,)
    """Clusters planned up to each look over all that are planned, the last 1."""

    def level(self, alpha: float) -> float:
        """Computes the one-sided level at which this look tests.

        So that all looks together err in at most alpha, whichever is the last; alpha itself where
        there is one look. Interpolated between 120 levels, to 0.3 % of itself.

        Example:
            >>> round(Look(4, (0.25, 0.5, 0.75, 1.0)).level(0.05), 4)
            0.0427

        Args:
            alpha: one-sided error rate of all looks together.

        Reference: see `spending.levels`.
        """
        within("alpha", alpha, 0, 0.5)
        if len(self.fractions) == 1:
            return alpha
        total, here = _table(self.fractions, self.number)
        return float(np.exp(np.interp(np.log(alpha), total, here)))

    def total(self, p: float) -> float:
        """Computes the two-sided p value of all looks from the two-sided p of this one.

        The smallest alpha of all looks together at which this look would reject: a repeated p
        value, valid whatever made this look the last one. Never below p.

        Example:
            >>> round(Look(2, (0.25, 0.5, 0.75, 1.0)).total(0.01), 3)
            0.095

        Args:
            p: two-sided p of the clusters seen so far, in [0, 1].

        Reference: Jennison and Turnbull (2000), Group Sequential Methods, chapter 9 (repeated
            confidence intervals and p values).
        """
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in [0, 1], got {p}")
        if len(self.fractions) == 1:
            return p
        total, here = _table(self.fractions, self.number)
        if p / 2 >= np.exp(here[-1]):
            return 1.0
        return max(p, float(2 * np.exp(np.interp(np.log(max(p / 2, _LEAST**2)), here, total))))


def _table(fractions: tuple[float, ...], number: int) -> tuple[Array, Array]:
    """Returns the logarithms of alphas and of the levels at which a look tests for each."""
    here = _levels(fractions)[:, number - 1]
    kept = here > 0
    return np.log(_ALPHAS[kept]), np.log(here[kept])


@lru_cache(256)
def _levels(fractions: tuple[float, ...]) -> Array:
    """Returns the level of each look for each alpha, shape (alphas, looks)."""
    return np.array([levels(fractions, alpha) for alpha in _ALPHAS])
