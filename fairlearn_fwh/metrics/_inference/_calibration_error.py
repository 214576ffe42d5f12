"""How far predicted probabilities are from what comes true, in bins, with bounds (rows that belong together count as such)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .._core._bisection import bisect
from ._rare_events import heavy_bound, of_uneven

#: Fewest people, or units, for each bin; of fewer the variance within a bin is not known well enough.
PEOPLE_PER_BIN = 20

_BISECTIONS = 45


@dataclass(frozen=True)
class Calibration:
    """How well a model is calibrated on some people.

    Attributes
    ----------
    n : int
        Number of people, or of units.
    large, large_variance : float
        Calibration in the large, the mean of truth minus probability, and the variance of its error.
    heavy : ndarray, shape (2,)
        How many people, or units, that are not seen could change the mean by 1, upwards for the lower bound, downwards for the upper one; see `_heavy`.
    bins : ndarray, shape (B, 4)
        Of each bin number of people, mean probability, share of positives, and standard error of their difference.
    raw : float
        Squared calibration error of the bins as they are in the sample: mean of (share - mean probability)^2 over people.
    bias, most_bias : float
        What of it is due to chance on average: as estimated, and if one more positive and one more negative were in each bin.
    largest, spread : float
        The variance of `raw` is at most ``4 * largest * error + spread``, where `error` is the true one.
    """

    n: int
    large: float
    large_variance: float
    heavy: np.ndarray
    bins: np.ndarray
    raw: float
    bias: float
    most_bias: float
    largest: float
    spread: float

    @property
    def error(self) -> float:
        """Squared calibration error without the bias: a U-statistic, which can be slightly negative."""
        return self.raw - self.bias

    def large_bounds(self, alpha: float) -> tuple[float, float]:
        """Bounds of calibration in the large by Student's distribution; few large units, or rare events, may be missing."""
        error, df = np.sqrt(self.large_variance), np.array(max(self.n - 1, 1))
        values = np.array([self.large, -self.large])
        lower = heavy_bound(values, np.full(2, error), df, self.heavy, np.full(2, alpha / 2))
        return max(float(lower[0]), -1.0), min(float(-lower[1]), 1.0)

    def error_bounds(self, alpha: float) -> tuple[float, float]:
        """Bounds of the true squared error: values at which what was seen is in neither tail.

        The sum of squares of normal errors around true values is taken as a gamma variable with its mean and variance (Patnaik 1949), whose
        variance is the largest that a true error allows, whatever bins it is in. Where there are few positives chance may add more than is estimated, which
        counts for the lower bound.
        """
        seen = self.raw

        def above(error: np.ndarray) -> np.ndarray:
            return _tail(seen, error + self.most_bias, 4 * self.largest * error + self.spread)[0]

        def below(error: np.ndarray) -> np.ndarray:
            return _tail(seen, error + self.bias, 4 * self.largest * error + self.spread)[1]

        zero, one = np.zeros(1), np.ones(1)
        low, _ = bisect(lambda error: above(error) >= alpha / 2, zero, one, steps=_BISECTIONS)
        _, high = bisect(lambda error: below(error) < alpha / 2, zero, one, steps=_BISECTIONS)
        # From 0 on nothing contradicts what was seen, or nothing agrees with it.
        first = 0.0 if above(zero)[0] >= alpha / 2 else float(low[0])
        return first, float(high[0])


def _tail(seen: float, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of at least, and of at most, what was seen."""
    mean = np.maximum(mean, 1e-300)
    shape, x = mean**2 / variance, seen * mean / variance
    return special.gammaincc(shape, x), special.gammainc(shape, x)


def calibration_of(
    positive: np.ndarray, probability: np.ndarray, n_bins: int, units: np.ndarray | None = None
) -> Calibration:
    """Measure calibration in bins of about equal numbers of people.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    probability : ndarray, shape (n,)
    n_bins : int
        Most bins; there are fewer where there are less than `PEOPLE_PER_BIN` people, or units, for each, or probabilities are equal.
    units : ndarray of int, shape (n,), optional
        Whose rows belong together.

    Returns
    -------
    Calibration
    """
    n = len(positive)
    rows = np.arange(n) if units is None else np.unique(units, return_inverse=True)[1]
    n_units = int(rows.max()) + 1
    bin_of, n_bins = _bins(probability, min(n_bins, max(n_units // PEOPLE_PER_BIN, 1)))
    size = np.bincount(bin_of, minlength=n_bins).astype(float)
    apart = positive - probability
    gap, hits = (np.bincount(bin_of, values, n_bins) for values in (apart, positive))
    gap = gap / size
    covariance = _covariance((apart - gap[bin_of]) / size[bin_of], bin_of, n_bins, rows, n_units)
    # With few positives a bin may have none by chance: its share is taken as that of one more positive and one more negative.
    of_bin = size if units is None else _units_of_bins(rows, bin_of, n_bins)
    share = (hits / size * of_bin + 1) / (of_bin + 2)
    weight = size / n
    bias = float(weight @ np.diag(covariance))
    np.fill_diagonal(covariance, np.maximum(np.diag(covariance), share * (1 - share) / of_bin))
    weighted = np.sqrt(weight)[:, None] * covariance * np.sqrt(weight)
    centred = np.bincount(rows, apart - apart.mean(), n_units) / n
    one_more = 1 / (n_units + 2)
    large_variance = max(
        float(centred @ centred) * n_units / max(n_units - 1, 1), one_more * (1 - one_more) / n_units
    )
    means = np.bincount(bin_of, probability, n_bins) / size
    return Calibration(
        n=n_units,
        large=float(apart.mean()),
        large_variance=large_variance,
        heavy=_heavy(apart, rows, n_units),
        bins=np.column_stack([size, means, hits / size, np.sqrt(np.diag(covariance))]),
        raw=float(weight @ gap**2),
        bias=bias,
        most_bias=float(np.trace(weighted)),
        largest=float(np.linalg.eigvalsh(weighted)[-1]),
        spread=float(2 * (weighted**2).sum()),
    )


def _heavy(apart: np.ndarray, rows: np.ndarray, n_units: int) -> np.ndarray:
    """Tell what may be missing: units that are larger than others, and what is rare on one side only.

    Where few people have an event the law of the mean is skewed, as Poisson's is: an event counts like a person who changes the mean by the ratio of the third to
    the second central moment. Since the sample may have no event, both moments are those with one more average unit that is quite different.

    Parameters
    ----------
    apart : ndarray, shape (n,)
        Truth minus probability.
    rows : ndarray of int, shape (n,)
        Unit of each row.
    n_units : int

    Returns
    -------
    ndarray, shape (2,)
    """
    n, one = len(apart), len(apart) / n_units
    centred = np.bincount(rows, apart - apart.mean(), n_units)
    second, third = float((centred**2).sum()) + one**2, float((centred**3).sum())
    jump = np.array([max(-third, 0.0), max(third, 0.0)]) + one**3
    uneven = of_uneven(n / np.bincount(rows).max(), np.array(float(n_units)))
    return np.minimum(n * second / jump, uneven)


def _units_of_bins(rows: np.ndarray, bin_of: np.ndarray, n_bins: int) -> np.ndarray:
    """Number of units with rows in each bin."""
    pairs = np.unique(rows * n_bins + bin_of)
    return np.bincount(pairs % n_bins, minlength=n_bins).astype(float)


def _bins(probability: np.ndarray, n_bins: int) -> tuple[np.ndarray, int]:
    """Bin of each person and number of bins; none is empty."""
    edges = np.quantile(probability, np.linspace(0, 1, n_bins + 1)[1:-1])
    found = np.searchsorted(edges, probability, side="right")
    used, codes = np.unique(found, return_inverse=True)
    return codes, len(used)


def _covariance(
    influence: np.ndarray, bin_of: np.ndarray, n_bins: int, rows: np.ndarray, n_units: int
) -> np.ndarray:
    """Covariance of the gaps of bins, from sums over units."""
    if n_units == len(rows):
        size = np.bincount(bin_of, minlength=n_bins)
        return np.diag(np.bincount(bin_of, influence**2, n_bins) * size / np.maximum(size - 1, 1))
    sums = np.bincount(rows * n_bins + bin_of, influence, n_units * n_bins).reshape(n_units, n_bins)
    return np.asarray(sums.T @ sums) * n_units / max(n_units - 1, 1)
