"""Rows with equal groups, truth and predictions, added up: every loss that compares labels can be read from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ._cells import LossCells
from ._losses import Loss, losses_of_concerned

#: Most combinations of groups and labels that are looked for.
MOST_ALIKE = 1 << 20

#: Span of whole numbers that are codes as they are.
_FEW = 16

#: Rows that are counted at once.
_STEP = 1 << 15


@dataclass(frozen=True)
class AlikeRows:
    """Kinds of people and how many there are of each.

    Attributes
    ----------
    y : ndarray, shape (c,)
        The truth.
    predictions : dict from str to ndarray, shape (c,)
        Of the own classifier, of the pooled one, and of all group classifiers if they are known.
    disagrees : ndarray of bool, shape (c,)
    assigned, audit : ndarray of int, shape (c,)
    n : ndarray of int, shape (c,)
        Number of rows.
    weight, weight_squared : ndarray, shape (c,)
        Sums of the rows' weights and of their squares.
    """

    y: np.ndarray
    predictions: dict[str, np.ndarray]
    disagrees: np.ndarray
    assigned: np.ndarray
    audit: np.ndarray
    n: np.ndarray
    weight: np.ndarray
    weight_squared: np.ndarray

    def cells(self, loss: Loss) -> LossCells:
        """Losses of the people whom a loss concerns.

        Raises
        ------
        ValueError
            If it concerns nobody, or predictions are not of the kind that it compares.
        """
        concerned, losses = losses_of_concerned(loss, self.y, self.predictions)
        weight = self.weight[concerned]
        # One array for both says that there are no weights.
        is_weighted = self.weight is not self.weight_squared
        return LossCells(
            assigned=self.assigned[concerned],
            audit=self.audit[concerned],
            losses=np.column_stack(losses),
            disagrees=self.disagrees[concerned],
            n=self.n[concerned],
            weight=weight,
            weight_squared=self.weight_squared[concerned] if is_weighted else weight,
        )


def code_labels(column: np.ndarray, found: frozenset[Any] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Number the labels of a column, of which those `found` occur: codes of shape (n,), and labels, some of which need not occur."""
    if column.dtype.kind == "b":
        return column, np.array([False, True])
    if column.dtype.kind in "iu" and len(column):
        low, high = (min(found), max(found)) if found else (column.min(), column.max())
        if int(high) - int(low) == 1:
            return column != low, np.array([low, high], dtype=column.dtype)
        if int(high) - int(low) <= _FEW:
            return column - low, low + np.arange(int(high) - int(low) + 1, dtype=column.dtype)
    codes, labels = pd.factorize(column)
    return codes, np.asarray(labels)


def count_kinds(
    codes: list[np.ndarray], bases: list[int], weights: np.ndarray | None
) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Count rows with equal codes, in steps that fit into the processor's caches.

    Parameters
    ----------
    codes : list of ndarray of int, shape (n,)
        Each below its base.
    bases : list of int
    weights : ndarray, shape (n,), or None

    Returns
    -------
    kinds : tuple of ndarray of int, shape (c,)
        Codes of each kind of rows.
    n, weight, weight_squared : ndarray, shape (c,)
        Number of rows, sums of weights and of their squares; without weights the last two are one array.
    """
    n_keys = int(np.prod(bases))
    step = max(_STEP, n_keys)
    n = np.zeros(n_keys, dtype=np.int64)
    powers = np.zeros((2, n_keys))
    for start in range(0, len(codes[0]), step):
        rows = slice(start, start + step)
        key = codes[0][rows].astype(np.intp)
        for code, base in zip(codes[1:], bases[1:], strict=True):
            key *= base
            key += code[rows]
        n += np.bincount(key, minlength=n_keys)
        if weights is not None:
            powers[0] += np.bincount(key, weights[rows], n_keys)
            powers[1] += np.bincount(key, weights[rows] ** 2, n_keys)
    used = np.flatnonzero(n)
    kinds = tuple(np.asarray(code, dtype=np.intp) for code in np.unravel_index(used, bases))
    if weights is None:
        weight = n[used].astype(float)
        return kinds, n[used], weight, weight
    return kinds, n[used], powers[0, used], powers[1, used]
