"""Distributionally robust risks: the worst mean of the losses over all reweightings within a ball."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...metrics._core._bisection import bisect
from ._weighting import Batch, Weighting

_BISECTIONS = 40


def ball_constant(alpha: float, radius: str | float) -> float:
    """Give C of the dual of the chi-square ball, ``sqrt(1 + rho)`` with rho = ``mean((q/p - 1)^2)``.

    Parameters
    ----------
    alpha : float
        Share of the smallest group that is protected.
    radius : {"tight", "vfair", "hashimoto"} or float
        rho = ``1/alpha - 1``, which is how far the distribution of a group of that share is; ``(1/alpha - 1)^2`` (the code of VFair);
        ``2 (1/alpha - 1)^2`` (Hashimoto et al. 2018); or rho itself.

    Returns
    -------
    float
        Infinite if alpha is so small that rho is not a number.
    """
    distance = np.float64(1 / alpha - 1)
    with np.errstate(over="ignore"):
        named = {"tight": distance, "vfair": distance**2, "hashimoto": 2 * distance**2}
    return float(np.sqrt(1 + (named[radius] if isinstance(radius, str) else radius)))


def chi_square_threshold(losses: Tensor, shares: Tensor, constant: float) -> Tensor:
    """Minimise ``C sqrt(mean (l - eta)_+^2) + eta`` over eta, by bisection; minus infinity if C is 1.

    Parameters
    ----------
    losses : Tensor, shape (n,)
    shares : Tensor, shape (n,)
        Of each person in means; sum 1.
    constant : float

    Returns
    -------
    Tensor
    """
    mean = shares @ losses
    if constant <= 1:
        return torch.full_like(mean, -torch.inf)
    # Below all losses the minimum is known: (mean - eta)^2 = variance / (C^2 - 1).
    variance = shares @ (losses - mean).square()
    low = torch.minimum(losses.min(), mean - (variance / (constant**2 - 1)).sqrt())

    def has_fallen(eta: Tensor) -> Tensor:
        above = (losses - eta).clamp(min=0)
        return ~(
            constant * (shares @ above) > _root(above, shares)
        )  # the slope 1 - C mean / root is no longer negative

    return bisect(has_fallen, low, losses.max(), steps=_BISECTIONS, where=torch.where)[0]


def chi_square_risk(losses: Tensor, shares: Tensor, constant: float) -> Tensor:
    """Worst mean of the losses over the chi-square ball: ``inf_eta C sqrt(mean (l - eta)_+^2) + eta`` (Hashimoto et al. 2018, eq. 5).

    Its gradient is that at the minimising eta, which is held fixed (Danskin).
    """
    if constant <= 1:
        return shares @ losses
    eta = chi_square_threshold(losses.detach(), shares, constant)
    return constant * _root((losses - eta).clamp(min=0), shares) + eta


def _root(above: Tensor, shares: Tensor) -> Tensor:
    """Root of the mean square; not quite 0, where it has no gradient."""
    return (shares @ above.square()).clamp(min=torch.finfo(above.dtype).tiny).sqrt()


def conditional_value_at_risk(losses: Tensor, shares: Tensor, alpha: float) -> Tensor:
    """Mean of the largest losses, of a share alpha: ``inf_eta eta + mean (l - eta)_+ / alpha`` (Rockafellar and Uryasev 2000)."""
    eta = value_at_risk(losses.detach(), shares, alpha)
    return eta + shares @ torch.relu(losses - eta) / alpha


def value_at_risk(losses: Tensor, shares: Tensor, alpha: float) -> Tensor:
    """Loss that a share alpha exceeds."""
    order = losses.argsort(descending=True)
    position = int((shares[order].double().cumsum(0) <= alpha * (1 - 1e-6)).sum())
    return losses[order[min(position, len(losses) - 1)]]


class RobustWeighting(Weighting):
    """Weights by which the weighted mean of a batch's losses is their robust risk.

    The threshold is that of the batch. One for everybody would have no bias, but it is out of date after a few steps: where features
    are few, so that many losses are equal, whole batches lie below it, or far above.

    Parameters
    ----------
    objective : {"chi2", "cvar"}
    alpha : float
    constant : float
        C of the chi-square ball.
    """

    def __init__(self, objective: str, alpha: float, constant: float) -> None:
        super().__init__()
        self.objective, self.alpha, self.constant = objective, alpha, constant

    @property
    def is_plain(self) -> bool:
        """Whether everybody weighs the same."""
        return self.alpha == 1 if self.objective == "cvar" else self.constant <= 1

    def risk(self, losses: Tensor, shares: Tensor) -> Tensor:
        """Robust risk; the mean where everybody weighs the same."""
        if self.is_plain:
            return shares @ losses
        if self.objective == "chi2":
            return chi_square_risk(losses, shares, self.constant)
        return conditional_value_at_risk(losses, shares, self.alpha)

    def forward(self, batch: Batch) -> Tensor:
        """Weights, shape (B,): 0 for people whose loss is below the threshold; 1 where all losses are equal."""
        losses, shares = batch.losses, batch.weight / batch.weight.sum()
        if self.is_plain or losses.max() <= losses.min():
            return torch.ones_like(losses)
        if self.objective == "chi2":
            above = (losses - chi_square_threshold(losses, shares, self.constant)).clamp(min=0)
            return above / (
                shares @ above
            )  # the gradient C above / root, of which the mean is 1 but at the largest loss
        threshold = value_at_risk(losses, shares, self.alpha)
        # Those at the threshold share what is left of alpha.
        larger, at = losses > threshold, losses == threshold
        rest = ((self.alpha - shares[larger].sum()) / shares[at].sum()).clamp(0, 1)
        return (larger + rest * at) / self.alpha
