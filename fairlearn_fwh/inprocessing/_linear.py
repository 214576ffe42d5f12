"""Linear parts that are learned with torch and used without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


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
    classifier.intercept_ = intercepts - classifier.coef_ @ scaler.mean_
    classifier.n_features_in_ = len(weights)
    if feature_names is not None:
        classifier.feature_names_in_ = feature_names
    return classifier


def pooled_scores(pooled: Any, scaler: StandardScaler) -> np.ndarray | None:
    """Weights of a linear classifier for standardised features, the intercepts in the last row.

    Parameters
    ----------
    pooled : classifier
        A logistic regression for raw features, or a pipeline of a StandardScaler and one.
    scaler : StandardScaler
        Standardises the raw features.

    Returns
    -------
    ndarray, shape (d + 1, O), or None
        None if `pooled` is of another kind.
    """
    if isinstance(pooled, Pipeline) and len(pooled) == 2 and isinstance(pooled[0], StandardScaler):
        own_scaler, linear = pooled[0], pooled[1]
        if not (own_scaler.with_mean and own_scaler.with_std):
            return None
    else:
        own_scaler, linear = None, pooled
    if not isinstance(linear, LogisticRegression):
        return None
    coef, intercept = linear.coef_, linear.intercept_
    if own_scaler is not None:
        coef = coef / own_scaler.scale_
        intercept = intercept - coef @ own_scaler.mean_
    return np.vstack([(coef * scaler.scale_).T, intercept + coef @ scaler.mean_])


def router_logits(Z: np.ndarray, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> np.ndarray:
    """Outputs of a network with rectified hidden layers, shape (n, K).

    Parameters
    ----------
    Z : ndarray, shape (n, d)
        Standardised features.
    coefs, intercepts : sequences of ndarray
        Weights (inputs, outputs) and biases (outputs,) of each layer.
    """
    hidden = Z
    for layer, (weight, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        hidden = (np.maximum(hidden, 0) if layer else hidden) @ weight + bias
    return hidden
