"""Evidence that may be looked at as often as anybody likes: e-processes of gains, and bounds that hold at all looks together.

A gambler bets a fixed share of the capital on every person that the mean gain is above a value m. Whatever the distribution of each
person, and however it drifts, the product over people of ``1 + stake (gain - m)`` stays below a martingale as long as the mean of all people so far is
at most m: the logarithm is concave, so the product of expectations is largest where all are alike. A capital of 1 / alpha is therefore seen at *some* look at which
the running mean is at most m with a probability of at most alpha (Ville 1939; Waudby-Smith and Ramdas 2024). The stakes are a mixture
that was fixed beforehand, so that sums of people's gains are enough, in whatever order they came.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from .._core._bisection import bisect
from .._core._histograms import edges_of
from ._betting import GainDraws
from ._tests import PairedDifferences

#: Shares of what can be lost to one person that are staked, and how much of the capital is staked at each: nineteen twentieths as if the share of people
#: who gain among those about whom classifiers differ had a Beta(15, 15) distribution, one twentieth evenly.
_STAKES = np.geomspace(1e-4, 0.98, 240)
_SHAPE = 15.0
_EVENLY = 0.05

#: With weights or units, evidence is asymptotic: none is counted before there are so many people (or units), in Kish's effective size.
FEWEST = 30

_BISECTIONS = 40


def _prior() -> np.ndarray:
    edges = np.concatenate([[0.0], np.sqrt(_STAKES[1:] * _STAKES[:-1]), [1.0]])
    by_beta = np.diff(stats.beta.cdf((1 + edges) / 2, _SHAPE, _SHAPE)) * 2
    return np.log((1 - _EVENLY) * by_beta + _EVENLY * np.diff(edges))


_LOG_PRIOR = _prior()

#: Spread of the stakes, for sums that are about normal.
_STAKE_SPREAD = 1 / np.sqrt(2 * _SHAPE + 1)


def log_e_value(differences: PairedDifferences, mean: np.ndarray) -> np.ndarray:
    """Logarithms of the capital won by betting that gains are above `mean` (a gain), one per claim; 0 where nothing is known.

    Parameters
    ----------
    differences : PairedDifferences
        What is known of the gains of m claims' people so far.
    mean : ndarray, shape (m,)
        At least the largest possible loss, with its sign.

    Returns
    -------
    ndarray, shape (m,)
    """
    d = differences
    if d.worse is not None and d.better is not None:
        won = _by_counts(d.n, d.worse, d.better, mean)
    elif d.draws is not None:
        won = np.array([_by_bins(d.draws, i, mean[i] / d.draws.span) for i in range(len(d.n))])
    else:
        won = _about_normal(d, mean)
    return np.where(is_enough(d), won, 0.0)


def sequence_bound(differences: PairedDifferences, alpha: np.ndarray) -> np.ndarray:
    """Lower bounds of gains that hold at all looks together with probability 1 - alpha, one per claim."""
    d = differences
    span = 1.0 if d.upper is None else d.upper
    wanted = np.log(1 / alpha)
    gain = np.nan_to_num(d.gain)
    refuted, _ = bisect(
        lambda mean: log_e_value(d, mean) < wanted,
        np.full(len(d.n), -span * (1 - 1e-9)),
        np.maximum(gain, -span * (1 - 1e-9)),
        steps=_BISECTIONS,
    )
    return np.where(
        is_enough(d) & (log_e_value(d, np.full(len(d.n), -span * (1 - 1e-9))) >= wanted), refuted, -span
    )


def is_enough(d: PairedDifferences) -> np.ndarray:
    """Whether there are people, and enough of them where evidence is asymptotic."""
    if d.units is not None:
        return np.minimum(d.units, d.n) >= FEWEST
    return d.n >= (FEWEST if d.weighted else 1)


def _by_counts(n: np.ndarray, worse: np.ndarray, better: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Gains of -1, 0 and 1."""
    mean = mean[:, None]
    stake = _STAKES / (1 + mean)
    same = np.maximum(n - worse - better, 0.0)
    won = (
        worse[:, None] * np.log1p(-_STAKES)
        + same[:, None] * np.log1p(-stake * mean)
        + better[:, None] * np.log1p(stake * (1 - mean))
    )
    return np.logaddexp.reduce(won + _LOG_PRIOR, axis=1)


def _by_bins(draws: GainDraws, claim: int, mean: float) -> float:
    """Gains as shares of their span. People of a bin are moved to its edges, with their sum kept, which no gambler gains by."""
    histograms, group, column = draws.claims[claim]
    bins, n, total = histograms.of_claim(group, column)
    low, high = edges_of(bins, draws.span)
    up = np.clip((total - n * low) / (high - low), 0, n)
    values = draws.sign * np.concatenate([low, high]) / draws.span
    people = np.concatenate([n - up, up])
    stake = _STAKES / (1 + mean)
    won = people @ np.log1p(np.outer(values - mean, stake))
    return float(np.logaddexp.reduce(won + _LOG_PRIOR))


def _about_normal(d: PairedDifferences, mean: np.ndarray) -> np.ndarray:
    """Sums whose size and variance alone are known (Waudby-Smith and others 2024), with a half-normal mixture of stakes."""
    span = 1.0 if d.upper is None else d.upper
    total = d.n * (d.gain - mean) / span
    grown = 1 + _STAKE_SPREAD**2 * d.n**2 * d.variance / span**2
    with np.errstate(invalid="ignore"):
        won = (
            np.log(2)
            - np.log(grown) / 2
            + _STAKE_SPREAD**2 * total**2 / (2 * grown)
            + stats.norm.logcdf(_STAKE_SPREAD * total / np.sqrt(grown))
        )
    return np.where(d.variance > 0, np.nan_to_num(won), 0.0)
