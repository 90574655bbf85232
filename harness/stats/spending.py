"""Levels for looking at the clusters more than once: O'Brien-Fleming alpha spending."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from harness.stats._arrays import Array, finite, within

CLOSEST = 0.002
"""Looks nearer to each other than this share of the information are refused."""
_FAR = 9.0
"""Standard deviations beyond which a normal tail is nothing (1e-19)."""
_LEAST = 1e-14
"""Less alpha than this is carried to the next look."""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def spent(fractions: ArrayLike, alpha: float) -> Array:
    """Computes how much of a one-sided alpha may be used up to each look.

    2 - 2 Phi(z_{1 - alpha/2} / sqrt(t)): next to nothing at first, alpha at t = 1; it has no sign.

    Why: an early verdict needs overwhelming evidence, and the last look costs little.

    Example:
        >>> spent([0.25, 0.5, 0.75, 1.0], 0.05).round(4).tolist()
        [0.0001, 0.0056, 0.0236, 0.05]

    Args:
        fractions: shape (looks,), rising, in (0, 1]: clusters seen over clusters planned.
        alpha: one-sided error rate of all looks together.

    Reference: Lan and DeMets (1983), Biometrika 70:659.
    """
    t = _looks(fractions)
    within("alpha", alpha, 0, 0.5)
    return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(t)), dtype=np.float64)


def boundaries(fractions: ArrayLike, alpha: float) -> Array:
    """Computes the z that a one-sided test must exceed at each look.

    The chance of exceeding any of them under the null is alpha when the last look is at t = 1, and
    up to each look what `spent` allows. Infinite where nothing can be spent yet.

    Why: the looks share their clusters, so their statistics are one Brownian path; its density is
    carried from look to look by Gauss-Legendre quadrature, exact to about 1e-10. Looks may come at
    any times as long as the results do not choose them. Two-sided: alpha / 2 for each side (the
    path crosses both in less than 1e-4 of the runs).

    Example:
        >>> boundaries([0.25, 0.5, 0.75, 1.0], 0.025).round(3).tolist()
        [4.333, 2.963, 2.359, 2.014]

    Args:
        fractions: shape (looks,), rising, in (0, 1]: clusters seen over clusters planned. The last
            look of a run that ends early is at 1 too: it may spend all that is left.
        alpha: one-sided error rate: that of PASS, or half of one of `multiplicity.holm_level`.

    Reference: Armitage, McPherson and Rowe (1969), JRSS A 132:235 (recursion); Lan and DeMets
        (1983).
    """
    t = _looks(fractions)
    due = spent(t, alpha)
    z = np.full(t.size, np.inf)
    widest = np.sqrt(np.diff(t, prepend=0.0)).min()
    crossed = 0.0
    where, mass = np.zeros(1), np.ones(1)  # the path starts at 0
    for k, step in enumerate(np.sqrt(np.diff(t, prepend=0.0))):
        root = np.sqrt(t[k])
        if due[k] - crossed > _LEAST:
            z[k] = _solve(where, mass, step, due[k] - crossed) / root
            crossed = due[k]
        top = min(z[k], _FAR) * root
        after, weights = _grid(-_FAR * root, top, widest)
        density = np.exp(-0.5 * ((after[:, None] - where) / step) ** 2) @ mass
        where, mass = after, weights * density / (step * np.sqrt(2 * np.pi))
    return z


def levels(fractions: ArrayLike, alpha: float) -> Array:
    """Computes the one-sided level at which to test at each look.

    1 - Phi(z) of `boundaries`: what `intervals.equivalence` takes as alpha; doubled, it is the
    `level_alpha` of `significance.fail_interval`.

    Why: a t quantile at this level with K - 1 degrees of freedom keeps the error rate with few
    clusters, where z itself would not.

    Example:
        >>> levels([0.25, 0.5, 0.75, 1.0], 0.05).round(4).tolist()
        [0.0001, 0.0055, 0.0219, 0.0427]

    Args:
        fractions: shape (looks,), see `boundaries`.
        alpha: one-sided error rate of all looks together.

    Reference: Jennison and Turnbull (2000), Group Sequential Methods, section 3.8 (t tests).
    """
    return np.asarray(ndtr(-boundaries(fractions, alpha)), dtype=np.float64)


def _solve(where: Array, mass: Array, step: float, due: float) -> float:
    """Finds the height that paths from here exceed after one step with probability `due`."""

    def excess(height: float) -> float:
        return float(mass @ ndtr((where - height) / step)) - due

    low, high = float(where.min()) - _FAR * step, float(where.max()) + _FAR * step
    return float(brentq(excess, low, high, xtol=1e-12))


def _grid(low: float, high: float, width: float) -> tuple[Array, Array]:
    """Returns the points and weights of Gauss-Legendre panels no wider than `width`."""
    edges = np.linspace(low, high, int(np.ceil((high - low) / width)) + 1)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    points = middle[:, None] + half[:, None] * _POINTS
    return points.ravel(), (half[:, None] * _WEIGHTS).ravel()


def _looks(fractions: ArrayLike) -> Array:
    t = finite(fractions)
    if t[0] <= 0 or t[-1] > 1 or (t.size > 1 and np.diff(t).min() < CLOSEST):
        raise ValueError(f"expected rising looks in (0, 1], {CLOSEST} apart, got {t.tolist()}")
    return t
