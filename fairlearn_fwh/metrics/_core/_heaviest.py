"""Largest weights of a row by audit group: who is heavy, and rare, may be missing from a sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ._sums import GroupSums
from ._unit_sums import ClusteredSums

#: Largest weight by label.
Heaviest = dict[Any, float]


def heaviest_of_rows(labels: Sequence[Any], codes: np.ndarray, weights: np.ndarray | None) -> Heaviest:
    """Find the largest weight of each group, of rows or of sums over rows with their largest weight; 1 without weights."""
    if weights is None:
        return dict.fromkeys(labels, 1.0)
    largest = np.zeros(len(labels))
    np.maximum.at(largest, codes, weights)
    return dict(zip(labels, largest.tolist(), strict=True))


def heaviest_of(heaviest: Heaviest, labels: Iterable[Any]) -> np.ndarray:
    """Largest weights of some groups; of other groupings of these people that of everybody."""
    most = most_of(heaviest)
    return np.array([heaviest.get(label, most) for label in labels])


def most_of(heaviest: Heaviest) -> float:
    """Largest weight of everybody."""
    return max(heaviest.values(), default=1.0)


def heavy_of(sums: GroupSums, rows: np.ndarray, heaviest: np.ndarray | None) -> np.ndarray:
    """How many people, or units, of the largest weight would have all of the weight of some groups."""
    if isinstance(sums, ClusteredSums):
        heaviest = sums.units.heaviest
    largest = np.ones(len(rows)) if heaviest is None else heaviest[rows]
    return sums.weight[rows] / np.maximum(largest, np.finfo(float).tiny)


def joined(mine: Heaviest, theirs: Heaviest) -> Heaviest:
    """Largest weights in two samples."""
    return {label: max(mine.get(label, 0.0), theirs.get(label, 0.0)) for label in [*mine, *theirs]}


def scaled(heaviest: Heaviest, exponent: int) -> Heaviest:
    """Multiply weights by a power of two."""
    return {label: float(np.ldexp(weight, exponent)) for label, weight in heaviest.items()}
