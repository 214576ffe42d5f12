"""What routes people to groups: standardised features and their bins, through a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse, special
from sklearn.preprocessing import StandardScaler

from .._training._networks import RectifiedNetwork
from .._training._scaling import chunks, standardize

#: Most bins of a numeric feature, and of all features together; fewer than 4 of a feature are none.
_MOST_BINS, _MOST_INDICATORS, _FEWEST_BINS = 32, 1024, 4

#: Rows for each bin: with few rows, bins are noise.
_ROWS_PER_BIN = 1000


@dataclass
class Bins:
    """Numeric features cut at quantiles of their distinct values.

    Groups that differ often lie in narrow or rare ranges of skewed features (a capital gain between 3,000 and 5,000),
    which a small network on standardised values does not find.

    Attributes
    ----------
    columns : ndarray of int, shape (C,)
        Features that are binned: those with more than two values.
    edges : list of ndarray
        Where each of them is cut.
    mean, scale : ndarray, shape (T,)
        Mean and standard deviation of the indicators of all bins in the fitting rows.
    """

    columns: np.ndarray
    edges: list[np.ndarray]
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray) -> Bins:
        """Choose the cuts; with few rows or very many features there are fewer bins, or none."""
        columns = np.flatnonzero([(column != column[0]).any() and _several(column) for column in X.T])
        n_bins = min(_MOST_BINS, _MOST_INDICATORS // max(len(columns), 1), len(X) // _ROWS_PER_BIN)
        if n_bins < _FEWEST_BINS:
            columns = columns[:0]
        quantiles = np.linspace(0, 1, n_bins + 1)[1:-1]
        edges = [np.unique(np.quantile(np.unique(X[:, j]), quantiles)) for j in columns]
        bins = cls(columns, edges, np.zeros(0), np.zeros(0))
        sizes = [len(cuts) + 1 for cuts in edges]
        codes = bins.codes(X)
        mean = np.concatenate(
            [np.zeros(0), *(np.bincount(codes[:, c], minlength=size) for c, size in enumerate(sizes))]
        ) / len(X)
        bins.mean = mean.astype(np.float32)
        bins.scale = np.sqrt(np.where(mean * (1 - mean) > 0, mean * (1 - mean), 1)).astype(np.float32)
        return bins

    def codes(self, X: np.ndarray) -> np.ndarray:
        """Bin of each feature, shape (n, C)."""
        codes = np.empty((X.shape[0], len(self.columns)), dtype=np.uint8)
        for c, (column, edges) in enumerate(zip(self.columns, self.edges, strict=True)):
            codes[:, c] = np.searchsorted(edges, X[:, column], side="right")
        return codes

    @property
    def offsets(self) -> np.ndarray:
        """Position of each feature's first indicator, shape (C,)."""
        return np.cumsum([0, *(len(edges) + 1 for edges in self.edges)])[:-1]

    def indicators(self, codes: np.ndarray) -> np.ndarray:
        """Standardised indicators of the bins, shape (n, T)."""
        indicators = np.zeros((len(codes), len(self.mean)), dtype=np.float32)
        np.put_along_axis(indicators, codes + self.offsets, 1, axis=1)
        return (indicators - self.mean) / self.scale


def _several(column: np.ndarray) -> bool:
    """Whether a column has more than two values."""
    return bool(((column != column.min()) & (column != column.max())).any())


@dataclass
class Router:
    """Says with what probability each person belongs to each group.

    Attributes
    ----------
    scaler : StandardScaler
        Standardises the features (means and scales of the fitting rows).
    bins : Bins or None
        None for sparse data.
    network : callable (inputs) -> outputs
        Takes the standardised features and the indicators of the bins, shape (n, d + T), and gives (n, K).
    """

    scaler: StandardScaler
    bins: Bins | None
    network: Callable[[np.ndarray], np.ndarray]

    def logits(self, X: Any) -> np.ndarray:
        """Outputs of the network, shape (n, K), for an array or a CSR matrix of raw features."""
        if self.bins is not None and isinstance(self.network, RectifiedNetwork):
            first = _FirstLayer.of(self.network, self.bins)
            width = len(self.scaler.scale_) + 4 * len(self.bins.columns)
            parts = [
                self.network.after_first_layer(first(standardize(self.scaler, part), self.bins.codes(part)))
                for part in chunks(X, width)
            ]
        else:
            parts = [
                self.network(_inputs(standardize(self.scaler, part), self.codes(part), self.bins))
                for part in chunks(X, self.n_inputs)
            ]
        return np.concatenate(parts)

    def probabilities(self, X: Any) -> np.ndarray:
        """Probabilities of the groups, shape (n, K)."""
        return special.softmax(self.logits(X), axis=1)

    def codes(self, X: Any) -> np.ndarray | None:
        """Bins of the features, shape (n, C), if there are any."""
        return None if self.bins is None else self.bins.codes(X)

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the network."""
        return len(self.scaler.scale_) + (0 if self.bins is None else len(self.bins.mean))


@dataclass(frozen=True)
class _FirstLayer:
    """The first layer of a network, which looks bins up instead of multiplying indicators, nearly all of which are 0.

    Attributes
    ----------
    coef : ndarray, shape (d, H)
        Of the standardised features.
    table : ndarray, shape (T, H)
        What each bin adds.
    intercept : ndarray, shape (H,)
    offsets : ndarray of int, shape (C,)
    """

    coef: np.ndarray
    table: np.ndarray
    intercept: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, network: RectifiedNetwork, bins: Bins) -> _FirstLayer:
        coef = network.coefs[0]
        d = len(coef) - len(bins.mean)
        table = coef[d:] / bins.scale[:, None]
        return cls(coef[:d], table, network.intercepts[0] - bins.mean @ table, bins.offsets)

    def __call__(self, Z: np.ndarray, codes: np.ndarray) -> np.ndarray:
        n, n_binned = codes.shape
        columns = (codes + self.offsets).ravel().astype(np.int32)
        ones = np.ones(len(columns), dtype=self.table.dtype)
        starts = (
            np.arange(0, n * n_binned + 1, n_binned, dtype=np.int32)
            if n_binned
            else np.zeros(n + 1, np.int32)
        )
        indicators = sparse.csr_matrix((ones, columns, starts), shape=(n, len(self.table)))
        return Z @ self.coef + indicators @ self.table + self.intercept


def make_router_inputs(X: Any) -> tuple[StandardScaler, Bins | None]:
    """Learn how features are standardised and binned; sparse features are only scaled."""
    scaler = StandardScaler(with_mean=not sparse.issparse(X)).fit(X)
    return scaler, None if sparse.issparse(X) else Bins.fit(X)


def _inputs(Z: np.ndarray, codes: np.ndarray | None, bins: Bins | None) -> np.ndarray:
    return Z if bins is None or codes is None else np.hstack([Z, bins.indicators(codes)])
