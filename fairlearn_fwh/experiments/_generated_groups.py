"""Generated people of two groups whose rules differ in part, for questions about selective experts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._data import DataSpec, Split

GROUPS = np.array(["a", "b"])


def make_groups(
    n: int, revealing: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw people of two groups of equal size: two features decide, with opposite signs of the second, a third reveals the group.

    Parameters
    ----------
    n : int
    revealing : float
        Distance of the groups' means of the third feature, in standard deviations.
    rng : Generator

    Returns
    -------
    X : ndarray, shape (n, 3)
    y : ndarray of int, shape (n,)
    group : ndarray of "a" and "b", shape (n,)
    """
    side = rng.integers(0, 2, n)
    X = rng.standard_normal((n, 3))
    X[:, 2] += revealing * side
    score = X[:, 0] + 0.6 * np.where(side == 1, 1, -1) * X[:, 1] + 0.5 * rng.standard_normal(n)
    return X, (score > 0).astype(int), GROUPS[side]


def generated(revealing: float, n: int = 6000) -> DataSpec:
    """Data set of such people, drawn anew in every split, with as many for testing."""

    def split(bunch: Any, attribute: str, *, test_size: float, random_state: int) -> Split:
        rng = np.random.default_rng([random_state, round(100 * revealing)])
        (X, y, group), (X_test, y_test, group_test) = (make_groups(n, revealing, rng) for _ in range(2))
        series, series_test = (pd.Series(values, name=attribute) for values in (group, group_test))
        return Split(
            X=X, y=y, attribute=series, X_test=X_test, y_test=y_test, attribute_test=series_test, sensitive=series.to_frame(), sensitive_test=series_test.to_frame(), feature_names=["x1", "x2", "revealing"]
        )  # fmt: skip

    return DataSpec(lambda home: None, "group", split=split)
