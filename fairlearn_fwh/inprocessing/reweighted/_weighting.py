"""The shape that all methods without demographics share: somebody reweights people, and wants the loss to be high.

A `Weighting` chooses the weights of a batch. Where they carry gradients it is an adversary that learns to raise the weighted
loss while the learner lowers it; where they do not, they are a function of the losses. A new method is a new `Weighting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._training._encoders import make_table_encoder

#: Nobody's weight is smaller or larger than these, whatever the adversary says.
SMALLEST, LARGEST = 0.05, 10.0


@dataclass(frozen=True)
class Batch:
    """What can be known of the people of a batch; nothing carries gradients.

    Attributes
    ----------
    X : Tensor, shape (B, d)
        Features, or what stands for them (`seen`).
    y : Tensor of int, shape (B,)
    weight : Tensor, shape (B,)
        Of the user.
    losses : Tensor, shape (B,)
    representation : Tensor, shape (B, m)
        What enters the learner's last layer.
    residuals : Tensor, shape (B, O)
        Gradients of the losses by the scores.
    last_weight : Tensor, shape (O, m)
        Weights of the learner's last layer.
    """

    X: Tensor
    y: Tensor
    weight: Tensor
    losses: Tensor
    representation: Tensor
    residuals: Tensor
    last_weight: Tensor

    def with_label(self, n_classes: int) -> Tensor:
        """Features and label, shape (B, d + C)."""
        return torch.cat([self.X, nn.functional.one_hot(self.y, n_classes).to(self.X.dtype)], dim=1)


def seen(X: Tensor, representation: Tensor) -> Tensor:
    """What an adversary sees of people: features, shape (B, d); of texts, whose tokens are not features, what the learner makes of them, shape (B, m).

    A representation is brought to the order of standardised features.
    """
    return X if X.is_floating_point() else of_order_one(representation.detach())


def of_order_one(values: Tensor) -> Tensor:
    """Divide by the root mean square, as standardised features have it."""
    return values / values.square().mean().sqrt().clamp(min=1e-8)


class Weighting(nn.Module):
    """Somebody who reweights people. A subclass defines ``forward(batch) -> weights (B,)``."""

    #: Whether the best epoch is that which stands best against all of its weightings so far, and not that of the least `risk`. Who sees
    #: labels gives weight to those that are noise: against it whoever has learned nothing stands best.
    judges_epochs = False

    def risk(self, losses: Tensor, shares: Tensor) -> Tensor:
        """Risk by which the epoch is chosen, of losses and shares of people in means, shape (n,)."""
        # The largest losses have no say: where labels are noisy they are smallest for those who have learned nothing.
        return shares @ losses


def normalize_weights(scores: Tensor, form: str) -> Tensor:
    """Make weights of an adversary's scores, shape (B,).

    Parameters
    ----------
    scores : Tensor, shape (B,)
    form : {"bounded", "mean", "softmax"}
        ``1 + s / mean(s)`` with s = sigmoid(scores) (Lahoti et al. 2020); ``u / mean(u)`` with u = 1 + leaky ReLU(scores) (the code
        of arXiv 2412.03706); or B times the softmax.

    Returns
    -------
    Tensor, shape (B,)
        Between 0.05 and 10.
    """
    if form == "softmax":
        weights = len(scores) * torch.softmax(scores, dim=0)
    elif form == "mean":
        u = (nn.functional.leaky_relu(scores, 0.01) + 1).clamp(min=0)
        weights = u / (u.mean() + 1e-8)
    else:
        # s / mean(s), also where all s are too small for numbers.
        weights = 1 + len(scores) * torch.softmax(nn.functional.logsigmoid(scores), dim=0)
    return weights.clamp(SMALLEST, LARGEST)


def make_adversary(n_inputs: int, hidden_layer_sizes: Sequence[int]) -> tuple[nn.Sequential, int]:
    """Make the layers of an adversary before its last one, and say how many numbers leave them; no sizes make it linear."""
    return make_table_encoder(n_inputs, hidden_layer_sizes), [n_inputs, *hidden_layer_sizes][-1]


def effective_share(weights: Tensor) -> Tensor:
    """Effective sample size as a share of the sample: ``(sum w)^2 / (n sum w^2)``, 1 if all weigh the same."""
    return weights.sum() ** 2 / (len(weights) * (weights**2).sum()).clamp(min=torch.finfo(weights.dtype).tiny)
