"""Two areas under the ROC curve of the same people compared (DeLong, DeLong and Clarke-Pearson 1988)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class AucComparison:
    """Areas under the ROC curves of two scores of the same people.

    Attributes
    ----------
    own, other : float
        The areas; NaN if a class is missing.
    variance : float
        Variance of ``own - other``; NaN with fewer than two people of a class.
    n_rarer : int
        Number of people of the rarer class: what the estimate of the variance rests on.
    """

    own: float
    other: float
    variance: float
    n_rarer: int


def compare_auc(positive: np.ndarray, own: np.ndarray, other: np.ndarray) -> AucComparison:
    """Compare two scores on the same people.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Who belongs to the positive class.
    own, other : ndarray of float, shape (n,)
        Scores; higher means more likely positive.

    Returns
    -------
    AucComparison
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    rarer = min(n_positive, n_negative)
    if rarer == 0:
        return AucComparison(np.nan, np.nan, np.nan, 0)
    own_parts, other_parts = (_placements(positive, scores) for scores in (own, other))
    variance = np.nan
    if rarer > 1:
        # Equation 5 of the paper with the contrast (1, -1).
        variance = sum(
            float(np.var(a - b, ddof=1)) / len(a) for a, b in zip(own_parts, other_parts, strict=True)
        )
    return AucComparison(float(own_parts[0].mean()), float(other_parts[0].mean()), variance, rarer)


def _placements(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the negatives below each positive and of the positives above each negative, ties by half."""
    ranks = stats.rankdata(scores)
    above = (ranks[positive] - stats.rankdata(scores[positive])) / (~positive).sum()
    below = 1 - (ranks[~positive] - stats.rankdata(scores[~positive])) / positive.sum()
    return above, below
