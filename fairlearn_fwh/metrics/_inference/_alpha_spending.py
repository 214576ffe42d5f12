"""Looks that are planned: how much of an error probability each of them may spend (Lan and DeMets 1983)."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

#: Points at which a density is held, and standard deviations beyond which it counts as 0.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(320)
_BEYOND = 6.0

#: A look that adds less than this share of information is no look of its own.
_SMALLEST_STEP = 1e-3


def spent_by(share: np.ndarray, alpha: float) -> np.ndarray:
    """Error probability that is spent when a share of the looks is over: little at first, as O'Brien and Fleming's boundaries do.

    Parameters
    ----------
    share : ndarray
        From 0 to 1.
    alpha : float
        What is spent in the end.

    Returns
    -------
    ndarray
    """
    with np.errstate(divide="ignore"):
        return 2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(share))


def nominal_levels(information: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """Level of the one-sided test at each look with which the error probability of all looks so far is what was spent.

    The statistics of several looks are correlated with the root of the share of information that they have in common (Armitage, McPherson and Rowe 1969:
    the density of those that have not crossed a boundary is carried from look to look).

    Parameters
    ----------
    information : ndarray, shape (k,)
        Non-decreasing: numbers of people, or what is proportional to inverse variances.
    spent : ndarray, shape (k,)
        Error probability spent by each look, increasing.

    Returns
    -------
    ndarray, shape (k,)
        0 before there is information; that of the look before where hardly any was added.
    """
    levels = np.zeros(len(information))
    last, gone = 0.0, 0.0
    points = density = np.array([])
    for look, (now, budget) in enumerate(zip(information, spent, strict=True)):
        if now <= last * (1 + _SMALLEST_STEP):
            levels[look] = levels[look - 1] if look else 0.0
            continue
        step = np.sqrt(now - last)
        if not last:
            points, density = np.zeros(1), np.ones(1)
        crossing = _crossing(points, density, step, budget - gone)
        levels[look] = stats.norm.sf(crossing / np.sqrt(now))
        points, density = _carried(points, density, step, np.sqrt(now), crossing)
        last, gone = now, budget
    return levels


def exact_levels(discordant: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """Level of the exact McNemar test at each look with which the error probability of all looks so far is at most what was spent.

    Given how many people two classifiers differ about, the number of those who lose is binomial with probability 1/2 where nobody is harmed. What is
    left over at a look, because counts are whole numbers, is spent at later ones.

    Parameters
    ----------
    discordant : ndarray of int, shape (k,)
        People about whom the classifiers differ so far; non-decreasing.
    spent : ndarray, shape (k,)
        Error probability spent by each look, increasing.

    Returns
    -------
    ndarray, shape (k,)
        A p-value of at most the level crosses the boundary.
    """
    levels = np.zeros(len(discordant))
    # Probability of each number of losers without a crossing so far.
    alive, gone, before = np.ones(1), 0.0, 0
    for look, (now, budget) in enumerate(zip(discordant, spent, strict=True)):
        new = int(now) - before
        alive = np.convolve(alive, stats.binom.pmf(np.arange(new + 1), new, 0.5))
        tail = np.append(np.cumsum(alive[::-1])[::-1], 0.0)
        first = int(np.argmax(tail <= budget - gone))
        gone, before = gone + float(tail[first]), int(now)
        alive[first:] = 0.0
        levels[look] = stats.binom.sf(first - 1, now, 0.5) * (1 + 1e-9) if first <= now else 0.0
    return levels


def _crossing(points: np.ndarray, density: np.ndarray, step: float, budget: float) -> float:
    """Boundary that a sum crosses with this probability, having crossed none before."""

    def excess(boundary: float) -> float:
        return float(density @ stats.norm.sf((boundary - points) / step)) - budget

    low, high = points.min() - 10 * step, points.max() + 40 * step
    return float(optimize.brentq(excess, low, high)) if excess(low) > 0 else low


def _carried(
    points: np.ndarray, density: np.ndarray, step: float, spread: float, crossing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Density, times the weights of its points, of sums below the boundary after one more step."""
    low, high = -_BEYOND * spread, min(crossing, _BEYOND * spread)
    new = low + (high - low) * (_NODES + 1) / 2
    kernel = np.exp(-(((new[:, None] - points) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
    return new, (kernel @ density) * _WEIGHTS * (high - low) / 2
