"""What is bounded in every group: shares of wrong decisions, or losses of amounts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor

from ..base._answers import ask_amounts, ask_labels
from ..base._fallback_loss import FALLBACK_LOSSES, read_fallback_loss
from ..base._tasks import CLASSIFICATION, REGRESSION, Task
from ..metrics._core._losses import LOSSES, Loss, concerned_by

#: Most features for which Newton's method is faster than quasi-Newton steps.
_MOST_NEWTON_FEATURES = 500

#: Losses of amounts.
LOSSES_OF_AMOUNTS = ("squared", "absolute")

#: All that can be bounded, and what it is called in messages.
NAMES = {
    "zero_one": "error rate",
    "missed": "share of missed",
    "false_alarm": "share of false alarms",
    "squared": "mean squared loss",
    "absolute": "mean absolute loss",
}


class BoundedLoss(ABC):
    """A loss that is bounded in every group.

    Attributes
    ----------
    task : Task
        What is predicted.
    name : str
    min, max : float
        As fairlearn's losses have them.
    """

    task: Task
    min, max = 0.0, np.inf

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def read(self, y: np.ndarray, classes: np.ndarray | None) -> tuple[Loss, np.ndarray, np.ndarray]:
        """Give the loss, the target as numbers, and a mask of those whom the loss concerns."""

    @abstractmethod
    def eval(self, y_true: Any, y_pred: Any) -> np.ndarray:
        """Loss of each row of numbers, as fairlearn asks for it."""

    @abstractmethod
    def ask(self, model: Any, X: Any) -> np.ndarray:
        """Ask a model that was trained on numbers."""

    @abstractmethod
    def unit_of(self, losses: np.ndarray, tolerance: float) -> float:
        """By what losses are divided, so that fairlearn's step sizes and slack suit them."""

    @abstractmethod
    def combine(self, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Combine the answers of members, shape (n, M), to one for each row."""

    @abstractmethod
    def default_estimator(self, n_features: int) -> Any:
        """Make the model that is trained if none is given."""


class _Decisions(BoundedLoss):
    task = CLASSIFICATION
    max = 1.0

    def read(self, y: np.ndarray, classes: np.ndarray | None) -> tuple[Loss, np.ndarray, np.ndarray]:
        assert classes is not None
        loss = read_fallback_loss(self.name, classes)
        return loss, np.searchsorted(classes, y), concerned_by(loss, y)

    def eval(self, y_true: Any, y_pred: Any) -> np.ndarray:
        return np.abs(np.asarray(y_true, dtype=float) - np.asarray(y_pred, dtype=float))

    def ask(self, model: Any, X: Any) -> np.ndarray:
        return ask_labels(model, X).astype(float)

    def unit_of(self, losses: np.ndarray, tolerance: float) -> float:
        return 1.0

    def combine(self, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return (answers @ weights >= 0.5).astype(float)

    def default_estimator(self, n_features: int) -> LogisticRegression:
        if n_features > _MOST_NEWTON_FEATURES:
            return LogisticRegression(max_iter=2000)
        # Newton's method takes few steps, each of which factorises a matrix of n_features x n_features.
        return LogisticRegression(solver="newton-cholesky", max_iter=2000)


class _Amounts(BoundedLoss):
    task = REGRESSION

    def read(self, y: np.ndarray, classes: np.ndarray | None) -> tuple[Loss, np.ndarray, np.ndarray]:
        return LOSSES[self.name], y, np.ones(len(y), dtype=bool)

    def eval(self, y_true: Any, y_pred: Any) -> np.ndarray:
        apart = np.asarray(y_true, dtype=float) - np.asarray(y_pred, dtype=float)
        return np.asarray(LOSSES[self.name].function(apart, np.zeros(len(apart))))

    def ask(self, model: Any, X: Any) -> np.ndarray:
        return ask_amounts(model, X)

    def unit_of(self, losses: np.ndarray, tolerance: float) -> float:
        bound = float(losses.mean()) + tolerance
        return bound if bound > 0 else 1.0

    def combine(self, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.asarray(answers @ weights)

    def default_estimator(self, n_features: int) -> Any:
        return LinearRegression() if self.name == "squared" else QuantileRegressor(alpha=0.0)


def bounded_loss(name: str) -> BoundedLoss:
    """Find the loss to bound by its name."""
    return _Decisions(name) if name in FALLBACK_LOSSES else _Amounts(name)


class InUnitsOf:
    """A bounded loss in another unit, as fairlearn takes losses.

    Parameters
    ----------
    loss : BoundedLoss
    unit : float
    """

    def __init__(self, loss: BoundedLoss, unit: float) -> None:
        self.loss, self.unit = loss, unit
        self.min, self.max = loss.min / unit, loss.max / unit

    def eval(self, y_true: Any, y_pred: Any) -> np.ndarray:
        """Loss of each row."""
        return self.loss.eval(y_true, y_pred) / self.unit
