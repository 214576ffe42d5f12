"""What is trained on a pair of tasks: every objective of arXiv 2305.12671, and how its answers are compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from ...inprocessing import MultiTaskTransferClassifier
from .._runs import with_interval
from ._data import TransferSplit

ALONE, BASE = "STL-base", "MTL-base"

Fit = Callable[[TransferSplit, int, int], Any]


def _model(split: TransferSplit, seed: int, epochs: int, **settings: Any) -> MultiTaskTransferClassifier:
    return MultiTaskTransferClassifier(
        input_modules=split.input_modules, random_state=seed, max_epochs=epochs, **settings
    )


def _alone(split: TransferSplit, seed: int, epochs: int, **settings: Any) -> MultiTaskTransferClassifier:
    modules = split.input_modules and {"target": split.input_modules["target"]}
    return MultiTaskTransferClassifier(
        input_modules=modules, random_state=seed, max_epochs=epochs, **settings
    )


def _fine_tune(split: TransferSplit, seed: int, epochs: int) -> Any:
    """Make a network fair on the auxiliary, then go on with it on the target: the paper's negative control."""
    X, y, groups = split.auxiliary
    first = MultiTaskTransferClassifier(random_state=seed, max_epochs=epochs).fit(
        X, y, sensitive_features=groups
    )
    encoder = _encoder_of(first)
    return MultiTaskTransferClassifier(encoder, random_state=seed, max_epochs=epochs).fit(split.X, split.y)


def _encoder_of(model: MultiTaskTransferClassifier) -> nn.Module:
    network: Any = model._networks["target"]
    layers: list[nn.Module] = []
    for weight, bias in zip(network.coefs[:-1], network.intercepts[:-1], strict=True):
        linear = nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(weight.T))
            linear.bias.copy_(torch.as_tensor(bias))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers)


#: Every objective.
METHODS: dict[str, Fit] = {
    ALONE: lambda s, seed, epochs: _alone(s, seed, epochs, fairness_weight=0.0).fit(s.X, s.y),
    "STL-fair (knows the target's groups)": lambda s, seed, epochs: _alone(s, seed, epochs).fit(
        s.X, s.y, sensitive_features=s.groups, validation_sensitive_features=s.groups
    ),
    BASE: lambda s, seed, epochs: _model(s, seed, epochs, fairness_weight=0.0).fit(
        s.X, s.y, auxiliary=s.auxiliary
    ),
    "MTL-fair": lambda s, seed, epochs: _model(s, seed, epochs).fit(s.X, s.y, auxiliary=s.auxiliary),
    "MTL-fair, epoch by the target's groups": lambda s, seed, epochs: _model(s, seed, epochs).fit(
        s.X, s.y, auxiliary=s.auxiliary, validation_sensitive_features=s.groups
    ),
    "MTL-fair, by the target's head": lambda s, seed, epochs: _model(
        s, seed, epochs, fairness_path="target_head"
    ).fit(s.X, s.y, auxiliary=s.auxiliary),
    "MTL-fair, as published": lambda s, seed, epochs: _model(
        s, seed, epochs, fairness_path="auxiliary_head"
    ).fit(s.X, s.y, auxiliary=s.auxiliary),
    "MTL-inter": lambda s, seed, epochs: _model(s, seed, epochs).fit(
        s.X, s.y, sensitive_features=s.known, auxiliary=s.auxiliary
    ),
    "fine-tuning": _fine_tune,
}


def answers_of(
    methods: Mapping[str, Fit], split: TransferSplit, seed: int, max_epochs: int
) -> dict[str, np.ndarray]:
    """Train every method, and ask it about the test rows."""
    with warnings.catch_warnings():
        for expected in (UserWarning, ConvergenceWarning):  # they say what the tables show
            warnings.simplefilter("ignore", expected)
        return {name: fit(split, seed, max_epochs).predict(split.X_test) for name, fit in methods.items()}


def change_in_epsilon(runs: pd.DataFrame, attribute: str) -> str:
    """Say how far epsilon falls from MTL-base to MTL-fair on each pair, where the target's `attribute` is not known."""
    told = []
    for pair, part in runs.groupby("dataset", sort=False):
        epsilon = part.pivot(index="split", columns="method", values="epsilon")
        told.append(f"{pair} {with_interval(epsilon['MTL-fair'] - epsilon[BASE], signed)}")
    return f"What MTL-fair (blind to the target's {attribute}) changes in the target's epsilon against MTL-base: {'; '.join(told)}."


def signed(value: float) -> str:
    return f"{value:+.2f}"
