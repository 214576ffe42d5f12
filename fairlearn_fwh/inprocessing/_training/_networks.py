"""Trained modules as functions of arrays; plain ones need no torch to be loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn


@dataclass
class RectifiedNetwork:
    """A network with rectified hidden layers.

    Attributes
    ----------
    coefs, intercepts : lists of ndarray
        Weights (inputs, outputs) and biases (outputs,) of each layer.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs, shape (n, K)."""
        return self.after_first_layer(inputs @ self.coefs[0] + self.intercepts[0])

    def after_first_layer(self, hidden: np.ndarray) -> np.ndarray:
        """Outputs of what the first layer gave, before it is rectified."""
        for coef, intercept in zip(self.coefs[1:], self.intercepts[1:], strict=True):
            hidden = np.maximum(hidden, 0) @ coef + intercept
        return hidden


class ModuleNetwork:
    """A torch module, asked for arrays."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs, shape (n, ...)."""
        with torch.no_grad():
            return self.module(torch.as_tensor(inputs).to(self.device)).cpu().numpy()

    @property
    def device(self) -> torch.device:
        """Where the module is: on the CPU but while a fit computes with it."""
        return next((value.device for value in self.module.parameters()), torch.device("cpu"))


@contextlib.contextmanager
def computing_on(device: str, networks: Iterable[ModuleNetwork | RectifiedNetwork]) -> Iterator[None]:
    """Let networks compute on a device; afterwards they are on the CPU, where everybody can read them."""
    modules = [network.module for network in networks if isinstance(network, ModuleNetwork)]
    try:
        for module in modules:
            module.to(device)
        yield
    finally:
        for module in modules:
            module.cpu()


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
