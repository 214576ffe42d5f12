"""Bounds for means of bounded gains: a gambler bets on one person after the other that the mean is larger than claimed.

If the claim is true no gambler is expected to win, so that a capital of 1 / alpha is seen with a probability of at most alpha, whatever the
distribution (Waudby-Smith and Ramdas 2024, section 4: stakes that are set by the past). What people are bet on comes from histograms: the
gains in a bin are moved to its edges, so many of them up and so many down that their sum stays; this spreads them, which costs the gambler
a little and gains him nothing. The order in which people come is drawn with a seed that the counts give, so that it is the same for the
same sample and another for another one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, stats

from .._core._histograms import GainHistograms, edges_of

#: Level at which the stakes are the best ones.
_LEVEL = 0.01

#: Largest share of the capital that can be lost to one person.
_LARGEST_LOSS = 0.75

#: What the variance is taken to be before anybody has been seen, as if of one person.
_FIRST_VARIANCE = 0.25

#: How precise bounds are, as a share of the way from the smallest to the largest gain.
_PRECISION = 1e-9


@dataclass(frozen=True)
class GainDraws:
    """The gains of claims' people, in the order in which they are bet on.

    Attributes
    ----------
    claims : sequence of (GainHistograms, int, int)
        Histogram, group and column of each claim.
    span : float
        Gains lie within it on both sides of 0.
    sign : {1, -1}
        -1 for the gains of the other classifier.
    """

    claims: Sequence[tuple[GainHistograms, int, int]]
    span: float
    sign: int = 1

    def mirrored(self) -> GainDraws:
        """Return the same gains seen from the other classifier."""
        return replace(self, sign=-self.sign)

    def of(self, claim: int) -> np.ndarray:
        """Gains of a claim's people as shares of the way from the smallest to the largest possible one, shape (n,)."""
        histograms, group, column = self.claims[claim]
        bins, n, total = histograms.of_claim(group, column)
        low, high = edges_of(bins, self.span)
        # One seed for all samples would put the rarest gains at the same places in every sample: the seed is made of the counts.
        random = np.random.default_rng(zlib.crc32(np.concatenate([bins, n]).astype("<i8").tobytes()))
        up = np.clip((total - n * low) / (high - low), 0, n)
        up = np.floor(up + random.random(len(up))).astype(np.int64)
        values = np.repeat(np.concatenate([low, high]), np.concatenate([n - up, up]))
        return (self.sign * random.permutation(values) / self.span + 1) / 2


def betting_p_value(draws: GainDraws, tolerance: float) -> np.ndarray:
    """P-values of H0: gain <= -tolerance, one per claim."""
    mean = (1 - tolerance / draws.span) / 2
    return np.array([
        _p_value(_Bets.on(draws.of(i)), mean) for i in range(len(draws.claims))
    ])  # fmt: skip


def betting_bound(draws: GainDraws, alpha: np.ndarray) -> np.ndarray:
    """Lower 1 - alpha bounds of the gain, one per claim."""
    bounds = np.array([
        _bound(_Bets.on(draws.of(i)), float(alpha[i])) for i in range(len(draws.claims))
    ])  # fmt: skip
    return draws.span * (2 * bounds - 1)


@dataclass(frozen=True)
class _Bets:
    """Values from 0 to 1, and what would be staked on each if any stake were allowed."""

    values: np.ndarray
    stakes: np.ndarray

    @classmethod
    def on(cls, values: np.ndarray) -> _Bets:
        n = len(values)
        seen = np.arange(1, n + 1)
        mean = (0.5 + np.cumsum(values)) / (seen + 1)
        variance = (_FIRST_VARIANCE + np.cumsum((values - mean) ** 2)) / (seen + 1)
        known = np.append(_FIRST_VARIANCE, variance[:-1])[:n]
        return cls(values, np.sqrt(2 * np.log(1 / _LEVEL) / (max(n, 1) * known)))

    def largest_capital(self, mean: float) -> float:
        """Logarithm of the largest capital that a gambler ever had who bet that the mean is above this one."""
        stakes = np.minimum(self.stakes, _LARGEST_LOSS / mean)
        return float(np.cumsum(np.log1p(stakes * (self.values - mean))).max(initial=0.0))


def _p_value(bets: _Bets, mean: float) -> float:
    return float(np.exp(-bets.largest_capital(mean)))


def _bound(bets: _Bets, alpha: float) -> float:
    """Largest mean that is refuted; the larger the mean, the less is won."""
    if not len(bets.values):
        return 0.0
    wanted = np.log(1 / alpha)
    if bets.largest_capital(_PRECISION) < wanted:
        return 0.0
    missing = lambda mean: bets.largest_capital(mean) - wanted  # noqa: E731
    # A little lower than the root, so that the bound itself is refuted.
    return max(float(optimize.brentq(missing, _PRECISION, 1.0, xtol=_PRECISION)) - 2 * _PRECISION, 0.0)


def is_enough(
    n: np.ndarray, variance: np.ndarray, tolerance: np.ndarray, span: float, level: float, power: float
) -> np.ndarray:
    """Whether n people win 1 / level with this probability, if their gains have mean 0 and this variance; shape of `n`.

    The logarithm of the capital is about normal; what is won on the way, before the last person, is left out.

    Parameters
    ----------
    n, variance, tolerance : ndarray
    span : float
        Largest possible gain.
    level, power : float

    Returns
    -------
    ndarray of bool
    """
    spread, edge = variance / (2 * span) ** 2, tolerance / (2 * span)
    known = spread + _FIRST_VARIANCE * np.log(n + 1) / n
    stakes = np.minimum(np.sqrt(2 * np.log(1 / _LEVEL) / (n * known)), _LARGEST_LOSS / (0.5 - edge))
    growth = stakes * edge - stakes**2 * (spread + edge**2) / 2
    return n * growth - stats.norm.ppf(power) * stakes * np.sqrt(n * spread) >= np.log(1 / level)
