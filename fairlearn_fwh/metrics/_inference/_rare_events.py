"""What a sample cannot show because it is rare: few events, and heavy people of whom none, or few, are in the sample.

A normal law of a sum is wrong where the sum consists of few events. Two corrections are made, both of which vanish as samples grow:

- *Events of people who count alike*: the numbers of people who lose and gain are about Poisson, their difference has Skellam's law. The rate of
  those about whom nothing is claimed is estimated under the hypothesis, as parametric bootstraps do (Lloyd 2008). The larger of this p-value and the score
  test's is below alpha in at most a share alpha of samples (computed for 100 to 5,000 people and alpha from .002 to .2); the score test's alone in
  45 % at alpha .2, 18 % at .1 and 7 % at .05 (`benchmarks/rare_events.py`).
- *People, or units, who count more than others*, and real-valued losses of which bets know nothing. People who are heavy, rare and different may be missing from the sample. The heaviest
  person can change the mean by 1 / `heavy`. The normal bound of a compound Poisson sum falls short of the exact one by at most `_SHORT` log(1 / alpha) times that (for alpha from .0001 to
  .05 and one event or more; by log(1 / alpha) times that where there is none).
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from .._core._bisection import bisect

#: Weights are uneven if the heaviest is more than so many times the mean, or the number of people so many times Kish's effective size.
UNEVEN = 1.5

#: With more events than this the normal law serves.
_MOST_EVENTS = 3000.0

#: P-values above this need no correction: nothing is found.
_HOPELESS = 0.5

#: See the module.
_SHORT = 0.77

#: Largest -log(p).
_MOST = 700.0


def few_events_p_value(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float, p_values: np.ndarray
) -> np.ndarray:
    """Correct p-values of H0: (worse - better) / n >= tolerance, where there are few events.

    Parameters
    ----------
    n, worse, better : ndarray, shape (m,)
        Numbers of people: all, who lose, who gain.
    tolerance : float
        Not 0; below 0 a gain of that size is to be shown.
    p_values : ndarray, shape (m,)
        Of a test by a normal law.

    Returns
    -------
    ndarray, shape (m,)
        None is below what it was.
    """
    open_ = np.flatnonzero((n > 0) & (p_values < _HOPELESS) & _has_few_events(n, worse, better, tolerance))
    if not len(open_):
        return p_values
    alike, which = np.unique(np.column_stack([n, worse, better])[open_], axis=0, return_inverse=True)
    corrected = p_values.copy()
    n, worse, better = alike.T
    by_law = skellam_p_value(n, worse, better, np.full(len(alike), tolerance))
    corrected[open_] = np.fmax(p_values[open_], by_law[which.ravel()])
    return corrected


def few_events_bound(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, alpha: np.ndarray, bounds: np.ndarray
) -> np.ndarray:
    """Correct lower 1 - alpha bounds of (better - worse) / n, where there are few events; none is above what it was.

    Parameters
    ----------
    n, worse, better : ndarray, shape (m,)
    alpha : ndarray, shape (m,)
    bounds : ndarray, shape (m,)
        By a normal law.
    """
    open_ = np.flatnonzero((n > 0) & _has_few_events(n, worse, better, -bounds))
    if not len(open_):
        return bounds
    columns = np.column_stack([n, worse, better, alpha, bounds])[open_]
    alike, which = np.unique(columns, axis=0, return_inverse=True)
    n, worse, better, alpha, low = alike.T
    _, high = bisect(
        lambda delta: skellam_p_value(n, worse, better, delta) <= alpha, -low, np.ones(len(low)), steps=45
    )
    by_law = np.where(skellam_p_value(n, worse, better, -low) <= alpha, low, -high)
    corrected = bounds.copy()
    corrected[open_] = by_law[which.ravel()]
    return corrected


def _has_few_events(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float | np.ndarray
) -> np.ndarray:
    few: np.ndarray = (
        n * np.abs(tolerance) + 2 * np.where(np.less(tolerance, 0), worse, better) < _MOST_EVENTS
    )
    return few


def skellam_p_value(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """P-values of H0: (worse - better) / n >= tolerance by Skellam's law, each shape (m,)."""
    more = n * np.abs(tolerance)
    alike = np.where(tolerance < 0, worse, better)
    b = 2 * more - worse - better
    # The likeliest rate of those who gain if `more` of the others are to be expected; below a tolerance of 0 of those who lose.
    rate = (np.sqrt(b**2 + 8 * alike * more) - b) / 4
    # Where a large part of all people is concerned, the difference varies less than Poisson's numbers do.
    rate = np.maximum(rate - more**2 / (2 * n), 1e-9)
    losing, gaining = rate + np.where(tolerance < 0, 0.0, more), rate + np.where(tolerance < 0, more, 0.0)
    # Effective counts lie between whole numbers.
    whole = np.floor(worse - better + 1e-9)
    share = np.clip(worse - better - whole, 0.0, 1.0)
    at_whole, next_one = (_skellam_cdf(k, losing, gaining) for k in (whole, whole + 1))
    p_values: np.ndarray = at_whole + share * (next_one - at_whole)
    return p_values


def _skellam_cdf(k: np.ndarray, more: np.ndarray, fewer: np.ndarray) -> np.ndarray:
    """Probability that a Poisson number exceeds another by at most k, by non-central chi-square laws (Johnson 1959); SciPy 1.11's own overflows."""
    below = special.chndtr(2 * fewer, np.maximum(-2 * k, 0), 2 * more)
    above = 1 - special.chndtr(2 * more, np.maximum(2 * (k + 1), 0), 2 * fewer)
    return np.where(k < 0, below, above)


def of_uneven(heavy: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Correct `heavy` for tests that know what n people, or units, of one weight do: infinity where all have it, all of it from `UNEVEN` on."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip((n / heavy - 1) / (UNEVEN - 1), 0.0, 1.0)
        return np.where(share > 0, heavy / share, np.inf)


def heavy_bound(
    gain: np.ndarray, error: np.ndarray, df: np.ndarray, heavy: np.ndarray, alpha: np.ndarray
) -> np.ndarray:
    """Lower 1 - alpha bound of a mean that few heavy people may change.

    Parameters
    ----------
    gain, error : ndarray, shape (m,)
        Mean and its standard error.
    df : ndarray, shape (m,)
        Degrees of freedom.
    heavy : ndarray, shape (m,)
        How many of the heaviest people would have all of the weight, over the span of a gain; infinity where nobody is heavy.
    alpha : ndarray, shape (m,)
    """
    wanted = np.log(1 / alpha)
    short = np.maximum(stats.t.isf(alpha, df), 0) * error + _SHORT * wanted / heavy
    return gain - np.maximum(short, wanted / heavy)


def size_with_heavy(size: np.ndarray, tolerance: float, level: float, heavy: np.ndarray) -> np.ndarray:
    """Enlarge the number of people that a normal bound needs, so that heavy ones may be missing.

    Parameters
    ----------
    size : ndarray, shape (m,)
        ``(z s / tolerance)^2``.
    tolerance, level : float
    heavy : ndarray, shape (m,)
        As for `heavy_bound`, for each person.
    """
    one = np.log(1 / level) / (heavy * tolerance)
    return np.maximum(((np.sqrt(size) + np.sqrt(size + 4 * _SHORT * one)) / 2) ** 2, one)


def heavy_p_value(
    gain: np.ndarray, error: np.ndarray, df: np.ndarray, heavy: np.ndarray, tolerance: float
) -> np.ndarray:
    """Smallest alpha at which `heavy_bound` is above -tolerance, shape (m,)."""
    low, high = np.zeros(len(gain)), np.full(len(gain), _MOST)
    found, _ = bisect(
        lambda wanted: heavy_bound(gain, error, df, heavy, np.exp(-wanted)) <= -tolerance, low, high, steps=60
    )
    return np.exp(-found)
