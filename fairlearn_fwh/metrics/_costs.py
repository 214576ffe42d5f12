"""Unequal errors: what a wrong decision costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

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
    #: What is compared, as `Loss` has it.
    predicts = "labels"

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

    def __eq__(self, other: object) -> bool:
        """Whether all costs are equal, so that frames of two samples can be added."""
        return isinstance(other, MisclassificationCost) and self._table == other._table

    def __hash__(self) -> int:
        return hash(self._table)

    @property
    def _table(self) -> tuple[tuple[Any, ...], ...]:
        return tuple(self.classes.tolist()), tuple(self.cost_matrix.ravel().tolist())

    @classmethod
    def of_pairs(cls, costs: Mapping[tuple[Any, Any], float]) -> Self:
        """Make the table from single costs; other wrong decisions between these labels cost nothing.

        Parameters
        ----------
        costs : dict from (true label, predicted label) to float

        Returns
        -------
        MisclassificationCost

        Raises
        ------
        ValueError
            As for the class.

        Examples
        --------
        >>> from fairlearn_fwh.metrics import MisclassificationCost
        >>> MisclassificationCost.of_pairs({("bad", "good"): 5, ("good", "bad"): 1}).cost_matrix.tolist()
        [[0.0, 5.0], [1.0, 0.0]]
        """
        labels = sorted(
            {label for pair in costs for label in pair}, key=lambda label: (str(type(label)), label)
        )
        matrix = np.zeros((len(labels), len(labels)))
        for (truth, predicted), cost in costs.items():
            matrix[labels.index(truth), labels.index(predicted)] = cost
        return cls(matrix, labels)

    def _renamed(self, names: Mapping[Any, Any]) -> MisclassificationCost:
        """Give classes other labels."""
        return type(self)(self.cost_matrix, [names[label] for label in self.classes.tolist()])

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
