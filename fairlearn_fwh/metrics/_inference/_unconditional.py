"""Exact unconditional tests of paired 0-1 losses, for samples that are too small for the score test's normal approximation.

The score statistic (Tango 1998) only orders the tables of a sample; the p-value of a table is the largest probability, over all shares of
discordant people, of a table that speaks at least as much against the hypothesis (Barnard 1947; for paired data Suissa and Shuster 1991).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

#: Samples with fewer people get the exact test: 5,050 tables at most.
EXACT_BELOW = 100

#: Shares of discordant people that are tried, closer to each other near the smallest.
_N_SHARES = 96

#: Statistics that differ by less are equal but for rounding.
_TIE = 1e-9


def tango_statistic(n: np.ndarray, worse: np.ndarray, better: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """Tango's statistic with the discordance estimated under the hypothesis difference = delta."""
    b = -worse - better + (2 * n - worse + better) * delta
    root = np.sqrt(np.maximum(b**2 + 8 * n * better * delta * (1 - delta), 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        q = np.maximum(root - b, 0.0) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        # An extreme delta leaves no variance: the sample then contradicts it, or says nothing.
        difference = worse - better - n * delta
        return np.where(variance > 0, difference / np.sqrt(variance), np.where(difference < 0, -np.inf, 0.0))


@lru_cache(maxsize=512)
def table_p_values(n: int, tolerance: float) -> np.ndarray:
    """P-values of H0: the share of people who lose exceeds that of people who gain by at least the tolerance, of every table.

    Parameters
    ----------
    n : int
        Number of people.
    tolerance : float
        Not 0, and below 1; below 0 a gain of that size is to be shown.

    Returns
    -------
    ndarray, shape (n + 1, n + 1)
        Of `worse` (rows) and `better` people (columns); 1 where there is no such table.
    """
    worse, better = np.nonzero(np.add.outer(np.arange(n + 1), np.arange(n + 1)) <= n)
    statistic = tango_statistic(
        np.full(len(worse), float(n)),
        worse.astype(float),
        better.astype(float),
        np.full(len(worse), tolerance),
    )
    order = np.argsort(statistic, kind="stable")
    ordered = statistic[order]
    # Tables that say the same are added up together: the last of them has the probability of all.
    with np.errstate(invalid="ignore"):
        is_last = np.append(np.diff(ordered) > _TIE, True)
    last = np.flatnonzero(is_last)[np.cumsum(is_last) - is_last]
    both = (1 - abs(tolerance)) / 2 * np.linspace(0, 1, _N_SHARES) ** 2
    losing, gaining = both + max(tolerance, 0.0), both + max(-tolerance, 0.0)
    log_p = _log_probabilities(n, worse[order], better[order], losing, gaining)
    p = np.exp(log_p).cumsum(axis=1).max(axis=0)[last]
    result = np.ones((n + 1, n + 1))
    result[worse[order], better[order]] = np.minimum(p, 1.0)
    return result


def _log_probabilities(
    n: int, worse: np.ndarray, better: np.ndarray, losing: np.ndarray, gaining: np.ndarray
) -> np.ndarray:
    """Logarithms of trinomial probabilities, shape (shares, tables)."""
    same = n - worse - better
    ways = special.gammaln(n + 1) - sum(special.gammaln(k + 1) for k in (worse, better, same))
    rest = np.maximum(1 - losing - gaining, 0.0)
    terms = (special.xlogy(k, p[:, None]) for k, p in ((worse, losing), (better, gaining), (same, rest)))
    return ways + sum(terms)


def unconditional_p_value(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float
) -> np.ndarray:
    """P-values of claims, each shape (m,); effective counts are rounded against the claim.

    Parameters
    ----------
    n, worse, better : ndarray of float
    tolerance : float

    Returns
    -------
    ndarray
    """
    size = np.maximum(np.floor(n + 1e-9), 0).astype(int)
    gaining = np.minimum(np.floor(better + 1e-9).astype(int), size)
    losing = np.minimum(np.ceil(worse - 1e-9).astype(int), size - gaining)
    result = np.ones(len(size))
    for one in np.unique(size[size > 0]):
        mine = size == one
        result[mine] = table_p_values(int(one), float(tolerance))[losing[mine], gaining[mine]]
    return result
