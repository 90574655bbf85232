"""A linear mixed model of set differences: what a reader would fit instead of averaging."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from harness.stats._arrays import Array, centred, finite, within
from harness.stats.clusters import cluster_means

NOTHING = 1e-6
"""Deviations within scenarios below this share of the spread are none: no fit finds its maximum."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """What the model says of a mean difference."""

    estimate: float
    error: float
    """Standard error of the estimate, above zero."""
    low: float
    high: float
    method: str
    """`REML`, or `least squares` where no variance within scenarios can be told apart."""
    converged: bool
    """Whether the fit ended at a maximum; always so for least squares."""


def random_intercept(
    differences: ArrayLike, clusters: ArrayLike, alpha: float = 0.05
) -> Mixed | None:
    """Fits differences ~ 1 + (1 | cluster) by REML, with a 1 - alpha interval for the mean.

    Estimates theta, the expected difference of a scenario, as `intervals.cluster_t` does; zero and
    the sign mean the same. Scenarios with more sets weigh more, the less scenarios vary.

    Why: to show beside our estimate, never to gate on. Differences of complete sets leave of
    `value ~ group + (1 + group | scenario)` what concerns the groups: what a set is like for every
    group drops out, the random slope is the random intercept left. With as many sets in each
    scenario, estimate and error are those of `cluster_t` (unless scenarios vary less than their
    sets would make them: the variance between them is then 0, the error larger). The interval
    takes t with K - 1 degrees of freedom, exact there.

    - one set a scenario, or equal ones within each: least squares on the scenario means, which is
      what the model comes to when nothing varies within.
    - one scenario, equal differences, or an error that the fit cannot tell: None.

    Example:
        >>> m = random_intercept([0.1, 0.3, 0.0, 0.2, 0.5, 0.7], [0, 0, 1, 1, 2, 2])
        >>> f"{m.estimate:.2f} {m.error:.3f} {m.method}"
        '0.30 0.153 REML'

    Args:
        differences: shape (sets,), any unit.
        clusters: shape (sets,): the scenario of each set, as an integer label.
        alpha: error rate of both sides together.

    Reference: Laird and Ware (1982), Biometrics 38:963; Patterson and Thompson (1971), Biometrika
        58:545 (REML); fitted by statsmodels' MixedLM.
    """
    d = finite(differences)
    within("alpha", alpha, 0, 1)
    means = cluster_means([d], clusters)[0]
    at = np.unique(np.asarray(clusters), return_inverse=True)[1]
    scale = float(np.sqrt((centred(d) ** 2).mean()))
    if means.size < 2 or scale == 0:
        return None
    replicated = float(np.abs(d - means[at]).max()) > NOTHING * scale
    values, groups = (d, at) if replicated else (means, None)
    estimate, error, converged = _fit(values / scale, groups)
    if not 0 < error < np.inf:
        return None
    mean, spread = estimate * scale, error * scale
    half = float(stdtrit(means.size - 1, 1 - alpha / 2)) * spread
    method = "REML" if replicated else "least squares"
    return Mixed(mean, spread, mean - half, mean + half, method, converged)


def _fit(values: Array, groups: Any) -> tuple[float, float, bool]:
    """Fits by statsmodels; Powell's method, since its gradient ones stop short at large variances."""
    from statsmodels.regression.linear_model import OLS
    from statsmodels.regression.mixed_linear_model import MixedLM

    one = np.ones((values.size, 1))
    if groups is None:
        line = OLS(values, one).fit()
        return float(line.params[0]), float(line.bse[0]), True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each variance near zero warns; `converged` tells
        fit = MixedLM(values, one, groups).fit(reml=True, method="powell")
        return float(fit.fe_params[0]), float(fit.bse_fe[0]), bool(fit.converged)
