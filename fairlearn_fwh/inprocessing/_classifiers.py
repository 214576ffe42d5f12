"""What was learned with torch, as classifiers and routers for everyday use."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from ._linear import linear_classifier
from ._routed_heads import LinearHeads
from ._router import Bins, RectifiedNetwork, Router, chunks, standardize


class ModuleNetwork:
    """A torch module, asked for arrays."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs, shape (n, ...)."""
        with torch.no_grad():
            return self.module(torch.as_tensor(inputs)).numpy()


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


def as_network(module: Any) -> ModuleNetwork | RectifiedNetwork:
    """Make a module a function of arrays; a plain network is kept as arrays, which needs no torch to be loaded."""
    if not _is_rectified_network(module):
        return ModuleNetwork(module)
    linear = [layer for layer in module if isinstance(layer, nn.Linear)]
    return RectifiedNetwork(
        [layer.weight.detach().numpy().T.copy() for layer in linear],
        [layer.bias.detach().numpy().copy() for layer in linear],
    )


def as_precise_network(module: Any) -> ModuleNetwork | RectifiedNetwork:
    """Make a module a function of arrays; a plain network in double precision, so that answers do not depend on the order of rows."""
    network = as_network(module)
    if isinstance(network, RectifiedNetwork):
        return RectifiedNetwork(
            *([array.astype(float) for array in arrays] for arrays in (network.coefs, network.intercepts))
        )
    return network


def _is_rectified_network(module: nn.Module) -> bool:
    """Whether a module is a chain of linear layers with biases and rectifiers between them."""
    if type(module) is not nn.Sequential:
        return False
    layers = list(module)  # `children()` would leave out a layer that comes twice
    return (
        len(layers) % 2 == 1
        and all(isinstance(layer, nn.Linear) and layer.bias is not None for layer in layers[::2])
        and all(type(layer) is nn.ReLU for layer in layers[1::2])
    )


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
