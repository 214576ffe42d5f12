"""What DAFH minimises: per-person costs of a soft assignment to K classifiers.

Each function takes the assignment probabilities (..., B, K), the losses of the K classifiers (..., B, K), in [0, 1],
and the losses of the pooled classifier (B,), and returns costs (..., B).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor, Tensor], Tensor]

#: Losses are kept this far from 1 where their logarithm is taken.
_EPSILON = 1e-6


def hinge(assignment: Tensor, losses: Tensor, pooled_losses: Tensor) -> Tensor:
    """Own loss, plus what is lost against the pooled and against the other groups' classifiers ("hinge").

    An error of another group's classifier is rewarded only as far as that classifier is better for the person than the
    own one: unlike in `paper` nothing is gained by making it worse than the own.
    """
    harm = torch.relu(losses - pooled_losses[:, None])
    envy = torch.relu(losses[..., :, None] - losses[..., None, :]).mean(dim=-1)
    return (assignment * (losses + harm + envy)).sum(dim=-1)


def paper(assignment: Tensor, losses: Tensor, pooled_losses: Tensor) -> Tensor:
    """Negative of arXiv 2509.24077, eq. (2), per person: ``sum_k (2 K pi_k L_k - L_k) / K^2``."""
    k = losses.shape[-1]
    return ((2 * k * assignment - 1) * losses).sum(dim=-1) / k**2


def group(assignment: Tensor, losses: Tensor, pooled_losses: Tensor) -> Tensor:
    """Negative of arXiv 2509.24077, eq. (1), with soft group sizes; for large batches.

    Person i's share of group k's mean is ``pi_ik / n_k``, which is multiplied by the batch size because costs are
    averaged.
    """
    k, batch = losses.shape[-1], losses.shape[-2]
    share = assignment * batch / (assignment.sum(dim=-2, keepdim=True) + _EPSILON)
    rationality = pooled_losses[:, None] - losses
    envy = losses.mean(dim=-1, keepdim=True) - losses
    return -(share * (rationality + envy)).sum(dim=-1) / k


def ce(assignment: Tensor, losses: Tensor, pooled_losses: Tensor) -> Tensor:
    """Cross-entropy of a mixture of experts, ``-sum_k pi_k log(1 - L_k)``; no envy term (it must not be rewarded)."""
    return (assignment * -torch.log1p(-losses.clamp(max=1 - _EPSILON))).sum(dim=-1)


def direct(assignment: Tensor, losses: Tensor, pooled_losses: Tensor) -> Tensor:
    """Own loss, counted double where some other classifier is right ("direct")."""
    everybody = torch.cat([losses, pooled_losses[:, None].expand(*losses.shape[:-1], 1)], dim=-1)
    k = losses.shape[-1]
    others_wrong = torch.stack(
        [torch.cat([everybody[..., :j], everybody[..., j + 1 :]], dim=-1).prod(dim=-1) for j in range(k)],
        dim=-1,
    )
    return (assignment * losses * (2 - others_wrong)).sum(dim=-1)


OBJECTIVES: dict[str, Objective] = {
    function.__name__: function for function in (hinge, paper, group, ce, direct)
}
