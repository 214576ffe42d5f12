"""Partial pooling of the gains of groups (empirical Bayes with a grid over their spread).

Gains are taken to vary between groups around a mean by a normal law, and in the sample around the true ones with their standard errors.
Small groups borrow from the others, large ones keep what they show. The spread has a half-Cauchy prior (Gelman 2006) and is integrated out
on a grid, because with few groups its best estimate is often 0, and then a harmed group would hide behind the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

#: Scale of the prior of the spread, as a share of the largest possible difference: five points.
PRIOR_SCALE = 0.05

#: Spreads that are tried, as multiples of the scale.
_GRID = np.concatenate([[0.0], np.geomspace(0.02, 40.0, 40)])

_BISECTIONS = 30


@dataclass(frozen=True)
class PartialPooling:
    """What is known of the true gains of K groups.

    Attributes
    ----------
    gain, variance : ndarray, shape (K,)
        Gains in the sample, and the variances of their errors.
    spread : ndarray, shape (G,)
        Spreads of true gains that are possible.
    weight : ndarray, shape (G,)
        Their posterior probabilities.
    """

    gain: np.ndarray
    variance: np.ndarray
    spread: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, gain: np.ndarray, variance: np.ndarray, span: float) -> PartialPooling:
        """Weigh the spreads by how well they explain the gains.

        Parameters
        ----------
        gain, variance : ndarray, shape (K,)
        span : float
            Largest possible difference of two losses.
        """
        spread = PRIOR_SCALE * span * _GRID
        precision = 1 / (variance + spread[:, None] ** 2)
        total = precision.sum(axis=1)
        mean = precision @ gain / total
        residual = (precision * (gain - mean[:, None]) ** 2).sum(axis=1)
        # Marginal likelihood with a flat prior of the mean (Gelman et al., Bayesian Data Analysis, eq. 5.21).
        log_likelihood = 0.5 * np.log(precision).sum(axis=1) - 0.5 * np.log(total) - 0.5 * residual
        cells = np.gradient(spread)
        log_weight = (
            log_likelihood + stats.halfcauchy.logpdf(spread, scale=PRIOR_SCALE * span) + np.log(cells)
        )
        return cls(gain, variance, spread, special.softmax(log_weight))

    def _moments(self, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and variance of each group's true gain for each spread, shape (G, K), if its own gain in the sample were `gain`."""
        between = self.spread[:, None] ** 2
        precision = 1 / (self.variance + between)
        total = precision.sum(axis=1, keepdims=True)
        mean = (precision @ self.gain)[:, None] / total + precision * (gain - self.gain) / total
        kept = between * precision
        return kept * gain + (1 - kept) * mean, kept * self.variance + (1 - kept) ** 2 / total

    @property
    def shrunk(self) -> np.ndarray:
        """Posterior mean of each true gain, shape (K,)."""
        return self.weight @ self._moments(self.gain)[0]

    def probability_of_loss(self, tolerance: float, gain: np.ndarray | None = None) -> np.ndarray:
        """Posterior probability that the true gain is below minus the tolerance, shape (K,)."""
        mean, variance = self._moments(self.gain if gain is None else gain)
        with np.errstate(divide="ignore"):
            z = (-tolerance - mean) / np.sqrt(variance)
        return self.weight @ special.ndtr(z)

    def chance_to_refuse(self, loss: float, tolerance: float, alpha: float) -> np.ndarray:
        """Probability that a group whose true gain is minus `loss` is not kept, the others as they are, shape (K,).

        A group is kept if its gain in the sample is above some value, which is found by bisection.
        """
        width = 12 * np.sqrt(self.variance) + 4 * self.spread.max()
        low, high = np.minimum(self.gain, 0) - width, np.maximum(self.gain, 0) + width
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            kept = self.probability_of_loss(tolerance, middle) < alpha
            low, high = np.where(kept, low, middle), np.where(kept, middle, high)
        return special.ndtr((high + loss) / np.sqrt(self.variance))
