"""Differences of risks between two samples of different people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .._core._bisection import bisect
from ._rare_events import heavy_bound, heavy_p_value

_BISECTIONS = 50

#: Numbers of events in the old sample that are tried, each as likely as the others.
_N_DRAWS = 400


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


def higher_risk_p_value(samples: TwoSamples, margin: float = 0.0) -> np.ndarray:
    """P-values of H0: new risk - old risk <= margin. Small means: people of the new sample have a higher risk by more than the margin."""
    by_law = _tail(-_statistic(samples, np.full(len(samples.new), margin)), samples)
    p_values = np.fmax(by_law, _of_few_p_value(samples, margin))
    return np.where(samples.known, p_values, 1.0)


def _of_few_p_value(samples: TwoSamples, margin: float) -> np.ndarray:
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
    new, old = (np.nan_to_num(risk) for risk in constrained_risks(samples, np.full(len(difference), margin)))
    quantiles = (np.arange(_N_DRAWS) + 0.5) / _N_DRAWS
    n_old, n_new = np.maximum(samples.n_old, 1.0)[:, None], np.maximum(samples.n_new, 1.0)[:, None]
    drawn = stats.binom.ppf(quantiles, n_old, old[:, None]) / n_old
    least = np.ceil((difference[:, None] + drawn) * n_new - 1e-6)
    tail: np.ndarray = stats.binom.sf(least - 1, n_new, new[:, None]).mean(axis=1)
    return tail


def difference_bounds(samples: TwoSamples, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided 1 - alpha interval of new risk - old risk: Miettinen and Nurminen (1985) for shares, Welch's for real-valued losses."""
    difference = samples.new - samples.old
    if samples.variance is not None and samples.df is not None:
        error = np.sqrt(samples.variance)
        reach = stats.t.isf(alpha / 2, samples.df) * error
        if samples.span is None:
            return difference - reach, difference + reach
        levels = np.full(len(difference), alpha / 2)
        heavy_new, heavy_old = (np.maximum(n, 1.0) / samples.span for n in (samples.n_new, samples.n_old))
        return (
            heavy_bound(difference, error, samples.df, heavy_old, levels),
            -heavy_bound(-difference, error, samples.df, heavy_new, levels),
        )
    critical = stats.norm.isf(alpha / 2)
    lower, _ = bisect(
        lambda delta: _statistic(samples, delta) <= critical,
        np.full(len(difference), -1.0),
        difference,
        steps=_BISECTIONS,
    )
    _, upper = bisect(
        lambda delta: _statistic(samples, delta) <= -critical,
        difference,
        np.full(len(difference), 1.0),
        steps=_BISECTIONS,
    )
    return lower, upper


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
