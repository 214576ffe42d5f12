"""Intervals and certificates of gains in AUC: how often they cover the true gain, and how often they are wrong.

Scores of positives and negatives are normal, with the same variance, so that true areas are known. ``python -m benchmarks.ranking 4000`` takes 4,000 samples of each kind.
"""

import sys

import numpy as np
from scipy import stats

from fairlearn_fwh.metrics import RankingFrame

#: True areas of own and pooled scores, correlation of the two, positives, negatives.
DESIGNS = [
    (0.75, 0.75, 0.8, 30, 70),
    (0.75, 0.75, 0.8, 100, 300),
    (0.65, 0.80, 0.5, 30, 70),
    (0.65, 0.80, 0.5, 100, 300),
    (0.90, 0.85, 0.8, 30, 300),
    (0.90, 0.85, 0.8, 300, 300),
]

#: Rows of a unit, and the share of the variance that they have in common.
ROWS, COMMON = 10, 0.3


def shift(area: float) -> float:
    """Distance of the means at which two normal scores have this area."""
    return float(np.sqrt(2) * stats.norm.ppf(area))


def scores(
    rng: np.random.Generator, y: np.ndarray, areas: tuple[float, float], correlation: float, unit: np.ndarray
) -> np.ndarray:
    """Scores of both models, shape (2, n); rows of a unit have a part in common, if there are units."""
    covariance = [[1, correlation], [correlation, 1]]
    noise = rng.multivariate_normal([0, 0], covariance, len(y)).T
    if len(np.unique(unit)) < len(y):
        common = rng.multivariate_normal([0, 0], covariance, unit.max() + 1).T[:, unit]
        noise = np.sqrt(1 - COMMON) * noise + np.sqrt(COMMON) * common
    return noise + y * np.array([[shift(area)] for area in areas])


def rates(
    design: tuple[float, float, float, int, int], n_samples: int, rows: int
) -> tuple[float, float, float]:
    """Shares of samples in which the interval covers, a loss is called harm, and a loss of the tolerance is certified."""
    own, pooled, correlation, n_positive, n_negative = design
    rng = np.random.default_rng(0)
    y = np.r_[np.ones(n_positive, int), np.zeros(n_negative, int)]
    gain = own - pooled
    covered = found = certified = 0
    for _ in range(n_samples):
        order = rng.permutation(len(y))
        unit = np.arange(len(y)) if rows == 1 else np.empty(len(y), int)
        if rows > 1:  # units of both classes
            unit[order] = np.arange(len(y)) // rows
        new, old = scores(rng, y, (own, pooled), correlation, unit)
        frame = RankingFrame(y_true=y, score=new, score_pooled=old, units=None if rows == 1 else unit)
        interval = frame.gain_intervals().iloc[0]
        covered += interval["lower"] <= gain <= interval["upper"]
        # Each is an error at the margin, or tolerance, that the true gain just has.
        margin = max(-gain, 0.0)
        found += len(frame.violations(margin=margin)) > 0 if gain <= 0 else 0
        certified += bool(frame.certify(tolerance=margin)["certified"].iloc[0]) if gain <= 0 else 0
    return covered / n_samples, found / n_samples, certified / n_samples


def main(n_samples: int = 1000) -> None:
    print(
        f"{n_samples:,} samples of each kind; simulation error of a share of .95 or .05: {np.sqrt(0.05 * 0.95 / n_samples):.3f}"
    )
    for rows in (1, ROWS):
        for design in DESIGNS:
            own, pooled, correlation, n_positive, n_negative = design
            covered, found, certified = rates(design, n_samples, rows)
            errors = f"   false harm {found:.3f}, false certificates {certified:.3f}" if own <= pooled else ""
            print(
                f"AUC {own:.2f} against {pooled:.2f}, correlation {correlation}, {n_positive} + {n_negative} rows, {rows} per unit: covered {covered:.3f}{errors}",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
