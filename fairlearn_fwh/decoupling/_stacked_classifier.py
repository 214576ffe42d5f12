"""Scores of several models, combined linearly."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin

from ..base._answers import align_probabilities

#: Probabilities are kept this far from 0 and 1, so that one sure model does not outweigh the others.
_EDGE = 1e-4


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Scores of a model: log odds of the second of two classes, shape (n, 1), or log probabilities of several, shape (n, C)."""
    p = np.clip(probabilities, _EDGE, 1 - _EDGE)
    return np.asarray(special.logit(p[:, 1:])) if p.shape[1] == 2 else np.log(p)


class StackedClassifier(ClassifierMixin, BaseEstimator):
    """Fitted models, and the weights of their scores.

    Parameters
    ----------
    models : list of classifier
    classes : ndarray, shape (C,)
    center, scale : ndarray, shape (m,)
        By which the scores are standardised.
    coef : ndarray, shape (1 or C, m)
    intercept : ndarray, shape (1 or C,)
    """

    def __init__(self, models: Any, classes: Any, center: Any, scale: Any, coef: Any, intercept: Any) -> None:
        self.models = models
        self.classes = classes
        self.center = center
        self.scale = scale
        self.coef = coef
        self.intercept = intercept

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return np.asarray(self.classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities.

        Parameters
        ----------
        X : array-like, shape (n, d)

        Returns
        -------
        ndarray, shape (n, C)
        """
        scores = np.column_stack(
            [log_odds(align_probabilities(model, X, self.classes_)) for model in self.models]
        )
        decision = (scores - self.center) / self.scale @ self.coef.T + self.intercept
        if decision.shape[1] == 1:
            p = special.expit(decision[:, 0])
            return np.column_stack([1 - p, p])
        return np.asarray(special.softmax(decision, axis=1))

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like, shape (n, d)

        Returns
        -------
        ndarray, shape (n,)
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
