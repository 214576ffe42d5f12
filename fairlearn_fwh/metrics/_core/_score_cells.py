"""People counted by group, class and bins of scores: what the areas under two ROC curves and their joint law need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._groups import Groups


@dataclass(frozen=True)
class ScoreHistogram:
    """Non-empty bins of one score, by group and class.

    Attributes
    ----------
    group : ndarray of int, shape (B,)
    positive : ndarray of bool, shape (B,)
    bin : ndarray of int, shape (B,)
        In ascending order of scores.
    n : ndarray of int, shape (B,)
        Number of people.
    low, high : ndarray, shape (B,)
        Smallest and largest score among them: people of a bin with one score are tied in truth.
    """

    group: np.ndarray
    positive: np.ndarray
    bin: np.ndarray
    n: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def area(self, group: int | None) -> tuple[float, float]:
        """Area under the ROC curve of a group (None: of everybody), and by how much it may be off.

        That is half the share of pairs of a positive and a negative that bins tie and scores may not. Both are NaN where a class is missing.
        """
        mine = np.ones(len(self.n), dtype=bool) if group is None else self.group == group
        used, bins = np.unique(self.bin[mine], return_inverse=True)
        n, positive = self.n[mine].astype(float), self.positive[mine]
        positives, negatives = (
            np.bincount(bins, n * of_class, len(used)) for of_class in (positive, ~positive)
        )
        n_pairs = positives.sum() * negatives.sum()
        if not n_pairs:
            return np.nan, np.nan
        low, high = np.full(len(used), np.inf), np.full(len(used), -np.inf)
        np.minimum.at(low, bins, self.low[mine])
        np.maximum.at(high, bins, self.high[mine])
        below = np.cumsum(negatives) - negatives / 2
        tied = (positives * negatives)[high > low].sum() / 2
        return float(positives @ below / n_pairs), float(tied / n_pairs)


@dataclass(frozen=True)
class ScoreCells:
    """Non-empty cells of both scores, and finer bins of each.

    Attributes
    ----------
    groups : Groups
        Group of each of C cells.
    positive : ndarray of bool, shape (C,)
    own, other : ndarray of int, shape (C,)
        Bins of the scores.
    n : ndarray of int, shape (C,)
        Number of people.
    histograms : (ScoreHistogram, ScoreHistogram)
        Of own and other score, with as many groups.
    """

    groups: Groups
    positive: np.ndarray
    own: np.ndarray
    other: np.ndarray
    n: np.ndarray
    histograms: tuple[ScoreHistogram, ScoreHistogram]
