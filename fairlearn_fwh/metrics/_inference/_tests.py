"""Tests and bounds for paired differences between two classifiers on the same people.

A gain is ``loss(other) - loss(own)``. Every function is vectorised over claims.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from .._core._bisection import bisect
from ._betting import GainDraws, betting_bound, betting_p_value
from ._rare_events import few_events_bound, few_events_p_value, heavy_bound, heavy_p_value
from ._unconditional import EXACT_BELOW, tango_statistic, unconditional_p_value

METHODS = ("tango", "exact")

#: What stands for the score test where there are few people.
UNCONDITIONAL = "unconditional"

#: What stands for the tests of rows that belong together.
UNITS = "units"

#: Below this size bounds are exact (Clopper and Pearson), not those of the score test.
MIN_SCORE_BOUND_SIZE = 30

#: With uneven weights nothing is certified where fewer effective discordant people than this are to be expected.
FEWEST_DISCORDANT = 10.0

_BISECTIONS = 60


@dataclass(frozen=True)
class PairedDifferences:
    """What is known about the gains of m claims, each shape (m,).

    Attributes
    ----------
    n : ndarray of float
        Number of people; for weighted 0-1 losses the effective number (see `effective_counts`).
    gain : ndarray of float
        Mean of loss(other) - loss(own).
    variance : ndarray of float
        Linearised variance of `gain`.
    worse, better : ndarray of float or None
        Numbers of people for whom own is worse, or better; for 0-1 losses only.
    weighted : bool
        Whether people have different weights.
    upper : float or None
        Largest possible difference, if there is one; differences lie in [-upper, upper].
    uneven : ndarray of float or None
        Kish's effective size where weights, or numbers of rows of units, are uneven, infinity where they are not; for 0-1 losses only.
    draws : GainDraws or None
        The people's gains; for real-valued losses with limits, without weights and units.
    units : ndarray of float or None
        Number of units, where rows belong together: tests have Student's distribution with one degree of freedom less.
    unseen : ndarray of float or None
        Number of people, for statistics that a person can change by 1 and of whose distribution nothing is known: who are rare and quite different may be
        missing from the sample, so that no p-value is below ``exp(-x * unseen)`` for a difference of x.
    heavy : ndarray of float or None
        How many of the heaviest people, or units, would have all of the weight, over `upper`; infinity where nobody is heavier than others. For
        weights, units, and real-valued losses without draws; see `_rare_events`.
    """

    n: np.ndarray
    gain: np.ndarray
    variance: np.ndarray
    worse: np.ndarray | None
    better: np.ndarray | None
    weighted: bool
    upper: float | None
    uneven: np.ndarray | None = None
    draws: GainDraws | None = None
    units: np.ndarray | None = None
    unseen: np.ndarray | None = None
    heavy: np.ndarray | None = None

    @property
    def df(self) -> np.ndarray:
        """Degrees of freedom of `variance`."""
        return np.maximum((self.n if self.units is None else np.minimum(self.n, self.units)) - 1, 1)

    @property
    def error(self) -> np.ndarray:
        """Standard error of `gain`; for 0-1 losses that of the variance as it is."""
        factor = _small_sample_factor(self.n) if self.worse is None else 1.0
        return np.sqrt(self.variance * factor)

    def rests_on_few(self, tolerance: float) -> np.ndarray:
        """Whether few heavy people, who may not be in the sample, could reverse a certificate, shape (m,).

        A claim that is just not true has a share of discordant people of at least the tolerance. Where fewer than `FEWEST_DISCORDANT` of
        them are to be expected among people of uneven weights, none of the heavy ones may be in the sample.
        """
        if self.uneven is None or self.worse is None or self.better is None:
            return np.zeros(len(self.n), dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(self.n > 0, (self.worse + self.better) / self.n, 0.0)
            expected = self.uneven * np.maximum(share, tolerance)
        return np.isfinite(self.uneven) & (expected < FEWEST_DISCORDANT)

    def mirrored(self) -> PairedDifferences:
        """Return the same differences seen from the other classifier."""
        draws = None if self.draws is None else self.draws.mirrored()
        return replace(self, gain=-self.gain, worse=self.better, better=self.worse, draws=draws)


def effective_size(shares_variance: np.ndarray, variance: np.ndarray, kish: np.ndarray) -> np.ndarray:
    """Size of a simple random sample with the same linearised variance (Korn and Graubard 1998), at most Kish's.

    Where the few people to whom something happens are light by chance, the linearised variance is far too small; Kish's effective size,
    (sum of w)^2 / (sum of w^2), knows the weights of all.

    Parameters
    ----------
    shares_variance : ndarray
        Variance of one person without weights.
    variance : ndarray
        Linearised variance of the weighted mean.
    kish : ndarray

    Returns
    -------
    ndarray
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where((variance > 0) & (shares_variance > 0), shares_variance / variance, kish)
    return np.minimum(size, kish)


def effective_counts(
    worse: np.ndarray,
    better: np.ndarray,
    variance: np.ndarray,
    kish: np.ndarray,
    discordant: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn weighted shares into effective counts with which the score test has the variance of weighted data.

    Parameters
    ----------
    worse, better : ndarray
        Weighted shares of people.
    variance : ndarray
        Linearised variance of the gain.
    kish : ndarray
        Kish's effective size of all people.
    discordant : ndarray
        Kish's effective size of the discordant people, whom the counts never exceed: one person of a large weight is one person.

    Returns
    -------
    size, worse, better : ndarray
    """
    size = effective_size(worse + better - (better - worse) ** 2, variance, kish)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.fmin(size, discordant / (worse + better))
    return size, size * worse, size * better


def certificate_p_value(differences: PairedDifferences, tolerance: float, method: str) -> np.ndarray:
    """P-values of H0: gain <= -tolerance. Small means: own is not worse by more than the tolerance."""
    d = differences
    p_values = _certificate_p_value(d, tolerance, method)
    return np.where(d.rests_on_few(tolerance), 1.0, _of_heavy_people(d, p_values, tolerance))


def _of_heavy_people(d: PairedDifferences, p_values: np.ndarray, tolerance: float) -> np.ndarray:
    """No p-value is below what few heavy people, who may be missing, allow."""
    if d.heavy is None:
        return p_values
    with np.errstate(invalid="ignore", divide="ignore"):
        heavy = heavy_p_value(np.nan_to_num(d.gain), np.nan_to_num(d.error), d.df, d.heavy, tolerance)
    return np.where(np.isfinite(d.heavy), np.fmax(p_values, heavy), p_values)


def _certificate_p_value(d: PairedDifferences, tolerance: float, method: str) -> np.ndarray:
    if d.draws is not None:
        return betting_p_value(d.draws, tolerance)
    if d.worse is None or d.better is None:
        return _normal_p_value(d, tolerance)
    if method == "exact":
        return _exact_p_value(d.n, d.worse, d.better, tolerance)
    p_values = _counted_p_value(d.n, d.worse, d.better, tolerance)
    # Student's distribution knows how few units there are, the exact tests how few people there are about whom something differs.
    return p_values if d.units is None else np.fmax(p_values, clustered_p_value(d, tolerance))


def _counted_p_value(n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float) -> np.ndarray:
    if tolerance == 0:  # the score test has its level for large samples only; at 0 there is an exact one
        return mcnemar_p_value(better, worse)
    p_values = tango_p_value(n, worse, better, tolerance)
    small = (n < EXACT_BELOW) & (n > 0)
    p_values = np.where(small, p_values, few_events_p_value(n, worse, better, tolerance, p_values))
    if small.any():
        p_values[small] = unconditional_p_value(n[small], worse[small], better[small], tolerance)
    return p_values


def gain_lower_bound(differences: PairedDifferences, alpha: float | np.ndarray, method: str) -> np.ndarray:
    """One-sided lower 1 - alpha bound of the gain, not below what a gain can be."""
    d, alpha = differences, np.broadcast_to(alpha, differences.n.shape)
    bound = _gain_lower_bound(d, alpha, method)
    bound = np.minimum(bound, heaviest_bound(d, alpha))
    return bound if differences.upper is None else np.fmax(bound, -differences.upper)


def heaviest_bound(differences: PairedDifferences, alpha: np.ndarray) -> np.ndarray:
    """Lower bounds that few heavy people, who may be missing, allow; infinity where nobody is heavy."""
    d = differences
    if d.heavy is None:
        return np.full(len(d.n), np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        bound = heavy_bound(d.gain, d.error, d.df, d.heavy, alpha)
    return np.where(np.isfinite(d.heavy) & ~np.isnan(bound), bound, np.inf)


def _gain_lower_bound(d: PairedDifferences, alpha: np.ndarray, method: str) -> np.ndarray:
    if d.draws is not None:
        return betting_bound(d.draws, alpha)
    if d.worse is None or d.better is None:
        bound = mean_lower_bound(d.n, d.gain, d.variance, alpha)
        if d.unseen is None:
            return bound
        bound = np.where((d.n > 1) & (d.variance == 0), d.gain, bound)
        return np.fmin(bound, d.gain - np.log(1 / alpha) / d.unseen)
    if method == "exact":
        return _exact_bound(d.n, d.worse, d.better, alpha)
    bound = tango_bound(d.n, d.worse, d.better, alpha)
    bound = few_events_bound(d.n, d.worse, d.better, alpha, bound)
    small = (d.n < MIN_SCORE_BOUND_SIZE) & (d.n > 0)
    if small.any():
        bound[small] = _exact_bound(d.n[small], d.worse[small], d.better[small], alpha[small])
    if d.units is None:
        return bound
    by_student = tango_bound(d.n, d.worse, d.better, stats.norm.cdf(_student_quantile(alpha, d.units)))
    return np.fmin(bound, by_student)


def method_used(differences: PairedDifferences, method: str, tolerance: float) -> np.ndarray:
    """Name the test that each claim gets, shape (m,)."""
    if method != "tango":
        return np.full(len(differences.n), method, dtype=object)
    if differences.units is not None:
        return np.full(len(differences.n), UNITS, dtype=object)
    if differences.worse is None:
        used = "normal" if differences.draws is None else "betting"
        return np.full(len(differences.n), used, dtype=object)
    if tolerance == 0:
        return np.full(len(differences.n), "mcnemar", dtype=object)
    return np.where(differences.n < EXACT_BELOW, UNCONDITIONAL, "tango").astype(object)


def harm_p_value(differences: PairedDifferences, margin: float = 0.0) -> np.ndarray:
    """P-values of H0: gain >= -margin. Small means: own is worse than the other by more than the margin.

    At margin 0 the exact one-sided McNemar test for 0-1 losses, ``BinomCDF(better; better + worse, 1/2)``, for weighted
    ones on effective counts; for real-valued losses and at a larger margin the test of certificates, mirrored.
    """
    d = differences
    if d.worse is not None and d.better is not None:
        p_values = mcnemar_p_value(d.worse, d.better)
        if not margin and d.units is None:
            return _of_heavy_people(d.mirrored(), p_values, 0.0)
        # Who is worse by more than a margin is worse.
        return np.fmax(p_values, certificate_p_value(d.mirrored(), -margin, "tango"))
    if d.draws is not None:
        return betting_p_value(d.draws.mirrored(), -margin)
    p_values = _normal_p_value(d.mirrored(), -margin)
    # Everybody loses the same: no spread to measure by, and the sign test's smallest p-value.
    alike = (d.variance == 0) & (d.gain < -margin)
    p_values = np.where(alike, np.minimum(p_values, 0.5**d.n), p_values)
    return _of_heavy_people(d.mirrored(), p_values, -margin)


def clustered_p_value(d: PairedDifferences, tolerance: float) -> np.ndarray:
    """Score test on effective counts of clustered people, with Student's distribution (compare Durkalski et al. 2003, Yang et al. 2010)."""
    assert d.worse is not None
    assert d.better is not None
    assert d.units is not None
    statistic = tango_statistic(d.n, d.worse, d.better, np.full(len(d.n), tolerance))
    p_values = stats.t.cdf(statistic, np.maximum(d.units - 1, 1))
    return np.where((d.units > 1) & (d.n > 0), p_values, 1.0)


def _student_quantile(alpha: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Lower quantile of Student's distribution; none (-inf) of a single unit."""
    return np.where(units > 1, stats.t.ppf(alpha, np.maximum(units - 1, 1)), -np.inf)


def mcnemar_p_value(more: np.ndarray, fewer: np.ndarray) -> np.ndarray:
    """Exact one-sided McNemar test: ``BinomCDF(fewer; more + fewer, 1/2)``, 1 without discordance.

    Written as an incomplete beta function, which takes effective counts too.
    """
    return np.where(more > 0, special.betainc(np.maximum(more, 1e-300), fewer + 1, 0.5), 1.0)


def tango_p_value(n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float) -> np.ndarray:
    """Score test of H0: (worse - better) / n >= tolerance (Tango 1998)."""
    p_values = stats.norm.cdf(tango_statistic(n, worse, better, np.full(np.shape(n), tolerance)))
    return np.where(n > 0, p_values, 1.0)


def tango_bound(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, alpha: float | np.ndarray
) -> np.ndarray:
    """Lower 1 - alpha bound of (better - worse) / n, by inversion of Tango's score test.

    With nobody discordant the bound is -z^2 / (n + z^2): the less is seen, the less is sure.
    """
    n, worse, better = (np.asarray(a, dtype=float) for a in (n, worse, better))
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(n > 0, (worse - better) / n, -1.0)
    high = np.ones_like(low)
    critical = stats.norm.ppf(alpha)
    _, high = bisect(
        lambda delta: tango_statistic(n, worse, better, delta) <= critical, low, high, steps=_BISECTIONS
    )
    return -np.where(n > 0, high, 1.0)


def _exact_bound(
    n: np.ndarray, worse: np.ndarray, better: np.ndarray, alpha: float | np.ndarray
) -> np.ndarray:
    """Clopper-Pearson lower bound of better / n minus upper bound of worse / n, each at alpha / 2."""
    half = np.asarray(alpha) / 2
    with np.errstate(invalid="ignore"):
        lower = np.where(better > 0, stats.beta.ppf(half, better, n - better + 1), 0.0)
        upper = np.where(worse < n, stats.beta.ppf(1 - half, worse + 1, n - worse), 1.0)
    return np.where(n > 0, lower - upper, -1.0)


def _exact_p_value(n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float) -> np.ndarray:
    """Smallest alpha at which the Clopper-Pearson bound exceeds -tolerance, by bisection; once for groups that are alike."""
    alike, which = np.unique(np.column_stack([n, worse, better]), axis=0, return_inverse=True)
    n, worse, better = alike.T
    return _exact_p_value_of(n, worse, better, tolerance)[which.ravel()]


def _exact_p_value_of(n: np.ndarray, worse: np.ndarray, better: np.ndarray, tolerance: float) -> np.ndarray:
    low, high = np.zeros(np.shape(n)), np.ones(np.shape(n))
    possible = _exact_bound(n, worse, better, high) > -tolerance
    _, high = bisect(
        lambda alpha: _exact_bound(n, worse, better, alpha) > -tolerance, low, high, steps=_BISECTIONS
    )
    return np.where(possible & (n > 0), high, 1.0)


def mean_lower_bound(
    n: np.ndarray, mean: np.ndarray, variance: np.ndarray, alpha: float | np.ndarray
) -> np.ndarray:
    """Student's lower 1 - alpha bound of a mean with a linearised variance; none (-inf) where nothing varies."""
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(variance * _small_sample_factor(n))
        bound = mean - stats.t.ppf(1 - np.asarray(alpha), np.maximum(n - 1, 1)) * spread
    return np.where((n > 1) & (variance > 0), bound, np.where(n > 0, -np.inf, np.nan))


def _normal_p_value(d: PairedDifferences, tolerance: float) -> np.ndarray:
    """Student's t test; where nobody differs from the others nothing varies, and nothing is known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        t = (d.gain + tolerance) / np.sqrt(d.variance * _small_sample_factor(d.n))
        p_values = np.where(d.n > 1, stats.t.sf(t, np.maximum(d.n - 1, 1)), 1.0)
    if d.unseen is None:
        return np.where(d.variance > 0, p_values, 1.0)
    unseen = np.exp(-np.maximum(d.gain + tolerance, 0.0) * d.unseen)
    return np.where(d.variance > 0, np.maximum(p_values, unseen), np.where(d.n > 1, unseen, 1.0))


def _small_sample_factor(n: np.ndarray) -> np.ndarray:
    return n / np.maximum(n - 1, 1)
