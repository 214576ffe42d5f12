"""What was learned with torch, as classifiers and routers for everyday use."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from .._training._networks import ModuleNetwork, as_network
from .._training._scaling import chunks, standardize
from ._linear import linear_classifier
from ._network import LinearHeads
from ._router import Bins, Router


class ModuleClassifier:
    """A group's classifier that is a torch module of the user's.

    Attributes
    ----------
    module : torch module
        Maps standardised features (n, d) to scores (n, O); O is 1 for two classes, else their number.
    scaler : StandardScaler
    classes_ : ndarray
    temperature : float
        Divides the scores.
    """

    def __init__(self, module: nn.Module, scaler: StandardScaler, classes: np.ndarray) -> None:
        self.module = module
        self.scaler = scaler
        self.classes_ = classes
        self.temperature = 1.0

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores, shape (n, O)."""
        network = ModuleNetwork(self.module)
        parts = [network(standardize(self.scaler, part)) for part in chunks(X, len(self.scaler.scale_))]
        return np.concatenate(parts) / self.temperature

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, shape (n, n_classes)."""
        scores = self.decision_function(X)
        if scores.shape[1] > 1:
            return special.softmax(scores, axis=1)
        return np.hstack([special.expit(-scores), special.expit(scores)])

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def make_router(module: nn.Module, scaler: StandardScaler, bins: Bins | None) -> Router:
    """Make the router."""
    return Router(scaler, bins, as_network(module))


def make_classifiers(
    heads: nn.Module, scaler: StandardScaler, classes: np.ndarray, feature_names: Any
) -> dict[int, Any]:
    """Make one classifier per group."""
    if isinstance(heads, LinearHeads):
        n_groups, n_outputs = heads.shape
        weight = heads.weight.detach().numpy().reshape(-1, n_groups, n_outputs)
        bias = heads.bias.detach().numpy().reshape(n_groups, n_outputs)
        return {
            k: linear_classifier(weight[:, k], bias[k], scaler, classes, feature_names)
            for k in range(n_groups)
        }
    return {k: ModuleClassifier(head, scaler, classes) for k, head in enumerate(cast(nn.ModuleList, heads))}


def cool(classifier: Any, temperature: float) -> Any:
    """Divide the scores of a learned head by a temperature."""
    if isinstance(classifier, ModuleClassifier):
        classifier.temperature = temperature
    elif isinstance(classifier, LogisticRegression):
        classifier.coef_ = classifier.coef_ / temperature
        classifier.intercept_ = classifier.intercept_ / temperature
    return classifier
