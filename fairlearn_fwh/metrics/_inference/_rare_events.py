"""What a sample cannot show because it is rare: few events, and heavy people of whom none, or few, are in the sample.

A normal law of a sum is wrong where the sum consists of few events. Two corrections are made, both of which vanish as samples grow:

- *Events of people who count alike* (harm beyond a margin): the numbers of people who lose and gain are about Poisson, their difference has Skellam's law. The rate of
  those who gain is estimated under the hypothesis, as parametric bootstraps do (Lloyd 2008). With 1 to 40 events to be expected the error is at most 4.5 % where 5 % are promised; that of
  the score test alone is up to 8.9 %.
- *People, or units, who count more than others*, and real-valued losses of which bets know nothing. People who are heavy, rare and different may be missing from the sample. The heaviest
  person can change the mean by 1 / `heavy`. The normal bound of a compound Poisson sum falls short of the exact one by at most `_SHORT` log(1 / alpha) times that (for alpha from .0001 to
  .05 and one event or more; by log(1 / alpha) times that where there is none).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from .._core._bisection import bisect

#: Weights are uneven if the heaviest is more than so many times the mean, or the number of people so many times Kish's effective size.
UNEVEN = 1.5

#: With more events than this the normal law serves.
_MOST_EVENTS = 3000.0

#: P-values above this need no correction: nothing is found.
_HOPELESS = 0.3

#: See the module.
_SHORT = 0.77

#: Largest -log(p).
_MOST = 700.0


def few_events_p_value(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, margin: float, p_values: np.ndarray
) -> np.ndarray:
    """Correct p-values of H0: (worse - better) / n <= margin, where there are few events.

    Parameters
    ----------
    n, worse, better : ndarray, shape (m,)
        Numbers of people: all, who lose, who gain.
    margin : float
        Above 0.
    p_values : ndarray, shape (m,)
        Of a test by a normal law.

    Returns
    -------
    ndarray, shape (m,)
        None is below what it was.
    """
    events = n * margin + 2 * better
    open_ = np.flatnonzero((n > 0) & (p_values < _HOPELESS) & (events < _MOST_EVENTS))
    if not len(open_):
        return p_values
    alike, which = np.unique(np.column_stack([n, worse, better])[open_], axis=0, return_inverse=True)
    corrected = p_values.copy()
    corrected[open_] = np.fmax(p_values[open_], _skellam_p_value(alike, margin)[which.ravel()])
    return corrected


def _skellam_p_value(counts: np.ndarray, margin: float) -> np.ndarray:
    """P-values by Skellam's law, for rows of n, worse and better."""
    n, worse, better = counts.T
    more = n * margin
    b = 2 * more - worse - better
    # The likeliest number of those who gain, if `more` lose than gain.
    gaining = (np.sqrt(b**2 + 8 * better * more) - b) / 4
    tail: np.ndarray = stats.skellam.sf(
        np.floor(worse - better) - 1, gaining + more, np.maximum(gaining, 1e-9)
    )
    return tail


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
