"""Checks of input, and the two small tools that several statistics share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Limits = tuple[float, float]
ROUNDING = 1e-12
"""Deviations below this share of the largest value are rounding, not spread."""


def finite(values: ArrayLike, *, limits: Limits | None = None) -> Array:
    """Returns a flat array of at least one finite number, all within the limits."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"expected at least one number in one dimension, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("a NaN or infinite value is not a measured difference")
    if limits is not None:
        low, high = limits
        if not (np.isfinite(limits).all() and low <= 0 <= high and low < high):
            raise ValueError(f"limits must be finite and hold zero, got {limits}")
        if array.min() < low - ROUNDING or array.max() > high + ROUNDING:
            raise ValueError(f"values reach {array.min()} to {array.max()}, outside {limits}")
        array = array.clip(low, high)
    return array


def cells_of(values: ArrayLike) -> Array:
    """Returns a table (cells, clusters) of finite numbers, NaN where absent, no cell empty."""
    d = np.asarray(values, dtype=np.float64)
    if d.ndim != 2 or d.size == 0 or np.isinf(d).any() or np.isnan(d).all(axis=1).any():
        raise ValueError("expected finite differences of shape (cells, clusters), no cell empty")
    return d


def within(name: str, value: float, low: float, high: float) -> None:
    """Raises ValueError unless low < value < high (NaN is refused too)."""
    if not low < value < high:
        raise ValueError(f"{name} must lie between {low} and {high}, got {value}")


def centred(differences: Array) -> Array:
    """Returns deviations from the mean; those that are only rounding become exact zeros."""
    deviations: Array = differences - differences.mean()
    floor = ROUNDING * np.abs(differences).max()
    return np.where(np.abs(deviations) <= floor, 0.0, deviations)


def least(enough: Callable[[int], bool], start: int, most: int) -> int | None:
    """Finds the smallest whole number from `start` on that is enough; None where `most` is not."""
    if start > most or not enough(most):
        return None
    low, high = start, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def boundary(holds: Callable[[float], bool], yes: float, no: float, tolerance: float) -> float:
    """Narrows [yes, no], in either order, to where `holds` changes; returns the side of `yes`."""
    while abs(no - yes) > tolerance:
        middle = (yes + no) / 2
        if holds(middle):
            yes = middle
        else:
            no = middle
    return yes
