"""Differences of risks between two samples of different people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import stats

from .._core._bisection import bisect
from ._rare_events import heavy_bound, heavy_p_value
from ._unconditional import EXACT_BELOW
from ._unpaired_exact import exact_higher_p_value

_BISECTIONS = 50
_BISECTIONS_OF_LAW = 25

#: Numbers of events in the old sample that are tried at most.
_N_COUNTS = 80

#: P-values above this need no exact test: nothing is found.
_HOPELESS = 0.5


@dataclass(frozen=True)
class TwoSamples:
    """Risks of g groups in two samples, each shape (g,).

    Attributes
    ----------
    new, old : ndarray
        Mean losses.
    n_new, n_old : ndarray of float
        Numbers of people.
    variance : ndarray or None
        Variance of the difference, and `df` its degrees of freedom, for real-valued losses; None for shares of people.
    df : ndarray or None
    span : float or None
        Largest real-valued loss.
    """

    new: np.ndarray
    old: np.ndarray
    n_new: np.ndarray
    n_old: np.ndarray
    variance: np.ndarray | None = None
    df: np.ndarray | None = None
    span: float | None = None

    @property
    def known(self) -> np.ndarray:
        """Groups that have people in both samples."""
        return (self.n_new > 0) & (self.n_old > 0)

    def exchanged(self) -> TwoSamples:
        """The old sample in place of the new one."""
        return replace(self, new=self.old, old=self.new, n_new=self.n_old, n_old=self.n_new)

    def of(self, groups: np.ndarray) -> TwoSamples:
        """Shares of some groups."""
        return TwoSamples(self.new[groups], self.old[groups], self.n_new[groups], self.n_old[groups])


def higher_risk_p_value(samples: TwoSamples, margin: float = 0.0) -> np.ndarray:
    """P-values of H0: new risk - old risk <= margin. Small means: people of the new sample have a higher risk by more than the margin."""
    p_values = _p_value(samples, np.full(len(samples.new), margin))
    if samples.variance is None:
        p_values = _exact_where_small(samples, margin, p_values)
    return np.where(samples.known, p_values, 1.0)


def _p_value(samples: TwoSamples, margin: np.ndarray) -> np.ndarray:
    return np.fmax(_tail(-_statistic(samples, margin), samples), _of_few_p_value(samples, margin))


def _exact_where_small(samples: TwoSamples, margin: float, p_values: np.ndarray) -> np.ndarray:
    """Replace p-values by exact ones where a sample is small; none is below what it was."""
    smaller = np.minimum(samples.n_new, samples.n_old)
    exact = p_values.copy()
    for group in np.flatnonzero(samples.known & (smaller < EXACT_BELOW) & (p_values < _HOPELESS)):
        n_new, n_old = (int(n[group]) for n in (samples.n_new, samples.n_old))
        new, old = round(samples.new[group] * n_new), round(samples.old[group] * n_old)
        statistic = partial(_statistic_of_counts, n_new=n_new, n_old=n_old, margin=margin)
        exact[group] = max(exact[group], exact_higher_p_value(statistic, new, old, n_new, n_old, margin))
    return exact


def _statistic_of_counts(
    new: np.ndarray, old: np.ndarray, *, n_new: int, n_old: int, margin: float
) -> np.ndarray:
    sizes = np.full(len(new), float(n_new)), np.full(len(new), float(n_old))
    return _statistic(TwoSamples(new / n_new, old / n_old, *sizes), np.full(len(new), margin))


def _of_few_p_value(samples: TwoSamples, margin: np.ndarray) -> np.ndarray:
    """What few people, or few events, allow.

    Of shares: the probability of so large a difference at the likeliest risks that differ by the margin (a parametric bootstrap, computed; Lloyd 2008).
    Of real-valued losses: rare large losses may be missing from the old sample.
    """
    difference = np.nan_to_num(samples.new - samples.old)
    if samples.variance is not None and samples.df is not None:
        if samples.span is None:
            return np.zeros(len(difference))
        error = np.sqrt(np.nan_to_num(samples.variance))
        heavy = np.maximum(samples.n_old, 1.0) / samples.span
        return heavy_p_value(difference - margin, error, samples.df, heavy, 0.0)
    new, old = (np.nan_to_num(risk) for risk in constrained_risks(samples, margin))
    n_old, n_new = np.maximum(samples.n_old, 1.0)[:, None], np.maximum(samples.n_new, 1.0)[:, None]
    drawn, probability = _likely_counts(n_old, old[:, None])
    least = np.ceil((difference[:, None] + drawn / n_old) * n_new - 1e-6)
    tail: np.ndarray = (probability * stats.binom.sf(least - 1, n_new, new[:, None])).sum(axis=1)
    return tail


def _likely_counts(n: np.ndarray, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of events among n people and their probabilities, each shape (g, `_N_COUNTS`); where more are likely, one stands for those next to it."""
    mean, deviation = n * risk, np.sqrt(n * risk * (1 - risk))
    first = np.maximum(np.floor(mean - 6 * deviation) - 5, -1)
    last = np.minimum(np.ceil(mean + 6 * deviation) + 4, n)
    edges = np.round(first + (last - first) * np.linspace(0, 1, _N_COUNTS + 1))
    at_most = stats.binom.cdf(edges, n, risk)
    at_most[:, 0], at_most[:, -1] = 0.0, 1.0
    return np.floor((edges[:, :-1] + 1 + edges[:, 1:]) / 2), np.diff(at_most, axis=1)


def difference_bounds(samples: TwoSamples, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided 1 - alpha interval of new risk - old risk: what the tests allow, for shares Miettinen and Nurminen's (1985) and the law of counts.

    For real-valued losses Welch's, with what rare large losses allow.
    """
    if samples.variance is None:
        return _lower_bound(samples, alpha / 2), -_lower_bound(samples.exchanged(), alpha / 2)
    assert samples.df is not None
    difference, error = samples.new - samples.old, np.sqrt(samples.variance)
    reach = stats.t.isf(alpha / 2, samples.df) * error
    if samples.span is None:
        return difference - reach, difference + reach
    levels = np.full(len(difference), alpha / 2)
    heavy_new, heavy_old = (np.maximum(n, 1.0) / samples.span for n in (samples.n_new, samples.n_old))
    return (
        heavy_bound(difference, error, samples.df, heavy_old, levels),
        -heavy_bound(-difference, error, samples.df, heavy_new, levels),
    )


def _lower_bound(samples: TwoSamples, alpha: float) -> np.ndarray:
    """Lower 1 - alpha bounds of new share - old share: the smallest difference that the test for large samples does not reject."""
    bounds = np.full(len(samples.new), np.nan)
    groups = np.flatnonzero(samples.known)
    known = samples.of(groups)
    critical = stats.norm.isf(alpha)
    bounds[groups], _ = bisect(
        lambda delta: _statistic(known, delta) <= critical,
        np.full(len(groups), -1.0),
        known.new - known.old,
        steps=_BISECTIONS,
    )
    # Only where the law of few events allows more does the second, slower search have anything to find.
    wider = groups[_of_few_p_value(known, bounds[groups]) > alpha]
    few = samples.of(wider)
    bounds[wider], _ = bisect(
        lambda delta: _of_few_p_value(few, delta) >= alpha,
        np.full(len(wider), -1.0),
        bounds[wider],
        steps=_BISECTIONS_OF_LAW,
    )
    return bounds


def _tail(statistic: np.ndarray, samples: TwoSamples) -> np.ndarray:
    p: np.ndarray = stats.norm.cdf(statistic) if samples.df is None else stats.t.cdf(statistic, samples.df)
    return p


def _statistic(samples: TwoSamples, delta: np.ndarray) -> np.ndarray:
    """(new - old - delta) over its standard error; falls as delta grows."""
    difference = samples.new - samples.old - delta
    variance = samples.variance
    if variance is None:
        new, old = constrained_risks(samples, delta)
        total = samples.n_new + samples.n_old
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = new * (1 - new) / samples.n_new + old * (1 - old) / samples.n_old
            variance = variance * total / np.maximum(total - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = difference / np.sqrt(variance)
    # Without variance the sample contradicts the difference, or says nothing.
    extreme = np.where(difference > 0, np.inf, np.where(difference < 0, -np.inf, 0.0))
    return np.where(variance > 0, statistic, extreme)


def constrained_risks(samples: TwoSamples, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Likeliest risks of both samples whose difference is `delta` (closed form of Farrington and Manning 1990).

    Parameters
    ----------
    samples : TwoSamples
    delta : ndarray, shape (g,)

    Returns
    -------
    new, old : ndarray
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = samples.n_old / samples.n_new
        a = 1 + theta
        b = -(1 + theta + samples.new + theta * samples.old + delta * (theta + 2))
        c = delta**2 + delta * (2 * samples.new + theta + 1) + samples.new + theta * samples.old
        d = -samples.new * delta * (1 + delta)
        v = (b / (3 * a)) ** 3 - b * c / (6 * a**2) + d / (2 * a)
        u = np.where(v >= 0, 1.0, -1.0) * np.sqrt(np.maximum((b / (3 * a)) ** 2 - c / (3 * a), 0.0))
        w = (np.pi + np.arccos(np.clip(np.where(u != 0, v / u**3, 0.0), -1, 1))) / 3
        new = np.clip(2 * u * np.cos(w) - b / (3 * a), np.maximum(delta, 0.0), np.minimum(1 + delta, 1.0))
    return new, np.clip(new - delta, 0.0, 1.0)
