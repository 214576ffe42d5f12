"""Learners whose last layer is linear, with what enters that layer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ._encoders import make_table_encoder


class Learner(nn.Module):
    """A module and the linear layer that makes its scores.

    Parameters
    ----------
    module : torch module
        Maps (n, d) to scores (n, O), O being 1 for two classes.
    last : Linear
        Its last layer.
    """

    def __init__(self, module: nn.Module, last: nn.Linear) -> None:
        super().__init__()
        self.module = module
        self._entered: list[Tensor] = []
        self._last = [last]  # in a list, so that its parameters are not counted twice

    @property
    def last_parameters(self) -> str:
        """Pattern of the names of the last layer's parameters."""
        name = next(name for name, layer in self.module.named_modules() if layer is self._last[0])
        return f"module.{name}.*" if name else "module.*"

    @property
    def weight(self) -> Tensor:
        """Weights of the last layer, shape (O, m)."""
        return self._last[0].weight

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """What enters the last layer, shape (B, m), and scores, shape (B, O)."""
        hook = self._last[0].register_forward_pre_hook(lambda layer, inputs: self._entered.append(inputs[0]))
        try:
            scores = self.module(X)
            return self._entered[-1], scores
        finally:
            hook.remove()
            self._entered.clear()


def make_learner(
    module: nn.Module | Callable[[int, int], nn.Module] | None,
    n_features: int,
    n_outputs: int,
    hidden_layer_sizes: Sequence[int],
    example: Tensor | None = None,
) -> Learner:
    """Make a learner anew, and find its last layer by a dry run; `example` are rows for it where random numbers will not do.

    Raises
    ------
    ValueError
        If it cannot take the features, its scores have another shape, or they are not those of its last linear layer.
    """
    if module is None and example is not None:
        raise ValueError(
            "Texts as tokens need a module that ends in a linear layer, such as torch.nn.Sequential(make_transformer_encoder(name)(()), torch.nn.Linear(384, 1))."
        )
    if module is None:
        body = make_table_encoder(n_features, hidden_layer_sizes)
        made: nn.Module = nn.Sequential(*body, nn.Linear([n_features, *hidden_layer_sizes][-1], n_outputs))
    else:
        made = copy.deepcopy(
            module if isinstance(module, nn.Module) else _call(module, n_features, n_outputs)
        )
    made.eval()
    called: list[tuple[nn.Linear, Tensor]] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: called.append((layer, inputs[0])))
        for layer in made.modules()
        if isinstance(layer, nn.Linear)
    ]
    try:
        with torch.no_grad():
            rows = torch.randn(2, n_features, generator=torch.Generator().manual_seed(0))
            scores = made(rows if example is None else example)
    except Exception as error:
        if example is not None:
            raise ValueError(
                f"module cannot take texts of shape {tuple(example.shape)} with tokens up to {int(example[:, 0].max()):,}: {error}. Does it have another vocabulary?"
            ) from error
        raise ValueError(f"module cannot take float32 inputs of shape (2, {n_features}): {error}") from error
    finally:
        for hook in hooks:
            hook.remove()
    if not called:
        raise ValueError("module must end in a linear layer; it calls none.")
    if scores.shape != (2, n_outputs):
        raise ValueError(
            f"module must return (n, {n_outputs}) scores for n people; for 2 it returned {tuple(scores.shape)}."
        )
    last, entered = called[-1]
    with torch.no_grad():
        if entered.ndim != 2 or not torch.allclose(last(entered), scores):
            raise ValueError(
                "module must end in a linear layer; its scores are not those of the last that it calls."
            )
    return Learner(made, last)


def _call(factory: Callable[[int, int], nn.Module], n_features: int, n_outputs: int) -> nn.Module:
    try:
        made = factory(n_features, n_outputs)
    except TypeError as error:
        raise ValueError(
            f"module({n_features}, {n_outputs}), as (n_features, n_outputs), failed: {error}"
        ) from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"module must return a torch module; it returned {type(made).__name__}.")
    return made


def person_losses(scores: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of each person, shape (B,)."""
    if scores.shape[1] == 1:
        return binary_cross_entropy_with_logits(scores[:, 0], y.to(scores.dtype), reduction="none")
    return cross_entropy(scores, y, reduction="none")


def residuals(scores: Tensor, y: Tensor) -> Tensor:
    """Gradient of each person's loss by its scores, shape (B, O): probability minus label."""
    if scores.shape[1] == 1:
        return torch.sigmoid(scores) - y[:, None].to(scores.dtype)
    return torch.softmax(scores, dim=1) - nn.functional.one_hot(y, scores.shape[1])


def two_columns(scores: np.ndarray) -> np.ndarray:
    """Scores of all classes, also where one score is for two of them."""
    return np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores
