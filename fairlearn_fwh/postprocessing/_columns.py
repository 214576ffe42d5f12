"""Answers without models: columns of predictions as candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ..metrics._core._groups import group_columns
from ..metrics._core._values import as_column


class ColumnClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose answers stand in a column of its features.

    Parameters
    ----------
    column : str
    classes : ndarray, shape (C,)
    """

    def __init__(self, column: str, classes: Any) -> None:
        self.column = column
        self.classes = classes

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return np.asarray(self.classes)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Read the labels."""
        return X[self.column].to_numpy()

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Read the probability of the second class."""
        p = X[self.column].to_numpy(dtype=float)
        return np.column_stack([1 - p, p])


class ColumnRegressor(RegressorMixin, BaseEstimator):
    """A fitted regressor whose answers stand in a column of its features.

    Parameters
    ----------
    column : str
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Read the amounts."""
        return X[self.column].to_numpy()


def read_predictions(predictions: Any, n_rows: int | None = None) -> pd.DataFrame:
    """Read columns of predictions.

    Raises
    ------
    ValueError
        If there are fewer than two, they have no names, or a value is missing.
    """
    columns = group_columns(predictions, "predictions")
    if len(columns) < 2 or not hasattr(predictions, "keys"):
        raise ValueError(
            "predictions must be a dict or data frame with a column for the pooled classifier, which comes first, and one for each candidate."
        )
    return pd.DataFrame(
        {str(name): as_column(column, f"predictions[{name!r}]", n_rows) for name, column in columns.items()}
    )
