"""Exact unconditional test of two samples' shares, where one of them is too small for the laws that serve large ones.

The score statistic only orders what can be seen; the p-value is the largest probability, over all risks of the old sample, of something that speaks at
least as much against the hypothesis (Barnard 1947; Chan and Zhang 1999).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from .._core._bisection import bisect

#: Risks that are tried, closer to each other near 0 and 1; and distances, in standard deviations, from those at which something more is counted.
_N_RISKS = 128
_BESIDE = np.array([-3.0, -2.0, -1.0, 0.0, 1.0])

#: Statistics that differ by less are equal but for rounding.
_TIE = 1e-9


def exact_higher_p_value(
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    new: int,
    old: int,
    n_new: int,
    n_old: int,
    margin: float,
) -> float:
    """P-value of H0: new risk - old risk <= margin, of one group.

    Parameters
    ----------
    statistic : callable (new, old) -> ndarray
        Of numbers of people of both samples who have the loss, as floats of one shape; the larger, the more it speaks against the hypothesis.
    new, old : int
        The numbers that were seen.
    n_new, n_old : int
        Sizes of the samples.
    margin : float
        From 0 to below 1.

    Returns
    -------
    float
    """
    seen = float(statistic(np.array([float(new)]), np.array([float(old)]))[0]) - _TIE
    if n_new <= n_old:
        few = np.arange(n_new + 1.0)
        # The most of the old sample with which so many of the new one say as much as was seen; -1 if there is no such number.
        most, _ = _whole(lambda many: statistic(few, many) < seen, np.full(len(few), -1.0), n_old + 1.0)
        risks = _risks(most, n_old, 0.0, margin)
        few_risk, tail = risks + margin, stats.binom.cdf(most, n_old, risks[:, None])
    else:
        few = np.arange(n_old + 1.0)
        _, least = _whole(lambda many: statistic(many, few) >= seen, np.full(len(few), -1.0), n_new + 1.0)
        risks = _risks(least, n_new, margin, margin)
        few_risk, tail = risks, stats.binom.sf(least - 1, n_new, risks[:, None] + margin)
    probability = stats.binom.pmf(few, len(few) - 1, few_risk[:, None])
    return float(min((probability * tail).sum(axis=1).max(), 1.0))


def _whole(
    is_past: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Last number at which a condition does not hold, and first at which it does; the ends themselves are not asked about."""

    def inside(middle: np.ndarray) -> np.ndarray:
        middle = np.floor(middle)
        return np.where(middle < 0, False, (middle >= high) | is_past(np.clip(middle, 0, high - 1)))

    steps = int(np.ceil(np.log2(high + 1))) + 2
    last, first = bisect(inside, low, np.full(len(low), high), steps=steps)
    return np.floor(last), np.floor(first)


def _risks(counts: np.ndarray, n: int, shift: float, margin: float) -> np.ndarray:
    """Risks of the old sample that are tried: from 0 to 1 - margin, and where counts of the larger sample, whose risk is higher by `shift`, decide."""
    spread = (1 - margin) * np.sin(np.linspace(0, np.pi / 2, _N_RISKS)) ** 2
    decide = np.unique(np.clip(counts, 0, n))
    beside = (decide + 0.5)[:, None] + _BESIDE * np.sqrt(decide * (1 - decide / n) + 1)[:, None]
    return np.clip(np.concatenate([spread, beside.ravel() / n - shift]), 0.0, 1 - margin)
