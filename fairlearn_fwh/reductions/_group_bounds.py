"""One bound per group in fairlearn's `BoundedGroupLoss`, which documents a single one."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import fairlearn
import numpy as np
import pandas as pd
from fairlearn.reductions import BoundedGroupLoss, MeanLoss, ZeroOneLoss


@contextlib.contextmanager
def without_deprecations() -> Iterator[None]:
    """Let fairlearn run: what its code will have to change is not the user's concern."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


class _LookedUp:
    """Weights and mean losses of rows looked up by their group; fairlearn asks for them row by row, and sorts all rows by group each time."""

    tags: pd.DataFrame
    index: pd.Index
    prob_attr: pd.Series
    X: Any
    reduction_loss: Any

    def gamma(self, predictor: Callable[[Any], Any]) -> pd.Series:
        """Mean loss of each group, as the moment that is sped up has it."""
        losses = np.asarray(self.reduction_loss.eval(self.tags["label"], predictor(self.X)), dtype=float)
        codes, groups = self._groups
        means = np.bincount(codes, losses, len(groups)) / np.bincount(codes, minlength=len(groups))
        return pd.Series(means, index=groups)

    @cached_property
    def _groups(self) -> tuple[np.ndarray, pd.Index]:
        codes, groups = pd.factorize(self.tags["group_id"], sort=True)
        return codes, pd.Index(groups)

    def signed_weights(self, lambda_vec: pd.Series | None = None) -> pd.Series:
        """Weight of each row, as the moment that is sped up has it."""
        of_group = pd.Series(1.0, index=self.index) if lambda_vec is None else lambda_vec / self.prob_attr
        return self.tags["group_id"].map(of_group).astype(float)


class _QuickMeanLoss(_LookedUp, MeanLoss):
    """fairlearn's objective."""


class _QuickBoundedGroupLoss(_LookedUp, BoundedGroupLoss):
    """fairlearn's constraint."""

    def default_objective(self) -> MeanLoss:
        """Mean loss of everybody."""
        return _QuickMeanLoss(self.reduction_loss)


def bounded_group_loss(bounds: np.ndarray, loss: Any = None) -> BoundedGroupLoss:
    """Make the constraint that group i has a mean loss of at most ``bounds[i]``.

    Parameters
    ----------
    loss : object with eval, min and max, optional
        As fairlearn takes losses; by default errors.
    bounds : ndarray, shape (A,)
        Bounds of the groups 0 to A - 1.

    Returns
    -------
    BoundedGroupLoss

    Raises
    ------
    RuntimeError
        If the installed fairlearn does not take one bound per group.
    """
    if not _takes_bounds_by_group():
        raise RuntimeError(
            f"fairlearn {fairlearn.__version__} does not take one bound per group in BoundedGroupLoss(upper_bound=Series); "
            "NoHarmReduction needs that. Install fairlearn 0.13 to 0.16."
        )
    loss = ZeroOneLoss() if loss is None else loss
    return _QuickBoundedGroupLoss(loss, upper_bound=pd.Series(bounds, index=range(len(bounds))))


def _takes_bounds_by_group() -> bool:
    """Ask the constraint for its bounds on four people, two of each of two groups."""
    expected = pd.Series([0.3, 0.1], index=[1, 0])
    try:
        constraint = BoundedGroupLoss(ZeroOneLoss(), upper_bound=expected)
        X, y, groups = np.arange(4.0)[:, None], np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
        with without_deprecations():
            constraint.load_data(X, y, sensitive_features=groups)
        bound = constraint.bound()
        return bool(np.allclose([bound[0], bound[1]], [0.1, 0.3]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False
