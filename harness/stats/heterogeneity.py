"""Differences that cancel: scenarios that favour a group beside as many that disfavour it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from harness.stats._arrays import ROUNDING, Array, centred, finite, within
from harness.stats.intervals import standard_error

_BLOCK = 1 << 20
"""Signs drawn at once."""


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How much scenarios differ beyond noise. It never gates."""

    variance: float
    """Of the true differences of scenarios; unbiased, so negative in half of the runs at zero."""
    noise: float
    """The part of the variance of the seen differences that is noise."""
    share: float
    """Scenarios whose true difference is beyond the margin, in [0, 1]."""
    lesser: float
    """The smaller of the shares above the margin and below its negative: zero unless both occur."""
    p: float
    """One-sided p of no true variance."""


def between_scenarios(
    replicates: ArrayLike,
    *,
    margin: float,
    rng: np.random.Generator,
    resamples: int = 1999,
) -> Heterogeneity:
    """Measures how much scenarios differ beyond what their own replicates differ by.

    Estimates the variance over scenarios of E[difference | scenario]: zero when the group matters
    equally everywhere, however much wordings or names move an answer; it has no sign. A mean near
    zero with a large variance is a bias that cancels.

    Why: the variance of seen differences is above zero for any model. Here that of their noise,
    s_k^2 / n_k, is taken off; what a replicate does in all scenarios alike is taken off before. The
    test flips signs of single replicates: what replicates of one scenario share makes their
    products positive, noise does not, also where scenarios differ in noise, as F assumes they do
    not. The share beyond the margin counts differences that are drawn in around the mean until
    their variance is the true one: each seen value is too far out, each best guess too near.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> cancels = np.repeat([0.2, -0.2], 20)[:, None] + rng.normal(0, 0.1, (40, 4))
        >>> found = between_scenarios(cancels, margin=0.05, rng=rng)
        >>> round(found.variance, 2), found.share, found.p < 0.001
        (0.05, 1.0, True)

    Args:
        replicates: shape (scenarios, replicates): differences by paraphrase, name or sample; NaN
            where one is missing. Scenarios with fewer than two are left out.
        margin: tolerated |difference|.
        rng: source of the signs.
        resamples: sign draws.

    Reference: Searle, Casella and McCulloch (1992), Variance Components, section 4.3; Louis (1984),
        JASA 79:393 (estimates with the right spread); Phipson and Smyth (2010), SAGMB 9:39.
    """
    d = _replicates(replicates)
    there = ~np.isnan(d)
    rests = np.where(there, d - np.nanmean(d, axis=0), 0.0)
    rests[np.abs(rests) <= ROUNDING * np.nanmax(np.abs(d))] = 0.0
    count = there.sum(axis=1)
    means = rests.sum(axis=1) / count
    scatter = (np.where(there, rests - means[:, None], 0.0) ** 2).sum(axis=1)
    lost = len(d) / (len(d) - 1)  # the means of the replicates were estimated
    noise = float((scatter / (count - 1) / count).mean()) * lost
    seen = np.nanmean(d, axis=1)
    own = float((rests**2).sum())

    def flipped(signs: Array) -> Array:
        sums = np.einsum("bkr,kr->bk", signs.reshape(-1, *rests.shape), rests)
        return np.asarray((sums**2).sum(axis=1) - own, dtype=np.float64)

    beyond = _at_least(
        flipped, rests.size, float((means * count) @ (means * count)) - own, rng, resamples
    )
    return _judged(seen, float(means.var(ddof=1)), noise, margin, beyond)


def beyond_noise(
    differences: ArrayLike,
    noise: ArrayLike,
    *,
    margin: float,
    rng: np.random.Generator,
    resamples: int = 1999,
) -> Heterogeneity:
    """Measures how much scenarios differ beyond the A/A arm: another wording of the *same* group.

    Estimates var(D) - var(A/A); zero and the lack of a sign mean what they do in
    `between_scenarios`, for probes with one difference a scenario.

    Why: were the group no more than another wording, D and A/A of a scenario could be exchanged; so
    the test exchanges them at random. With three groups or more, D is less noisy than A/A, so too
    much is taken off, never too little.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> d, again = rng.choice([-0.2, 0.2], 60), rng.normal(0, 0.05, 60)
        >>> beyond_noise(d, again, margin=0.05, rng=rng).p < 0.001
        True

    Args:
        differences: shape (scenarios,).
        noise: shape (scenarios,): A/A difference of the same scenario; NaN where it was not asked.
        margin: tolerated |difference|.
        rng: source of the signs.
        resamples: sign draws.

    Reference: Good (2005), Permutation Tests, section 3.7 (paired comparison of spread).
    """
    d, a = finite(differences), np.asarray(noise, dtype=np.float64)
    there = ~np.isnan(a)
    if d.shape != a.shape or there.sum() < 2:
        raise ValueError(f"expected two pairs or more, got {d.size} and {there.sum()} scenarios")
    a = finite(a[there])
    excess = centred(d[there]) ** 2 - centred(a) ** 2

    def flipped(signs: Array) -> Array:
        return np.asarray(signs @ excess, dtype=np.float64)

    beyond = _at_least(flipped, a.size, float(excess.sum()), rng, resamples)
    return _judged(
        d, d.size * standard_error(d) ** 2, a.size * standard_error(a) ** 2, margin, beyond
    )


def exceeds(differences: ArrayLike, sd: float) -> float:
    """Tests whether scenarios differ by more than a declared standard deviation.

    Returns the one-sided p of E[(D - theta)^2] <= sd^2: near zero the differences spread wider than
    was declared, whatever their mean; it has no sign.

    Why: any model spreads, so no spread at all is no null hypothesis. Squared deviations are tested
    by t and not by chi-square, whose level goes astray with the kurtosis. Squares are skewed to the
    right, where t errs on the safe side: at the declared sd p <= .05 in 0.5 to 3 % of runs (normal,
    10 to 400 scenarios). Squares that are all equal have no standard error; there Markov bounds the
    chance that all are so large. One scenario, or equal ones, exceed nothing.

    Example:
        >>> exceeds([0.25, -0.2, 0.3, -0.3, 0.2, -0.25] * 5, 0.12) < 0.001
        True
        >>> exceeds([0.1, -0.1, 0.0, 0.2] * 5, 0.12) > 0.5
        True

    Args:
        differences: shape (scenarios,), any unit.
        sd: the declared standard deviation, in the same unit.

    Reference: Box (1953), Biometrika 40:318 (tests of variance lean on the kurtosis); Bonett (2006),
        Computational Statistics & Data Analysis 50:775 (an interval that does not).
    """
    d = finite(differences)
    within("sd", sd, 0, math.inf)
    squares = centred(d) ** 2
    mean, error = float(squares.mean()), standard_error(squares)
    if error == 0:
        return float(min(1.0, sd**2 / mean) ** d.size) if mean > 0 else 1.0
    return float(stdtr(d.size - 1, (sd**2 - mean) / error))


def _judged(seen: Array, variance: float, noise: float, margin: float, p: float) -> Heterogeneity:
    within("margin", margin, 0, math.inf)
    true = variance - noise
    spread = math.sqrt(max(true, 0.0) / variance) if variance > 0 else 0.0
    drawn = seen.mean() + spread * (seen - seen.mean())
    above, below = float((drawn > margin).mean()), float((drawn < -margin).mean())
    return Heterogeneity(true, noise, float((np.abs(drawn) > margin).mean()), min(above, below), p)


def _at_least(
    flipped: Callable[[Array], Array],
    size: int,
    observed: float,
    rng: np.random.Generator,
    resamples: int,
) -> float:
    """Share of sign draws whose statistic reaches the observed one, rounding aside."""
    if resamples < 1:
        raise ValueError(f"expected at least one resample, got {resamples}")
    least = observed - ROUNDING * abs(observed)
    reached, step = 0, max(1, _BLOCK // size)
    for start in range(0, resamples, step):
        signs = rng.choice([-1.0, 1.0], size=(min(step, resamples - start), size))
        reached += int((flipped(signs) >= least).sum())
    return (1 + reached) / (1 + resamples)


def _replicates(replicates: ArrayLike) -> Array:
    d = np.asarray(replicates, dtype=np.float64)
    if d.ndim != 2 or np.isinf(d).any():
        raise ValueError(f"expected finite differences of shape (scenarios, replicates): {d.shape}")
    d = d[(~np.isnan(d)).sum(axis=1) >= 2]
    d = np.asarray(d[:, ~np.isnan(d).all(axis=0)], dtype=np.float64)
    if len(d) < 2:
        raise ValueError(f"expected two scenarios with two replicates or more, got {len(d)}")
    return d
