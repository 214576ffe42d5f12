"""Trained networks as classifiers of people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin

from .._training._inputs import Inputs


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A network that gives a score for each class.

    Parameters
    ----------
    inputs : TableInputs or ImageInputs
        Turns features into the network's inputs.
    network : callable (inputs) -> scores, shape (n, C)
    classes : ndarray, shape (C,)
    """

    def __init__(
        self, inputs: Inputs, network: Callable[[np.ndarray], np.ndarray], classes: np.ndarray
    ) -> None:
        self.inputs = inputs
        self.network = network
        self.classes = classes

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return self.classes

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores, shape (n, C)."""
        return np.concatenate([self.network(batch) for batch in self.inputs.batches(X)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, shape (n, C)."""
        return special.softmax(self.decision_function(X).astype(float), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class MixtureClassifier(ClassifierMixin, BaseEstimator):
    """Every group's classifier, weighted by the probability that a person belongs to the group.

    Parameters
    ----------
    discriminator : NetworkClassifier
        Its classes are groups, in the order of `classifiers`.
    classifiers : dict from group to classifier
    """

    def __init__(self, discriminator: NetworkClassifier, classifiers: Mapping[Any, Any]) -> None:
        self.discriminator = discriminator
        self.classifiers = classifiers

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return next(iter(self.classifiers.values())).classes_

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, shape (n, C)."""
        memberships = self.discriminator.predict_proba(X)
        parts = (model.predict_proba(X) for model in self.classifiers.values())
        return sum(memberships[:, [k]] * part for k, part in enumerate(parts))

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
