"""The lowest gain that a group could have if its composition changed within a chi-square ball."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

from .._core._bisection import bisect
from .._core._figures import POOLED_COLUMN
from .._core._losses import Loss
from .._core._sums import GroupSums

_BISECTIONS = 100


def worst_shift_table(sums: GroupSums, radius: float, loss: Loss) -> pd.DataFrame:
    """Worst gains within the ball; see `PreferenceFrame.worst_shift`."""
    if not isinstance(radius, Real) or not np.isfinite(radius) or radius < 0:
        raise ValueError(f"radius must be a number of at least 0; got {radius!r}.")
    gain = sums.gain()[:, POOLED_COLUMN]
    variance = np.maximum(_second_moment(sums) - gain**2, 0.0)
    worst = gain - np.sqrt(radius * variance)
    if loss.upper is not None and loss.lower is not None:
        worst = np.fmax(worst, loss.lower - loss.upper)
    if loss.is_binary:
        worse, better = (share[:, POOLED_COLUMN] for share in sums.discordance())
        worst = worst_mean(
            np.array([-1.0, 0.0, 1.0]), np.stack([worse, 1 - worse - better, better], axis=-1), radius
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        to_harm = np.where(gain > 0, np.where(variance > 0, gain**2 / variance, np.inf), 0.0)
    return pd.DataFrame(
        {
            "n": sums.n,
            "gain": gain,
            "worst_gain": worst,
            "radius_to_harm": np.where(np.isnan(gain), np.nan, to_harm),
        }
    )


def _second_moment(sums: GroupSums) -> np.ndarray:
    """Weighted mean of the squared difference of pooled and own loss, shape (g,)."""
    total = sums.apart[:, POOLED_COLUMN]
    return np.divide(total, sums.weight, out=np.full(len(total), np.nan), where=sums.weight > 0)


def worst_mean(values: np.ndarray, probabilities: np.ndarray, radius: float) -> np.ndarray:
    """Lowest mean of a distribution Q with ``E_P[(dQ/dP - 1)^2] <= radius``.

    The dual of Namkoong and Duchi (2017) is ``max_eta eta - sqrt((1 + radius) E_P[(eta - v)_+^2])``, concave in eta; its
    derivative is found zero by bisection.

    Parameters
    ----------
    values : ndarray, shape (v,)
        Values that the variable can take, in increasing order.
    probabilities : ndarray, shape (g, v)
        Distribution P of each group.
    radius : float
        Radius of the ball.

    Returns
    -------
    ndarray, shape (g,)
    """
    p = np.clip(probabilities, 0.0, 1.0)
    lowest, highest = (
        pick(np.where(p > 0, values, empty), axis=1) for pick, empty in ((np.min, np.inf), (np.max, -np.inf))
    )
    mean = p @ values
    deviation = np.sqrt(np.maximum(p @ values**2 - mean**2, 0.0))
    # In a small ball every weight stays positive: 1 - sqrt(radius) (v - mean) / deviation.
    all_positive = np.sqrt(radius) * (highest - mean) <= deviation
    low, high = lowest, highest
    low, high = (np.where(np.isfinite(mean), bound, 0.0) for bound in (low, high))  # nobody: no distribution

    def has_risen(eta: np.ndarray) -> np.ndarray:
        slack = np.maximum(eta[:, None] - values, 0.0)
        slope = 1 - np.sqrt(1 + radius) * _ratio((p * slack).sum(axis=1), np.sqrt((p * slack**2).sum(axis=1)))
        return ~(slope > 0)

    low, _ = bisect(has_risen, low, high, steps=_BISECTIONS)
    slack = np.maximum(low[:, None] - values, 0.0)
    dual = low - np.sqrt((1 + radius) * (p * slack**2).sum(axis=1))
    worst = np.where(all_positive, mean - np.sqrt(radius) * deviation, dual)
    return np.where(np.isnan(mean), np.nan, np.clip(worst, lowest, mean))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.ones_like(numerator), where=denominator > 0)
