"""Linear parts that are learned with torch and used without it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from .._training._scaling import center


def linear_classifier(
    weights: np.ndarray,
    intercepts: np.ndarray,
    scaler: StandardScaler,
    classes: np.ndarray,
    feature_names: Any,
) -> LogisticRegression:
    """Make a fitted classifier for raw features of weights that were learned on standardised ones.

    Parameters
    ----------
    weights : ndarray, shape (d, O)
        O is 1 for two classes, else their number.
    intercepts : ndarray, shape (O,)
    scaler : StandardScaler
    classes : ndarray
    feature_names : ndarray or None

    Returns
    -------
    LogisticRegression
        Its probabilities are the sigmoid (or softmax) of the learned scores.
    """
    classifier = LogisticRegression()
    classifier.classes_ = classes
    classifier.coef_ = (weights.astype(float) / scaler.scale_[:, None]).T
    classifier.intercept_ = intercepts - classifier.coef_ @ center(scaler)
    classifier.n_features_in_ = len(weights)
    if feature_names is not None:
        classifier.feature_names_in_ = feature_names
    return classifier


def pooled_scores(pooled: Any, scaler: StandardScaler, n_classes: int) -> np.ndarray | None:
    """Weights of a linear classifier for standardised features, the intercepts in the last row.

    Parameters
    ----------
    pooled : classifier
        A logistic regression for raw features, or a pipeline of a StandardScaler and one.
    scaler : StandardScaler
        Standardises the raw features.
    n_classes : int

    Returns
    -------
    ndarray, shape (d + 1, O), or None
        None if `pooled` is of another kind, or has not seen all classes.
    """
    if not is_logistic(pooled):
        return None
    own_scaler, linear = (pooled[0], pooled[1]) if isinstance(pooled, Pipeline) else (None, pooled)
    if len(linear.classes_) < n_classes:
        return None
    coef, intercept = linear.coef_, linear.intercept_
    if own_scaler is not None:
        coef = coef / own_scaler.scale_
        intercept = intercept - coef @ center(own_scaler)
    return np.vstack([(coef * scaler.scale_).T, intercept + coef @ center(scaler)])


def is_logistic(classifier: Any) -> bool:
    """Whether a classifier is a logistic regression, or a pipeline of a StandardScaler and one."""
    if isinstance(classifier, Pipeline):
        scales = len(classifier) == 2 and isinstance(classifier[0], StandardScaler) and classifier[0].with_std
        return scales and isinstance(classifier[1], LogisticRegression)
    return isinstance(classifier, LogisticRegression)


def start_near(
    pooled: Any,
    Z: Any,
    codes: np.ndarray,
    weights: np.ndarray | None,
    scaler: StandardScaler,
    n_classes: int,
) -> np.ndarray:
    """Scores near which heads start: the pooled classifier's, or a linear one's; zeros if a class is missing.

    Parameters
    ----------
    pooled : classifier
    Z : array or CSR matrix, shape (n, d)
        Standardised features.
    codes : ndarray of int, shape (n,)
        Classes.
    weights : ndarray, shape (n,), or None
    scaler : StandardScaler
    n_classes : int

    Returns
    -------
    ndarray, shape (d + 1, O)
    """
    if len(np.unique(codes)) < n_classes:
        return np.zeros((Z.shape[1] + 1, n_classes if n_classes > 2 else 1))
    start = pooled_scores(pooled, scaler, n_classes)
    if start is None:
        linear = LogisticRegression(max_iter=2000).fit(Z, codes, sample_weight=weights)
        start = np.vstack([linear.coef_.T, linear.intercept_])
    return start
