"""How a batch moves the learner: the door for methods that change the gradient, and not only the weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .._training._learners import Learner

#: Largest norm of the learner's gradient.
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Costs:
    """What a batch costs; all of it carries gradients.

    Attributes
    ----------
    total : Tensor, shape ()
        Weighted mean loss, whose gradient by the weighting has the other sign.
    losses : Tensor, shape (B,)
        Of each person.
    weights : Tensor, shape (B,)
        Of the user, by which people count in means; their mean over the training rows is 1.
    """

    total: Tensor
    losses: Tensor
    weights: Tensor


class Step:
    """Goes down the gradient of the cost, and no further than a gradient of norm 1 goes.

    A method that changes the gradient is a subclass: its `backward` sets ``parameter.grad`` of the learner's parameters.
    """

    def backward(self, costs: Costs, learner: Learner) -> None:
        """Compute gradients."""
        costs.total.backward()

    def clip(self, learner: Learner) -> None:
        """Shorten the learner's gradient."""
        torch.nn.utils.clip_grad_norm_(learner.parameters(), _LARGEST_GRADIENT)
