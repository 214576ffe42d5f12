"""Looks that are planned: how much of an error probability each of them may spend (Lan and DeMets 1983).

Statistics of several looks are correlated, so what was not spent by a crossing is carried from look to look as the distribution of those that have crossed no boundary
(Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize, stats

#: Points at which a density is held, and standard deviations beyond which it counts as 0.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)
_BEYOND = 6.0

#: A look that adds less than this share of information is not a look of its own.
_SMALLEST_STEP = 1e-3

#: Up to so many people about whom classifiers differ, boundaries are those of counts.
MOST_EXACT = 2_000

#: Probabilities that are not carried on.
_NEGLIGIBLE = 1e-16


def spent_by(share: float, alpha: np.ndarray) -> np.ndarray:
    """Error probability that is spent when a share of the looks is over: little at first, as O'Brien and Fleming's boundaries do.

    Parameters
    ----------
    share : float
        Above 0, at most 1.
    alpha : ndarray
        What is spent in the end.

    Returns
    -------
    ndarray
    """
    return 2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(share))


@dataclass(frozen=True)
class NormalBoundary:
    """Sums that are about normal, and have crossed no boundary so far.

    Attributes
    ----------
    information : float
        Variance of the sum, in people.
    spent : float
        Error probability spent so far.
    level : float
        Of the one-sided test at the last look; 0 before there is information.
    low, high : float
        Between which the sums lie.
    density : ndarray
        At Legendre's points between them, times their weights.
    """

    information: float = 0.0
    spent: float = 0.0
    level: float = 0.0
    low: float = 0.0
    high: float = 0.0
    density: np.ndarray = field(default_factory=lambda: np.ones(1))

    def look(self, information: float, budget: float) -> NormalBoundary:
        """Look again, when the error probability of all looks may be `budget`; where hardly anything is new nothing changes."""
        if information <= self.information * (1 + _SMALLEST_STEP):
            return self
        step, spread = np.sqrt(information - self.information), np.sqrt(information)
        points = self._points()
        crossing = _crossing(points, self.density, step, budget - self.spent)
        low, high = -_BEYOND * spread, min(crossing, _BEYOND * spread)
        new = low + (high - low) * (_NODES + 1) / 2
        kernel = np.exp(-(((new[:, None] - points) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
        return NormalBoundary(
            information=information,
            spent=budget,
            level=float(stats.norm.sf(crossing / spread)),
            low=low,
            high=high,
            density=_short((kernel @ self.density) * _WEIGHTS * (high - low) / 2),
        )

    def _points(self) -> np.ndarray:
        if len(self.density) == 1:
            return np.zeros(1)
        return self.low + (self.high - self.low) * (_NODES + 1) / 2

    def to_plain(self) -> list[Any]:
        """Return what JSON can hold."""
        head = [float(x) for x in (self.information, self.spent, self.level, self.low, self.high)]
        return [*head, _to_text(self.density)]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> NormalBoundary:
        """Read what `to_plain` wrote."""
        information, spent, level, low, high, density = plain
        return cls(information, spent, level, low, high, _from_text(density))


@dataclass(frozen=True)
class CountBoundary:
    """Counts of people who lose, of those about whom classifiers differ, that have crossed no boundary so far.

    Given how many these are, the count is binomial with probability 1/2 where nobody is harmed. What is left over at a look, because counts are whole numbers,
    is spent at later ones.

    Attributes
    ----------
    discordant : int
        People about whom the classifiers differ.
    spent : float
        Error probability spent so far.
    level : float
        Of the exact McNemar test at the last look: a p-value of at most that crosses the boundary.
    first : int
        Lowest count that has a probability.
    probability : ndarray
        Of each count from there on, without a crossing.
    """

    discordant: int = 0
    spent: float = 0.0
    level: float = 0.0
    first: int = 0
    probability: np.ndarray = field(default_factory=lambda: np.ones(1))

    def look(self, discordant: int, budget: float) -> CountBoundary:
        """Look again, when the error probability of all looks may be `budget`."""
        new = discordant - self.discordant
        alive = np.convolve(self.probability, stats.binom.pmf(np.arange(new + 1), new, 0.5))
        tail = np.append(np.cumsum(alive[::-1])[::-1], 0.0)
        crossing = int(np.argmax(tail <= budget - self.spent))
        kept = np.flatnonzero(alive[:crossing] > _NEGLIGIBLE)
        start, stop = (int(kept[0]), int(kept[-1]) + 1) if len(kept) else (0, 0)
        count = self.first + crossing
        return CountBoundary(
            discordant=discordant,
            spent=self.spent + float(tail[crossing]),
            level=float(stats.binom.sf(count - 1, discordant, 0.5)) * (1 + 1e-9)
            if count <= discordant
            else 0.0,
            first=self.first + start,
            probability=_short(alive[start:stop]) if stop else np.zeros(1),
        )

    def to_plain(self) -> list[Any]:
        """Return what JSON can hold."""
        head = [int(self.discordant), float(self.spent), float(self.level), int(self.first)]
        return [*head, _to_text(self.probability)]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> CountBoundary:
        """Read what `to_plain` wrote."""
        discordant, spent, level, first, probability = plain
        return cls(discordant, spent, level, first, _from_text(probability))


def _short(values: np.ndarray) -> np.ndarray:
    """Round to what is written: seven digits."""
    return values.astype("<f4").astype(float)


def _to_text(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def _from_text(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(float)


def _crossing(points: np.ndarray, density: np.ndarray, step: float, budget: float) -> float:
    """Boundary that a sum crosses with this probability, having crossed none before."""

    def excess(boundary: float) -> float:
        return float(density @ stats.norm.sf((boundary - points) / step)) - budget

    low, high = points.min() - 10 * step, points.max() + 40 * step
    return float(optimize.brentq(excess, low, high)) if excess(low) > 0 else low
