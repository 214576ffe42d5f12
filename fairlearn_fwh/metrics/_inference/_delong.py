"""Two areas under the ROC curve of the same people compared (DeLong, DeLong and Clarke-Pearson 1988; rows that belong together: Obuchowski 1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._rare_events import of_uneven


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
        Number of people of the rarer class, or of units with such people: what the estimate of the variance rests on.
    heavy : float
        How many of the largest units would make up a class, the class with the fewest; infinity where units are alike, or without any.
    ties_made : float
        By how much ``own - other`` may be off because scores were counted in bins.
    """

    own: float
    other: float
    variance: float
    n_rarer: int
    heavy: float = np.inf
    ties_made: float = 0.0


def compare_auc(
    positive: np.ndarray,
    own: np.ndarray,
    other: np.ndarray,
    units: np.ndarray | None = None,
    counts: np.ndarray | None = None,
) -> AucComparison:
    """Compare two scores on the same people.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Who belongs to the positive class.
    own, other : ndarray of float, shape (n,)
        Scores; higher means more likely positive.
    units : ndarray of int, shape (n,), optional
        Whose rows belong together.
    counts : ndarray of int, shape (n,), optional
        How many people each row stands for, without units; by default one.

    Returns
    -------
    AucComparison
    """
    n = np.ones(len(positive)) if counts is None else counts.astype(float)
    n_positive, n_negative = int(n[positive].sum()), int(n[~positive].sum())
    if min(n_positive, n_negative) == 0:
        return AucComparison(np.nan, np.nan, np.nan, 0)
    own_parts, other_parts = (_placements(positive, scores, n) for scores in (own, other))
    areas = [float(np.average(part, weights=n[positive])) for part in (own_parts[0], other_parts[0])]
    apart = [a - b for a, b in zip(own_parts, other_parts, strict=True)]
    if units is not None:
        return AucComparison(areas[0], areas[1], *_clustered_variance(apart, positive, units))
    rarer = min(n_positive, n_negative)
    variance = np.nan
    if rarer > 1:
        # Equation 5 of DeLong et al. with the contrast (1, -1).
        variance = sum(
            _variance_of_mean(part, n[mine]) for part, mine in zip(apart, (positive, ~positive), strict=True)
        )
    return AucComparison(areas[0], areas[1], variance, rarer)


def _variance_of_mean(values: np.ndarray, n: np.ndarray) -> float:
    total = n.sum()
    mean = float(values @ n) / total
    return float(n @ (values - mean) ** 2) / (total - 1) / total


def _clustered_variance(
    apart: list[np.ndarray], positive: np.ndarray, units: np.ndarray
) -> tuple[float, int, float]:
    """Variance of a difference by Obuchowski (1997), section 2, the number of units with people of the rarer class, and `heavy`."""
    _, unit = np.unique(units, return_inverse=True)
    n_units = int(unit.max()) + 1
    sums, n_with, sizes = [], [], []
    for part, mine in zip(apart, (positive, ~positive), strict=True):
        n_rows = np.bincount(unit[mine], minlength=n_units)
        sums.append(np.bincount(unit[mine], part, n_units) - n_rows * part.mean())
        n_with.append(int((n_rows > 0).sum()))
        sizes.append(len(part))
    rarer = min(n_with)
    if rarer < 2:
        return np.nan, rarer, np.inf
    largest = [np.bincount(unit[mine]).max() for mine in (positive, ~positive)]
    heavy = of_uneven(np.array(sizes) / np.array(largest), np.array(n_with, dtype=float)).min()
    variance = sum(
        k / (k - 1) * float(total @ total) / size**2
        for total, k, size in zip(sums, n_with, sizes, strict=True)
    )
    variance += 2 * n_units / (n_units - 1) * float(sums[0] @ sums[1]) / (sizes[0] * sizes[1])
    return max(variance, 0.0), rarer, float(heavy)


def _placements(positive: np.ndarray, scores: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the negatives below each positive and of the positives above each negative, ties by half."""
    _, position = np.unique(scores, return_inverse=True)
    size = int(position.max()) + 1
    positives, negatives = (np.bincount(position, n * mine, size) for mine in (positive, ~positive))
    below = np.cumsum(negatives) - negatives / 2
    above = positives.sum() - np.cumsum(positives) + positives / 2
    return below[position[positive]] / negatives.sum(), above[position[~positive]] / positives.sum()
