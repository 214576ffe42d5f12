"""How good each member of a batch of routed heads is on validation data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import special, stats

from .._training._batches import TensorTable
from .._training._history import Key
from ._network import RoutedHeads

#: Rows that are asked at a time.
_CHUNK = 16_384


@dataclass(frozen=True)
class Table:
    """What torch needs to know of some people.

    Attributes
    ----------
    Z : ndarray or CSR matrix, shape (n, d)
        Standardised features, float32.
    bins : ndarray of int, shape (n, C), or None
        Bins of the features.
    codes : ndarray of int, shape (n,)
        Classes.
    pooled_loss : ndarray, shape (n,)
        Soft 0-1 losses of the pooled classifier.
    pooled_risk : ndarray, shape (n,)
        What the pooled classifier's decisions cost.
    weights : ndarray, shape (n,), or None
    costs : ndarray, shape (C, C)
        Cost of each decision (columns) for each class (rows), at most 1.
    """

    Z: Any
    bins: np.ndarray | None
    codes: np.ndarray
    pooled_loss: np.ndarray
    pooled_risk: np.ndarray
    weights: np.ndarray | None
    costs: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def columns(self) -> dict[str, Any]:
        """Arguments of `RoutedHeads.forward` for all rows."""
        weights = np.ones(len(self)) if self.weights is None else self.weights
        columns = {
            "X": self.Z,
            "y": self.codes,
            "pooled_loss": self.pooled_loss,
            "weight": weights.astype(np.float32),
        }
        return columns if self.bins is None else columns | {"bins": self.bins}


@torch.no_grad()
def ask(module: RoutedHeads, table: Table, device: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Groups (R, n) that the members assign, and the classes that each of their heads decides for (R, n, K)."""
    groups, decided = [], []
    columns = TensorTable({"X": table.Z} | ({} if table.bins is None else {"bins": table.bins}), device)
    for rows in torch.arange(len(table)).split(_CHUNK):
        batch, _ = columns[rows]
        groups.append(module.assignment_logits(**batch).argmax(dim=-1).cpu().numpy())
        decisions = module.decisions(batch["X"])
        classes = (decisions[..., 0] > 0).long() if decisions.shape[-1] == 1 else decisions.argmax(dim=-1)
        decided.append(classes.cpu().numpy())
    return np.concatenate(groups, axis=1), np.concatenate(decided, axis=1)


@dataclass(frozen=True)
class GroupValidation:
    """Rank members: nobody harmed, then gain over pooled, then rate of fairness without harm.

    Parameters
    ----------
    table : Table
        Validation rows.
    alpha : float
        Level at which a group counts as harmed (exact McNemar tests, Bonferroni over the groups).
    device : str
    """

    table: Table
    alpha: float
    device: str | None

    def __call__(self, module: RoutedHeads) -> list[tuple[Key, dict[str, Any]]]:
        """Return key and figures of every member."""
        groups, decided = ask(module, self.table, self.device)
        losses = self.table.costs[self.table.codes[:, None], decided]
        return [self._judge(g, values) for g, values in zip(groups, losses, strict=True)]

    def _judge(self, groups: np.ndarray, losses: np.ndarray) -> tuple[Key, dict[str, Any]]:
        n_groups, pooled, weights = losses.shape[1], self.table.pooled_risk, self.table.weights
        own = np.take_along_axis(losses, groups[:, None], axis=1)[:, 0]
        gains = pooled - own
        sizes = np.bincount(groups, minlength=n_groups)
        by_group = np.bincount(groups, gains, n_groups) / np.maximum(sizes, 1)
        harmed = bool(_harm_p_values(gains, groups, n_groups).min() < self.alpha / n_groups)
        gain = float(np.average(gains, weights=weights))
        rate = float(np.average(own <= np.minimum(losses.min(axis=1), pooled), weights=weights))
        return (float(not harmed), gain, rate), {
            "accuracy": float(np.average(own == 0, weights=weights)),
            "rationality_gain": gain,
            "fairness_without_harm_rate": rate,
            "min_gain": float(by_group[sizes > 0].min()),
            "largest_share": float(sizes.max() / sizes.sum()),
        }


def _harm_p_values(gains: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """One-sided p-values of harm: exact McNemar tests of 0-1 losses, normal ones where errors cost differently."""
    wins, losses = (np.bincount(groups, flags, n_groups) for flags in (gains > 0, gains < 0))
    if np.isin(gains, (-1, 0, 1)).all():
        return np.where(wins + losses > 0, stats.binom.cdf(wins, wins + losses, 0.5), 1.0)
    total, squares = (np.bincount(groups, values, n_groups) for values in (gains, gains**2))
    return np.where(squares > 0, special.ndtr(total / np.sqrt(np.maximum(squares, 1e-300))), 1.0)


def nearly_best(keys: Mapping[int, Key], n_rows: int) -> list[int]:
    """Members that gain nearly as much as the best, best first.

    Gains on validation data that differ by less than a standard error say little, and the best of several is
    flattered (the one-standard-error rule, Breiman et al. 1984); the rate of fairness without harm then decides.

    Parameters
    ----------
    keys : mapping from member to (not harmed, gain, rate)
        Best key of each member.
    n_rows : int
        Number of validation rows.

    Returns
    -------
    list of int
    """
    best_safety, best_gain, best_rate = max(keys.values())
    # At most a share 1 - rate of the people could do better: a bound on the share that disagrees with them.
    standard_error = np.sqrt(max(best_rate * (1 - best_rate), 1 / n_rows) / n_rows)
    candidates = [
        member
        for member, (safety, gain, _) in keys.items()
        if safety == best_safety and gain >= best_gain - standard_error
    ]
    return sorted(candidates, key=lambda member: keys[member][2], reverse=True)
