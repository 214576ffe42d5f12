"""What a model answers: labels, probabilities or amounts, one for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics._estimators import aligned_probabilities, check_classes


def align_probabilities(estimator: Any, X: Any, classes: np.ndarray) -> np.ndarray:
    """Predict probabilities with a column for every class, also for those that the estimator never saw."""
    own_classes = getattr(estimator, "classes_", classes)
    probabilities = aligned_probabilities(
        estimator.predict_proba(X), own_classes, classes, type(estimator).__name__
    )
    _check_rows_of(probabilities, X, estimator)
    return probabilities


def ask_labels(classifier: Any, X: Any, classes: np.ndarray | None = None) -> np.ndarray:
    """Predict labels, one per row.

    Parameters
    ----------
    classifier : fitted classifier
    X : array-like, shape (n, d)
    classes : ndarray, optional
        Sorted labels that there are.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If there is not one answer per row, or an answer is not among the classes.
    """
    labels = _one_per_row(classifier, X, "label")
    if classes is not None:
        check_classes(labels, classes, type(classifier).__name__)
    return labels


def ask_amounts(regressor: Any, X: Any) -> np.ndarray:
    """Predict amounts, one per row.

    Parameters
    ----------
    regressor : fitted regressor
    X : array-like, shape (n, d)

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        If there is not one finite number per row.
    """
    amounts = _one_per_row(regressor, X, "amount")
    if amounts.dtype.kind not in "biuf" or not np.isfinite(amounts).all():
        raise ValueError(
            f"{type(regressor).__name__} must predict finite numbers; it predicts values of type {amounts.dtype}, some of which are not."
        )
    return amounts.astype(float)


def _one_per_row(model: Any, X: Any, what: str) -> np.ndarray:
    answers = np.asarray(model.predict(X))
    if (
        answers.ndim == 2 and answers.shape[1] == 1
    ):  # as CatBoost answers where there are more than two classes
        answers = answers[:, 0]
    if answers.ndim != 1:
        raise ValueError(
            f"{type(model).__name__} must predict one {what} per row; it predicts an array of shape {answers.shape}."
        )
    _check_rows_of(answers, X, model)
    return answers


def _check_rows_of(answers: np.ndarray, X: Any, classifier: Any) -> None:
    """Raise ValueError unless there is an answer for each row."""
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(answers) != n_rows:
        raise ValueError(
            f"{type(classifier).__name__} must answer for each of {n_rows} rows; it answers for {len(answers)}."
        )


def to_numpy_labels(labels: Sequence[Any]) -> np.ndarray:
    """Make a one-dimensional array of labels, of which each may be a tuple."""
    if labels and len({type(label) for label in labels}) == 1 and not isinstance(labels[0], tuple):
        return np.asarray(labels)
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array
