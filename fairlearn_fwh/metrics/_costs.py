"""Unequal errors: what a wrong decision costs."""

from __future__ import annotations

from typing import Any

import numpy as np


class MisclassificationCost:
    """Loss that is read from a table of costs, for ``PreferenceFrame(loss=...)``.

    Parameters
    ----------
    cost_matrix : array-like, shape (C, C)
        Cost of predicting the class of the column for a person of the class of the row; the diagonal is zero.
    classes : array-like, shape (C,)
        Labels of the classes, in the order of the rows.

    Attributes
    ----------
    upper, lower : float
        Largest and smallest possible cost.

    Raises
    ------
    ValueError
        If the matrix is not square with a row for every class, has negative or no positive costs, NaN, or costs for right
        decisions; when called, if a label is not one of the classes.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame
    >>> cost = MisclassificationCost([[0, 5], [1, 0]], classes=["bad", "good"])
    >>> frame = PreferenceFrame(
    ...     y_true=["bad", "good"] * 20, y_pred=["bad", "bad"] * 20, y_pred_pooled=["good", "good"] * 20, loss=cost
    ... )
    >>> float(frame.overall["risk"]), float(frame.overall["rationality_gain"])
    (0.5, 2.0)
    """

    __name__ = "misclassification_cost"
    lower = 0.0

    def __init__(self, cost_matrix: Any, classes: Any) -> None:
        labels = np.asarray(classes)
        if labels.ndim != 1 or len(set(labels.tolist())) < len(labels):
            raise ValueError(
                f"classes must be a list of different labels, in the order of the rows of cost_matrix; got {classes!r}. For example "
                'MisclassificationCost([[0, 1], [5, 0]], classes=["well", "ill"]): an ill person who is taken for well costs 5.'
            )
        self.classes = np.unique(labels)
        self.cost_matrix = check_costs(cost_matrix, len(labels))[np.ix_(*2 * [np.argsort(labels)])]
        self.upper = float(self.cost_matrix.max())

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Cost of each person's prediction, shape (n,)."""
        return self.cost_matrix[self._codes(y_true, "y_true"), self._codes(y_pred, "y_pred")]

    def _codes(self, labels: np.ndarray, name: str) -> np.ndarray:
        codes = np.searchsorted(self.classes, labels).clip(max=len(self.classes) - 1)
        if (unknown := self.classes[codes] != labels).any():
            raise ValueError(
                f"{name} has the label {labels[unknown].tolist()[0]!r}; classes are {self.classes.tolist()}."
            )
        return codes


def check_costs(cost_matrix: Any, n_classes: int) -> np.ndarray:
    """Read a matrix of costs.

    Raises
    ------
    ValueError
        As `MisclassificationCost`.
    """
    costs = np.asarray(cost_matrix, dtype=float)
    if costs.shape != (n_classes, n_classes):
        raise ValueError(
            f"cost_matrix must have a row and a column for each of the {n_classes} classes; got shape {costs.shape}."
        )
    if not np.isfinite(costs).all() or (costs < 0).any() or not costs.any():
        raise ValueError(
            f"cost_matrix must have finite costs of at least 0, some of them positive; got {costs.tolist()}."
        )
    if np.diag(costs).any():
        raise ValueError(f"cost_matrix must be zero on its diagonal; got {np.diag(costs).tolist()} there.")
    return costs
