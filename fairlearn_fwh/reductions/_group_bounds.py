"""One bound per group in fairlearn's `BoundedGroupLoss`, which documents a single one."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import fairlearn
import numpy as np
import pandas as pd
from fairlearn.reductions import BoundedGroupLoss, ZeroOneLoss


@contextlib.contextmanager
def without_deprecations() -> Iterator[None]:
    """Let fairlearn run: what its code will have to change is not the user's concern."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def bounded_group_loss(bounds: np.ndarray) -> BoundedGroupLoss:
    """Make the constraint that group i has an error rate of at most ``bounds[i]``.

    Parameters
    ----------
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
    return BoundedGroupLoss(ZeroOneLoss(), upper_bound=pd.Series(bounds, index=range(len(bounds))))


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
