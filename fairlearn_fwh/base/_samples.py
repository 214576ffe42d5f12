"""Features, labels, weights and groups of the same people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from ..metrics._core._groups import POOLED, Groups, encode_groups
from ..metrics._core._values import to_numpy
from ._weights import weight_arguments


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Take rows (positions or a mask) of an array, a sparse matrix or a data frame."""
    if sparse.issparse(X):
        return X.tocsr()[rows]
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        positions = np.flatnonzero(rows) if rows.dtype == bool else rows
        return frame[positions].to_native()
    # Images of a torch Dataset take rows without being read.
    return X.take_rows(rows) if hasattr(X, "take_rows") else np.asarray(X)[rows]


def numbers(X: Any) -> Any:
    """Take the values of a checked frame, array or sparse matrix (as CSR)."""
    values = check_array(X, dtype=np.float64, ensure_min_samples=0, accept_sparse="csr")
    return values if sparse.issparse(values) else values.view(np.ndarray)


@dataclass(frozen=True)
class Sample:
    """Features, labels and weights of the same people, and whose rows belong together."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None
    units: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> Sample:
        """Take rows (positions or a mask)."""
        weights, units = (None if part is None else part[rows] for part in (self.weights, self.units))
        return Sample(take_rows(self.X, rows), self.y[rows], weights, units)

    def present(self) -> np.ndarray:
        """Rows with positive weight, as a mask."""
        return np.ones(len(self), dtype=bool) if self.weights is None else self.weights > 0

    def has_several_classes(self) -> bool:
        """Whether at least two classes occur among the rows with positive weight."""
        labels = self.y[self.present()]
        return len(labels) > 0 and bool((labels != labels[0]).any())

    def numbers(self) -> Any:
        """Features as an array or a CSR matrix of numbers."""
        return numbers(self.X)

    def fit(self, estimator: Any) -> Any:
        """Fit an estimator on the sample."""
        return estimator.fit(self.X, self.y, **weight_arguments(estimator, self.weights))


def check_labels(y: Any, n_rows: int, estimator: str) -> np.ndarray:
    """Check labels of classes, shape (n,)."""
    if y is None:
        raise ValueError(f"{estimator} requires y to be passed, but the target y is None.")
    labels = column_or_1d(check_array(to_numpy(y), ensure_2d=False, dtype=None, input_name="y"), warn=True)
    check_classification_targets(labels)
    if len(labels) != n_rows:
        raise ValueError(f"X has {n_rows} rows, but y has {len(labels)}; they must be the same people.")
    return labels


def read_groups(sensitive_features: Any, n_rows: int, missing_group: str) -> Groups:
    """Read sensitive features, one row per person.

    Raises
    ------
    ValueError
        If lengths differ, values are missing (unless they are separate) or a group has the reserved name "pooled".
    """
    groups = encode_groups(sensitive_features, n_rows=n_rows, missing_group=missing_group)
    if POOLED in groups.labels:
        raise ValueError(
            f"A group of sensitive_features is named {POOLED!r}, which means the pooled classifier; rename it."
        )
    return groups
