"""Asking fitted estimators, also inside pipelines and searches, what they predict."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import EnvySkippedWarning
from ._core._groups import encode_groups
from ._core._label_sets import distinct
from ._core._losses import Loss
from ._core._values import read_values, to_numpy

#: With more groups not every classifier is asked about every row.
MAX_ENVY_GROUPS = 100


def end_of(estimator: Any) -> Any:
    """Return the estimator at the end of a search or pipeline."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def unwrap(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the estimator at the end of a search or pipeline, and the features as it gets them."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    steps = getattr(estimator, "steps", None)
    if steps is None:
        return estimator, X
    return end_of(estimator), estimator[:-1].transform(X) if len(steps) > 1 else X


def positive_column(predictions: np.ndarray) -> np.ndarray:
    """Take the column of the positive class where there are two."""
    return predictions[:, 1] if predictions.ndim == 2 and predictions.shape[1] == 2 else predictions


def aligned_probabilities(
    probabilities: Any, own_classes: Any, classes: np.ndarray, owner: str
) -> np.ndarray:
    """Put probabilities into the order of the classes, with a column for each of them.

    Parameters
    ----------
    probabilities : array-like, shape (n, c)
    own_classes : array-like, shape (c,)
        Classes of the columns.
    classes : ndarray, shape (n_classes,)
        Sorted classes.
    owner : str
        Name of the classifier, for messages.

    Returns
    -------
    ndarray, shape (n, n_classes)

    Raises
    ------
    ValueError
        If there is not one column per class of the classifier, or one of its classes is not among `classes`.
    """
    probabilities, own_classes = np.asarray(probabilities), np.asarray(own_classes)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(own_classes):
        raise ValueError(
            f"{owner} must predict a probability for each of its {len(own_classes)} classes; it predicts an array of shape "
            f"{probabilities.shape}."
        )
    if np.array_equal(own_classes, classes):
        return probabilities
    check_classes(own_classes, classes, owner)
    aligned = np.zeros((len(probabilities), len(classes)))
    aligned[:, np.searchsorted(classes, own_classes)] = probabilities
    return aligned


def check_classes(labels: np.ndarray, classes: np.ndarray, owner: str) -> None:
    """Raise ValueError if a classifier has, or predicts, labels that are not among the classes.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    classes : ndarray, shape (n_classes,)
    owner : str
        Name of the classifier, for messages.
    """
    known = classes.tolist()
    if others := [label for label in pd.unique(labels).tolist() if label not in known]:
        raise ValueError(
            f"{owner} predicts {others[:5]!r}, which are not among the classes {known[:10]!r}. Fit it on the labels that are given here."
        )


def pooled_answers(estimator: Any, kind: str, X: Any) -> np.ndarray:
    """Ask the pooled classifier of a routed ensemble; probabilities in the order of the ensemble's classes."""
    pooled = estimator.pooled_estimator_
    answers = getattr(pooled, kind)(X)
    if kind != "predict_proba":
        return np.asarray(answers)
    return aligned_probabilities(answers, pooled.classes_, estimator.classes_, type(pooled).__name__)


def known_labels(estimator: Any, y: Any, loss: Loss, labels: Any) -> Any:
    """Labels that there are: those that the user states, else the classes of a classifier that knows all of the truth's."""
    if labels is not None or loss.predicts != "labels" or not hasattr(estimator, "classes_"):
        return labels
    classes = distinct(np.asarray(estimator.classes_))
    values, missing = read_values(y, "y")
    return sorted(classes, key=str) if not missing.any() and distinct(values) <= classes else None


def _decisions(labels: Any, classes: np.ndarray) -> Any:
    """Say who gets the second of two classes, which scikit-learn calls the positive one."""
    if len(classes) != 2:
        raise ValueError(f"loss='rejection' needs two classes; the estimator has {len(classes)}.")
    return (labels == classes[1]).astype(int)


def ask_routed_ensemble(
    estimator: Any, X: Any, sensitive_features: Any, sample_weight: Any, loss: Loss
) -> dict[str, Any]:
    """Ask a routed ensemble for all that a `PreferenceFrame` needs of it, as its parameters.

    Raises
    ------
    TypeError
        If `estimator` is not a routed ensemble.
    """
    estimator, X = unwrap(estimator, X)
    if not hasattr(estimator, "predict_by_group"):
        raise TypeError(
            f"{type(estimator).__name__} has no predict_by_group: it is not a routed ensemble. Compare its "
            "predictions with a baseline's: PreferenceFrame(y_true=..., y_pred=..., y_pred_pooled=...)."
        )
    kind = "predict_proba" if loss.predicts == "probabilities" else "predict"
    groups = estimator.predict_group(X, sensitive_features=sensitive_features)
    too_many = len(estimator.groups_) > MAX_ENVY_GROUPS
    if too_many:
        warnings.warn(
            f"Envy is not measured: the classifiers of {len(estimator.groups_):,} groups would each have to be asked about every row, which is done for at most "
            f"{MAX_ENVY_GROUPS} groups.",
            EnvySkippedWarning,
            stacklevel=3,
        )
    counted = groups if sample_weight is None else groups[to_numpy(sample_weight) > 0]
    present = set(counted) if too_many else ()
    audit = sensitive_features
    if audit is not None:
        audit = encode_groups(audit, missing_group=getattr(estimator, "missing_group", "error"))
    own = getattr(estimator, kind)(X, sensitive_features=sensitive_features)
    pooled = pooled_answers(estimator, kind, X)
    asks_all = len(estimator.groups_) > 0 and not too_many
    by_group = estimator.predict_by_group(X, response_method=kind) if asks_all else None
    if loss.predicts == "decisions":
        own, pooled = (_decisions(labels, estimator.classes_) for labels in (own, pooled))
        by_group = None if by_group is None else by_group.apply(_decisions, args=(estimator.classes_,))
    return {
        "y_pred": positive_column(own),
        "y_pred_pooled": positive_column(pooled),
        "y_pred_by_group": by_group,
        "groups": groups,
        "sample_weight": sample_weight,
        "sensitive_features": audit,
        "pooled_groups": [
            group
            for group, model in estimator.group_estimators_.items()
            if model is estimator.pooled_estimator_ and (not too_many or group in present)
        ],
    }
