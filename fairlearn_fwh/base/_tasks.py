"""What is predicted, classes or amounts, and all that differs by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, check_array, column_or_1d

from ..metrics._core._values import to_numpy
from ._answers import ask_amounts, ask_labels
from ._samples import Sample, check_labels


class Task(ABC):
    """What an estimator predicts.

    Attributes
    ----------
    estimator_type : str
        What scikit-learn calls such an estimator.
    loss : str
        In which two models are compared, unless the user says otherwise.
    """

    estimator_type: str
    loss: str

    @abstractmethod
    def check_target(self, y: Any, n_rows: int, owner: str) -> np.ndarray:
        """Check the target, shape (n,); `owner` is the estimator's name, for messages."""

    @abstractmethod
    def classes_of(self, sample: Sample, owner: str) -> np.ndarray | None:
        """Find the classes, of which there must be several; None where there are none."""

    @abstractmethod
    def why_not_fitted_on(self, members: Sample) -> str:
        """Say why a model cannot be fitted on these people; empty if it can."""

    @abstractmethod
    def strata(self, y: np.ndarray) -> np.ndarray:
        """Number what a split keeps the shares of, shape (n,)."""

    @abstractmethod
    def answers(self, model: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
        """Ask a fitted model, one answer for each row."""

    @abstractmethod
    def goodness(self, y: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """How good each answer is, shape (n,); greater is better."""

    @abstractmethod
    def score(self, y: Any, answers: np.ndarray, sample_weight: Any) -> float:
        """Score answers as scikit-learn does."""

    @abstractmethod
    def set_tags(self, tags: Any) -> None:
        """Say in the tags of an estimator what it predicts."""


class _Classification(Task):
    estimator_type = "classifier"
    loss = "zero_one"

    def check_target(self, y: Any, n_rows: int, owner: str) -> np.ndarray:
        return check_labels(y, n_rows, owner)

    def classes_of(self, sample: Sample, owner: str) -> np.ndarray:
        classes = np.unique(sample.y)
        if not sample.has_several_classes():
            raise ValueError(
                f"{owner} needs at least 2 classes in y; got one class: {classes[:1].tolist()!r}."
            )
        return classes

    def why_not_fitted_on(self, members: Sample) -> str:
        return (
            "" if members.has_several_classes() else f"one class among {int(members.present().sum())} people"
        )

    def strata(self, y: np.ndarray) -> np.ndarray:
        return np.unique(y, return_inverse=True)[1]

    def answers(self, model: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
        return ask_labels(model, X, classes)

    def goodness(self, y: np.ndarray, answers: np.ndarray) -> np.ndarray:
        return np.equal(y, answers).astype(float)

    def score(self, y: Any, answers: np.ndarray, sample_weight: Any) -> float:
        return float(accuracy_score(y, answers, sample_weight=sample_weight))

    def set_tags(self, tags: Any) -> None:
        tags.estimator_type = self.estimator_type
        tags.classifier_tags = ClassifierTags() if tags.classifier_tags is None else tags.classifier_tags
        tags.target_tags.required = True


class _Regression(Task):
    estimator_type = "regressor"
    loss = "squared"

    def check_target(self, y: Any, n_rows: int, owner: str) -> np.ndarray:
        if y is None:
            raise ValueError(f"{owner} requires y to be passed, but the target y is None.")
        amounts = column_or_1d(
            check_array(to_numpy(y), ensure_2d=False, dtype=None, input_name="y"), warn=True
        )
        if amounts.dtype.kind == "O" and all(isinstance(amount, Real) for amount in amounts):
            amounts = amounts.astype(float)
        if amounts.dtype.kind not in "biuf":
            raise ValueError(
                f"{owner} predicts amounts: y must be numbers; it has labels such as {amounts[:1].tolist()[0]!r}. Use a classifier, or give numbers."
            )
        if len(amounts) != n_rows:
            raise ValueError(f"X has {n_rows} rows, but y has {len(amounts)}; they must be the same people.")
        return amounts.astype(float)

    def classes_of(self, sample: Sample, owner: str) -> None:
        return None

    def why_not_fitted_on(self, members: Sample) -> str:
        return "" if members.present().any() else "nobody"

    def strata(self, y: np.ndarray) -> np.ndarray:
        return np.zeros(len(y), dtype=np.intp)

    def answers(self, model: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
        return ask_amounts(model, X)

    def goodness(self, y: np.ndarray, answers: np.ndarray) -> np.ndarray:
        return -((y - answers) ** 2)

    def score(self, y: Any, answers: np.ndarray, sample_weight: Any) -> float:
        return float(r2_score(y, answers, sample_weight=sample_weight))

    def set_tags(self, tags: Any) -> None:
        tags.estimator_type = self.estimator_type
        tags.classifier_tags = None
        tags.regressor_tags = RegressorTags() if tags.regressor_tags is None else tags.regressor_tags
        tags.target_tags.required = True


CLASSIFICATION, REGRESSION = _Classification(), _Regression()

#: Both, by what scikit-learn calls estimators that do them.
TASKS: dict[str, Task] = {task.estimator_type: task for task in (CLASSIFICATION, REGRESSION)}


def task_of(model: Any) -> Task:
    """Say what a model of anyone predicts: amounts if it calls itself a regressor, else classes."""
    model = model.steps[-1][1] if hasattr(model, "steps") else model
    if hasattr(model, "__sklearn_tags__") and not isinstance(model, type):
        kind = model.__sklearn_tags__().estimator_type
    else:
        kind = getattr(model, "_estimator_type", None)
    return TASKS.get(str(kind), CLASSIFICATION)
