"""How many people a certificate of paired 0-1 losses needs: the power of the very test that gives it, and an exact search."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special, stats

from ._rare_events import few_events_p_value
from ._unconditional import EXACT_BELOW, table_p_values, tango_statistic

#: Numbers of discordant people are looked at between these quantiles.
_TAIL = 1e-9

#: Larger sizes come from the normal approximation.
MOST_SEARCHED = 20_000

#: Sizes that are tried at a time.
_N_TRIED = 64


def certificate_power(n: np.ndarray, discordance: float, tolerance: float, level: float) -> np.ndarray:
    """Probability that the test at this level certifies groups of n people whose true gain is 0, shape of `n`.

    Parameters
    ----------
    n : ndarray of int
    discordance : float
        Share of people about whom the classifiers differ; half of them gain, half lose.
    tolerance, level : float

    Returns
    -------
    ndarray
    """
    n = np.asarray(n, dtype=int)
    power = np.zeros(n.shape)
    small = n < EXACT_BELOW
    power[small] = [_exact_power(int(size), discordance, tolerance, level) for size in n[small]]
    if (~small).any():
        power[~small] = _score_power(n[~small], discordance, tolerance, level)
    return power


def _exact_power(n: int, discordance: float, tolerance: float, level: float) -> float:
    if n < 1:
        return 0.0
    worse, better = np.nonzero(table_p_values(n, tolerance) < level)
    same = n - worse - better
    log_p = special.gammaln(n + 1) - sum(special.gammaln(k + 1) for k in (worse, better, same))
    log_p = log_p + special.xlogy(worse + better, discordance / 2) + special.xlogy(same, 1 - discordance)
    return float(np.exp(log_p).sum())


def _score_power(n: np.ndarray, discordance: float, tolerance: float, level: float) -> np.ndarray:
    """Sum over the number of discordant people of the probability that few enough of them lose."""
    first, last = (stats.binom.ppf(q, n, discordance).astype(int) for q in (_TAIL, 1 - _TAIL))
    steps = np.arange(int((last - first).max()) + 1)
    discordant = first[:, None] + steps
    probability = np.where(
        discordant <= last[:, None], stats.binom.pmf(discordant, n[:, None], discordance), 0.0
    )
    critical = stats.norm.ppf(level)

    def is_certified(worse: np.ndarray) -> np.ndarray:
        return (
            tango_statistic(n[:, None].astype(float), worse, discordant - worse, np.asarray(tolerance))
            < critical
        )

    # The largest number of losers with which the group is certified; -1 if there is none.
    low, high = np.full(discordant.shape, -1), discordant + 1
    for _ in range(int(high.max()).bit_length() + 1):
        middle = (low + high) // 2
        good = (middle >= 0) & (middle <= discordant) & is_certified(middle.astype(float))
        inside = high - low > 1
        low, high = np.where(inside & good, middle, low), np.where(inside & ~good, middle, high)
    low = _allowed_by_few_events(n, discordant, low, probability, tolerance, level)
    return (probability * stats.binom.cdf(low, discordant, 0.5)).sum(axis=1)


def _allowed_by_few_events(
    n: np.ndarray,
    discordant: np.ndarray,
    worse: np.ndarray,
    probability: np.ndarray,
    tolerance: float,
    level: float,
) -> np.ndarray:
    """Lower numbers of losers until few events, too, allow the certificate; shape (sizes, numbers of discordant people)."""
    worse = worse.copy()
    size = np.broadcast_to(n[:, None], worse.shape)
    open_ = (worse >= 0) & (probability > 0)
    while open_.any():
        losing = worse[open_].astype(float)
        gaining = discordant[open_] - losing
        p_values = few_events_p_value(
            size[open_].astype(float), losing, gaining, tolerance, np.zeros(len(losing))
        )
        worse[open_] = np.where(p_values < level, worse[open_], worse[open_] - 1)
        open_[open_] = (p_values >= level) & (worse[open_] >= 0)
    return worse


def tolerance_without_discordance(n: np.ndarray, level: float) -> np.ndarray:
    """Tolerance for which n people are certified if the classifiers differ about none of them.

    Score test: ``z^2 / (n + z^2)``; few events: ``exp(-n d)`` is the p-value of the tolerance d; exact test: it is ``(1 - d)^n``.
    """
    z2, size = stats.norm.isf(level) ** 2, np.maximum(n, 1)
    large = np.maximum(z2 / (n + z2), -np.log(level) / size)
    return np.where(n < EXACT_BELOW, 1 - level ** (1 / size), large)


@lru_cache(maxsize=4096)
def size_needed(discordance: float, tolerance: float, level: float, power: float) -> float:
    """Smallest number of people from which on a certificate has this power.

    Powers of a test of counts go up and down a little from one size to the next; the size is that after the last at which the power is
    too low. Above some hundred people sizes are tried in steps of less than half a per cent, above 20,000 the normal approximation is taken.

    Parameters
    ----------
    discordance, tolerance, level, power : float
        As for `certificate_power`.

    Returns
    -------
    float
    """
    guess = max(_normal_size(discordance, tolerance, level, power), 2.0)
    if guess > MOST_SEARCHED:
        return float(np.ceil(guess))
    low, high = 1, int(np.ceil(1.25 * guess)) + 20
    while certificate_power(_grid(high, int(1.1 * high) + 4), discordance, tolerance, level).min() < power:
        low, high = high, int(1.3 * high) + 10
    while high - low > 1:
        sizes = _grid(low, high)
        too_low = np.flatnonzero(certificate_power(sizes, discordance, tolerance, level) < power)
        if not len(too_low):
            return float(sizes[0])
        last = int(too_low[-1])
        new_low, new_high = int(sizes[last]), int(sizes[min(last + 1, len(sizes) - 1)])
        if new_high - new_low <= max(1, new_low // 250):
            return float(new_high)
        if (new_low, new_high) == (low, high):
            break
        low, high = new_low, new_high
    return float(high)


def _grid(low: int, high: int) -> np.ndarray:
    return np.unique(np.linspace(low, high, _N_TRIED).astype(int))


def _normal_size(discordance: float, tolerance: float, level: float, power: float) -> float:
    """``(z_level sqrt(v0) + z_power sqrt(v1))^2 / tolerance^2``, with the variance under the hypothesis as Tango's test has it."""
    # With shares as "counts" of one person the estimate of the gaining share under the hypothesis is that of the limit.
    half, delta = discordance / 2, tolerance
    b = -2 * half + (2 - half + half) * delta
    gaining = (np.sqrt(max(b**2 + 8 * half * delta * (1 - delta), 0.0)) - b) / 4
    null = max(2 * gaining + delta * (1 - delta), 0.0)
    return float(
        (stats.norm.isf(level) * np.sqrt(null) + stats.norm.ppf(power) * np.sqrt(discordance)) ** 2 / delta**2
    )
