"""Largest weights of a row by audit group: who is heavy, and rare, may be missing from a sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._sums import GroupSums
from ._unit_sums import ClusteredSums


@dataclass(frozen=True)
class Heaviest:
    """Largest weight of a row by audit group, 1 without weights.

    Attributes
    ----------
    labels : list, length g
        Audit groups.
    weights : list of float, length g
    """

    labels: list[Any] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    @classmethod
    def of_rows(cls, labels: Sequence[Any], codes: np.ndarray, weights: np.ndarray | None) -> Heaviest:
        """Find the largest weight of each group, of rows or of sums over rows with their largest weight."""
        if weights is None:
            return cls(list(labels), [1.0] * len(labels))
        largest = np.zeros(len(labels))
        np.maximum.at(largest, codes, weights)
        return cls(list(labels), largest.tolist())

    @property
    def most(self) -> float:
        """Largest weight of everybody."""
        return max(self.weights, default=1.0)

    def of(self, labels: Iterable[Any]) -> np.ndarray:
        """Largest weights of some groups; of other groupings of these people that of everybody."""
        known, most = self._by_label(), self.most
        return np.array([known.get(label, most) for label in labels])

    def joined(self, other: Heaviest) -> Heaviest:
        """Largest weights in two samples."""
        mine, theirs = self._by_label(), other._by_label()
        labels = list(dict.fromkeys([*mine, *theirs]))
        return Heaviest(labels, [max(mine.get(label, 0.0), theirs.get(label, 0.0)) for label in labels])

    def scaled(self, exponent: int) -> Heaviest:
        """Multiply weights by a power of two."""
        return Heaviest(self.labels, np.ldexp(self.weights, exponent).tolist())

    def _by_label(self) -> dict[Any, float]:
        return dict(zip(self.labels, self.weights, strict=True))


def heavy_of(sums: GroupSums, rows: np.ndarray, heaviest: np.ndarray | None) -> np.ndarray:
    """How many people, or units, of the largest weight would have all of the weight of some groups."""
    if isinstance(sums, ClusteredSums):
        heaviest = sums.units.heaviest
    largest = np.ones(len(rows)) if heaviest is None else heaviest[rows]
    return sums.weight[rows] / np.maximum(largest, np.finfo(float).tiny)
