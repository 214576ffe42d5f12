"""Distributionally robust risks: the worst mean of the losses over all reweightings within a ball."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ._weighting import Batch, Weighting

_BISECTIONS = 60


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
    """
    distance = 1 / alpha - 1
    named = {"tight": distance, "vfair": distance**2, "hashimoto": 2 * distance**2}
    return float(np.sqrt(1 + (named[radius] if isinstance(radius, str) else radius)))


def chi_square_threshold(losses: Tensor, constant: float) -> Tensor:
    """Minimise ``C sqrt(mean (l - eta)_+^2) + eta`` over eta, by bisection; minus infinity if C is 1."""
    mean, variance = losses.mean(), losses.var(correction=0)
    if constant <= 1:
        return torch.full_like(mean, -torch.inf)
    # Below all losses the minimum is known: (mean - eta)^2 = variance / (C^2 - 1).
    low = torch.minimum(losses.min(), mean - (variance / (constant**2 - 1)).sqrt())
    high = losses.max()
    for _ in range(_BISECTIONS):
        eta = (low + high) / 2
        above = (losses - eta).clamp(min=0)
        root = above.square().mean().sqrt()
        falls = constant * above.mean() > root  # the slope 1 - C mean / root is negative
        low, high = torch.where(falls, eta, low), torch.where(falls, high, eta)
    return low


def chi_square_risk(losses: Tensor, constant: float) -> Tensor:
    """Worst mean of the losses over the chi-square ball: ``inf_eta C sqrt(mean (l - eta)_+^2) + eta`` (Hashimoto et al. 2018, eq. 5).

    Its gradient is that at the minimising eta, which is held fixed (Danskin).
    """
    if constant <= 1:
        return losses.mean()
    eta = chi_square_threshold(losses.detach(), constant)
    above = (losses - eta).clamp(min=0).square().mean()
    return constant * above.clamp(min=torch.finfo(losses.dtype).tiny).sqrt() + eta


def conditional_value_at_risk(losses: Tensor, alpha: float) -> Tensor:
    """Mean of the largest losses, of a share alpha: ``inf_eta eta + mean (l - eta)_+ / alpha`` (Rockafellar and Uryasev 2000)."""
    eta = value_at_risk(losses.detach(), alpha)
    return eta + torch.relu(losses - eta).mean() / alpha


def value_at_risk(losses: Tensor, alpha: float) -> Tensor:
    """Loss that a share alpha exceeds."""
    return losses.sort(descending=True).values[min(int(alpha * len(losses)), len(losses) - 1)]


class RobustWeighting(Weighting):
    """Weights by which the weighted mean of the losses has the gradient of a robust risk.

    The threshold is that of all people before an epoch; within batches it would be biased.

    Parameters
    ----------
    objective : {"chi2", "cvar"}
    alpha : float
    constant : float
        C of the chi-square ball.
    """

    wants_all_losses = True

    def __init__(self, objective: str, alpha: float, constant: float) -> None:
        super().__init__()
        self.objective, self.alpha, self.constant = objective, alpha, constant
        self.threshold, self.at_threshold = torch.tensor(-torch.inf), 0.0

    def start_epoch(self, losses: Tensor) -> None:
        """Find the threshold; without any everybody weighs the same, as where all losses are equal."""
        self.threshold = torch.full_like(losses[0], -torch.inf)
        if losses.max() <= losses.min():
            return
        if self.objective == "chi2":
            self.threshold = chi_square_threshold(losses, self.constant)
        elif self.alpha < 1:
            self.threshold = value_at_risk(losses, self.alpha)
            # Those at the threshold share what is left of alpha.
            above, at = (losses > self.threshold).double().mean(), (losses == self.threshold).double().mean()
            self.at_threshold = float((self.alpha - above) / at)

    def forward(self, batch: Batch) -> Tensor:
        """Weights, shape (B,): 0 for people whose loss is below the threshold."""
        if torch.isinf(self.threshold):
            return torch.ones_like(batch.losses)
        above = (batch.losses - self.threshold).clamp(min=0)
        if self.objective == "cvar":
            ties = (batch.losses == self.threshold).to(above.dtype)
            return ((above > 0) + self.at_threshold * ties) / self.alpha
        root = above.square().mean().sqrt().clamp(min=torch.finfo(above.dtype).tiny ** 0.5)
        return self.constant * above / root
