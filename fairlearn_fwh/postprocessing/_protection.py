"""For which groups a decision would have seen a harm: the others are not protected, and are named."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ..metrics._inference._tests import PairedDifferences

#: The harm that should be seen, as a share of the largest possible difference (five points), and with what power.
HARM, POWER = 0.05, 0.8


def power_against_harm(
    differences: PairedDifferences, span: float, level: float, margin: float
) -> np.ndarray:
    """Power of the test of a loss beyond the margin against a loss of `HARM`, for as many discordant people as in the sample, shape (m,).

    Parameters
    ----------
    differences : PairedDifferences
    span : float
        Largest possible difference of two losses.
    level : float
        Of each claim's test.
    margin : float
        Loss that the test lets pass; of a margin of five points and more the power is next to nothing.

    Returns
    -------
    ndarray
        Normal approximation with a continuity correction for counts (Connor 1987).
    """
    d, harm = differences, HARM * span
    n = np.maximum(d.n, 1e-9)
    # What is lost is discordant: with a loss of five points at least five in a hundred are.
    null = np.maximum(np.nan_to_num(d.variance) * n + np.nan_to_num(d.gain) ** 2, harm * span)
    counted = 1 / n if d.worse is not None else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (harm - margin - counted * span - stats.norm.isf(level) * np.sqrt(null / n)) / np.sqrt(
            np.maximum(null - harm**2, harm * span * 1e-3) / n
        )
    return np.where(d.n > 0, stats.norm.cdf(z), 0.0)
