"""The DAFH paper's own recipe, as far as it is stated (arXiv 2509.24077, Tables 2 and 3).

Deviations that the paper forces on its readers: the sign of the balance term is turned (as printed it rewards
imbalance), the losses are summed over a batch (with their mean the stated rates do nothing), and the start is not
stated (here torch's default).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import ParameterGrid

from ...inprocessing import DAFHClassifier
from .._methods import Method, clustering, dafh, pooled, trivial_partition


@dataclass(frozen=True)
class Recipe:
    """Settings of the paper's Table 3; the first is its choice for most data sets."""

    batch_size: int = 1024
    epochs: int = 3
    balance: float = 10.0
    head_rate: float = 1e-2
    router_rate: float = 1e-3


_RECIPES = {"german": Recipe(batch_size=256, balance=100.0), "bank": Recipe(epochs=2)}

#: Table 2.
GRID = [
    Recipe(**settings)
    for settings in ParameterGrid(
        {
            "batch_size": [256, 1024],
            "epochs": [2, 3, 4],
            "router_rate": [1e-4, 1e-3],
            "head_rate": [1e-2, 1e-1],
            "balance": [0.0, 1.0, 10.0, 100.0],
        }
    )
]


def recipe_of(dataset: str) -> Recipe:
    """Settings that the paper chose for a data set."""
    return _RECIPES.get(dataset, Recipe())


class FeatureRouter(torch.nn.Sequential):
    """A router that sees the features alone, without their bins."""

    def __init__(self, n_features: int, n_inputs: int, n_groups: int) -> None:
        super().__init__(torch.nn.Linear(n_features, 100), torch.nn.ReLU(), torch.nn.Linear(100, n_groups))
        self.n_features = n_features

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (B, K)."""
        return super().forward(inputs[:, : self.n_features])


def paper_dafh(recipe: Recipe, n_features: int, seed: int, n_groups: int = 2) -> DAFHClassifier:
    """Make DAFH as the paper trains it."""
    return DAFHClassifier(
        n_groups=n_groups,
        objective="paper",
        router=partial(FeatureRouter, n_features),
        heads=torch.nn.Linear,
        # A sum over the batch is a mean with rates multiplied, and a balance weight divided, by the batch size.
        learning_rate=recipe.head_rate * recipe.batch_size * np.sqrt(n_features),
        router_learning_rate=recipe.router_rate * recipe.batch_size,
        balance=recipe.balance / recipe.batch_size,
        optimizer="sgd",
        batch_size=recipe.batch_size,
        max_epochs=recipe.epochs,
        n_init=1,
        min_group_size=1,
        fallback=None,
        random_state=seed,
    )


def brief_model(recipe: Recipe) -> SGDClassifier:
    """Make a logistic regression that is trained as briefly as the paper's."""
    return SGDClassifier(
        loss="log_loss",
        alpha=0.0,
        learning_rate="constant",
        eta0=recipe.head_rate,
        max_iter=recipe.epochs,
        tol=None,
        random_state=0,
    )


def beside_brief_model(make_model: Callable[[int], DAFHClassifier]) -> Method:
    """DAFH as a method to be compared with a brief model: its own pooled classifier, by which empty groups are served, has converged."""
    return lambda split, seed: replace(dafh(make_model)(split, seed), pooled_groups=())


def paper_method(dataset: str, n_groups: int = 2) -> Method:
    """DAFH as the paper trains it, as a method to be compared."""
    return lambda split, seed: beside_brief_model(
        lambda s: paper_dafh(recipe_of(dataset), split.X.shape[1], s, n_groups)
    )(split, seed)


def paper_methods(dataset: str) -> dict[str, Method]:
    """Make the methods of the paper's Table 4, with baselines trained as briefly as the paper's."""
    brief = brief_model(recipe_of(dataset))
    return {
        "pooled": pooled(brief),
        "trivial partition": trivial_partition(brief),
        "clustering": clustering(brief),
        "DAFH, no fallback": paper_method(dataset),
    }
