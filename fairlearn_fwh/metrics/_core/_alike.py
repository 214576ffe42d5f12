"""Rows with equal groups, truth and predictions, added up: every loss that compares labels can be read from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._cells import LossCells
from ._losses import Loss, losses_of_concerned

#: Most combinations of groups and labels that are looked for.
MOST_ALIKE = 1 << 20

#: Labels that are compared one by one; of more they are hashed.
_FEW = 4


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


def code_labels(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the labels of a column: codes of shape (n,), and the labels."""
    if column.dtype.kind in "biu":
        first = column[:1]
        others = column[column != first]
        if len(others) and (column[np.argmax(column != first)] == others).all():
            return (column != first), np.array([first[0], others[0]])
    codes, labels = pd.factorize(column)
    return codes, np.asarray(labels)
