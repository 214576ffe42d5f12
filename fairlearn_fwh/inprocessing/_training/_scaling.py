"""Features by their means and scales, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

#: Numbers that are held at a time where many rows are asked.
_CHUNK = 2**24


def standardize(scaler: StandardScaler, X: Any) -> np.ndarray:
    """Standardise features; the result is dense."""
    Z = scaler.transform(X)
    return (Z.toarray() if sparse.issparse(Z) else Z).astype(np.float32)


def center(scaler: StandardScaler) -> np.ndarray:
    """What is subtracted from the features, shape (d,)."""
    return scaler.mean_ if scaler.with_mean else np.zeros_like(scaler.scale_)


def chunks(X: Any, width: int) -> Iterator[Any]:
    """Cut an array or a CSR matrix into runs of rows; `width` is the number of columns that each row will take."""
    step = max(1, _CHUNK // max(width, 1))
    for start in range(0, max(X.shape[0], 1), step):
        yield X[start : start + step]
