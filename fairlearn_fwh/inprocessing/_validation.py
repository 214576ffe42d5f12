"""How good each member of a batch of routed heads is on validation data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import stats

from ._routed_heads import RoutedHeads
from ._trainer import Key


class GroupValidation:
    """Rank members: nobody harmed, then gain over pooled, then rate of fairness without harm (spec 1.5, step 3).

    Parameters
    ----------
    Z : ndarray, shape (n, d)
        Standardised features of validation rows.
    codes : ndarray of int, shape (n,)
        Their classes.
    pooled_right : ndarray of bool, shape (n,)
        Whether the pooled classifier is right.
    weights : ndarray, shape (n,), or None
    alpha : float
        Level at which a group counts as harmed (exact McNemar tests, Bonferroni over the groups).
    device : str
    """

    def __init__(
        self,
        Z: np.ndarray,
        codes: np.ndarray,
        pooled_right: np.ndarray,
        weights: np.ndarray | None,
        alpha: float,
        device: str,
    ) -> None:
        self.Z = torch.as_tensor(Z, dtype=torch.float32, device=device)
        self.codes = codes
        self.pooled_right = pooled_right
        self.weights = weights
        self.alpha = alpha

    def __call__(self, module: RoutedHeads) -> list[tuple[Key, dict[str, Any]]]:
        """Return key and figures of every member."""
        groups = module.assignment_logits(self.Z).argmax(dim=-1).cpu().numpy()
        decisions = module.decisions(self.Z)
        predicted = decisions[..., 0] > 0 if decisions.shape[-1] == 1 else decisions.argmax(dim=-1)
        right = predicted.cpu().numpy() == self.codes[:, None]
        return [self._judge(g, r) for g, r in zip(groups, right, strict=True)]

    def _judge(self, groups: np.ndarray, right: np.ndarray) -> tuple[Key, dict[str, Any]]:
        n_groups = right.shape[1]
        own = np.take_along_axis(right, groups[:, None], axis=1)[:, 0]
        better, worse = own & ~self.pooled_right, ~own & self.pooled_right
        wins, losses = (np.bincount(groups, flags, n_groups) for flags in (better, worse))
        p_values = np.where(wins + losses > 0, stats.binom.cdf(wins, wins + losses, 0.5), 1.0)
        sizes = np.bincount(groups, minlength=n_groups)
        gain = float(np.average(better.astype(float) - worse, weights=self.weights))
        rate = float(np.average(own | ~(right.any(axis=1) | self.pooled_right), weights=self.weights))
        harmed = bool(p_values.min() < self.alpha / n_groups)
        return (float(not harmed), gain, rate), {
            "accuracy": float(np.average(own, weights=self.weights)),
            "rationality_gain": gain,
            "fairness_without_harm_rate": rate,
            "min_gain": float(((wins - losses) / np.maximum(sizes, 1))[sizes > 0].min()),
            "largest_share": float(sizes.max() / sizes.sum()),
        }


def choose_member(keys: list[Key], n_rows: int) -> int:
    """Choose a restart: of those that gain nearly as much as the best, the one with the highest rate.

    Gains on validation data that differ by less than a standard error say little, and the best of several is
    flattered (the one-standard-error rule, Breiman et al. 1984); the rate of fairness without harm then decides.

    Parameters
    ----------
    keys : list of (not harmed, gain, rate)
        Best key of each member.
    n_rows : int
        Number of validation rows.

    Returns
    -------
    int
    """
    best_safety, best_gain, best_rate = max(keys)
    # At most a share 1 - rate of the people could do better: a bound on the share that disagrees with them.
    standard_error = np.sqrt(max(best_rate * (1 - best_rate), 1 / n_rows) / n_rows)
    candidates = [
        member
        for member, (safety, gain, _) in enumerate(keys)
        if safety == best_safety and gain >= best_gain - standard_error
    ]
    return max(candidates, key=lambda member: keys[member][2])
