"""Bounds of the spread of risks over groups, and of its change from one classifier to another.

A spread is a largest difference: at a tie it is not smooth, its estimate is biased upwards, and percentiles of a bootstrap do not cover it. Bounds of all
pairwise differences, projected, do. Above many groups the pairs are too many, and bounds of the single risks are projected.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: With more groups the bounds are those of single risks.
MOST_PAIRED = 100

#: One-sided bounds of the risks of g groups, each at one level: (sign, alpha) -> shape (g,); sign -1 for lower ones.
RiskBounds = Callable[[int, float], np.ndarray]


def spread_bounds(risk: np.ndarray, bounds: RiskBounds, alpha: float) -> tuple[float, float]:
    """Lower and upper 1 - alpha bound of the largest difference of risks, each one-sided.

    The lower bound holds for all pairs at once (Bonferroni), because it is that of the pair with the largest bound. The upper bound needs
    one pair alone: that of the truly largest and smallest risk. Differences of independent shares have the bounds of Newcombe (1998,
    method 10), by which bounds of the shares are put together (Zou and Donner 2008).

    Parameters
    ----------
    risk : ndarray, shape (g,)
        Of groups that have people.
    bounds : callable
    alpha : float

    Returns
    -------
    lower, upper : float
    """
    g = len(risk)
    if g < 2:
        return 0.0, 0.0
    if g > MOST_PAIRED:
        each, one = alpha / (2 * g), alpha / 2
        lower = bounds(-1, each).max() - bounds(1, each).min()
        upper = bounds(1, one).max() - bounds(-1, one).min()
        return max(float(lower), 0.0), float(upper)
    lower = _pairwise(risk, bounds(-1, alpha / (g * (g - 1))), bounds(1, alpha / (g * (g - 1))), -1).max()
    upper = _pairwise(risk, bounds(-1, alpha), bounds(1, alpha), 1).max()
    return max(float(lower), 0.0), float(upper)


def _pairwise(risk: np.ndarray, low: np.ndarray, high: np.ndarray, sign: int) -> np.ndarray:
    """Bounds of the risk of each group minus that of each other, shape (g, g)."""
    difference = risk[:, None] - risk[None]
    down, up = risk - low, high - risk
    first, second = (down, up) if sign < 0 else (up, down)
    return difference + sign * np.sqrt(first[:, None] ** 2 + second[None] ** 2)


def spread_change_bound(
    own: tuple[np.ndarray, RiskBounds], pooled: tuple[np.ndarray, RiskBounds], q: float
) -> float:
    """Bound of the own classifier's spread minus the pooled one's, at a quantile: each of the two may miss with half of the probability.

    Parameters
    ----------
    own, pooled : (risk, bounds)
        As for `spread_bounds`.
    q : float
        Below 0.5 a lower bound, above it an upper one.

    Returns
    -------
    float
    """
    alpha = min(q, 1 - q) / 2
    (own_low, own_high), (pooled_low, pooled_high) = (spread_bounds(*part, alpha) for part in (own, pooled))
    return own_low - pooled_high if q < 0.5 else own_high - pooled_low
