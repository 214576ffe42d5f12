"""Bounds of calibration and of its gains: how often they cover the truth, and how often harm is found where there is none.

Probabilities are drawn, and labels from true probabilities whose log odds are `slope` times as large: 1 is calibrated, below 1 the model is overconfident,
above it underconfident. ``python -m benchmarks.calibration 2000`` takes 2,000 samples of each kind.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy import special

from fairlearn_fwh.metrics import CalibrationFrame

SLOPES = {"calibrated": 1.0, "overconfident": 0.6, "underconfident": 1.6}
SIZES = (200, 500, 2000, 5000)
BASES = (0.5, 0.1, 0.01)

#: Rows of a unit, which have their true log odds in common but for a part of their own.
ROWS = 5


def sample(
    rng: np.random.Generator, n: int, base: float, slope: float, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw probabilities, true probabilities and units."""
    unit = np.arange(n) // rows
    log_odds = rng.normal(special.logit(base), 1.2, unit.max() + 1)[unit]
    if rows > 1:
        log_odds = log_odds + rng.normal(0, 0.3, n)
    return special.expit(log_odds), special.expit(slope * log_odds), unit


def truth_in_bins(frame: CalibrationFrame, which: int, p: np.ndarray, true: np.ndarray) -> float:
    """True squared error of the bins that the frame has made."""
    size = frame._measured[0][which].bins[:, 0].astype(int)
    order = np.argsort(p, kind="stable")
    bins = np.repeat(np.arange(len(size)), size)
    gap = np.bincount(bins, (true - p)[order]) / size
    return float(size @ gap**2 / len(p))


def rates(n: int, base: float, slope: float, rows: int, n_samples: int) -> tuple[float, float, float, float]:
    """How often error, calibration in the large and gain are covered, and how often two models that are calibrated alike are told apart."""
    rng = np.random.default_rng(0)
    covered = np.zeros(3)
    found = 0
    for _ in range(n_samples):
        p, true, unit = sample(rng, n, base, slope, rows)
        # The baseline is off in the other direction.
        other = special.expit(special.logit(p) + 0.2)
        # Rows of a unit come true together: their draws are alike.
        u = special.ndtr(
            np.sqrt(0.3) * rng.standard_normal(n)[unit] + np.sqrt(0.7) * rng.standard_normal(n)
            if rows > 1
            else rng.standard_normal(n)
        )
        y = (u < true).astype(int)
        if y.min() == y.max():
            n_samples -= 1
            continue
        units = None if rows == 1 else unit
        frame = CalibrationFrame(y_true=y, y_prob=p, y_prob_pooled=other, units=units)
        row = frame.intervals().iloc[0]
        error, pooled_error = (truth_in_bins(frame, i, values, true) for i, values in enumerate((p, other)))
        large = float((true - p).mean())
        gain = frame.gain_intervals().iloc[0]
        covered += [
            row["error_lower"] <= error <= row["error_upper"],
            row["in_the_large_lower"] <= large <= row["in_the_large_upper"],
            gain["lower"] <= pooled_error - error <= gain["upper"],
        ]
        found += len(CalibrationFrame(y_true=y, y_prob=p, y_prob_pooled=p[::1], units=units).violations()) > 0
    return (*(covered / n_samples), found / n_samples)


def main(n_samples: int = 300) -> None:
    print(
        f"{n_samples:,} samples of each kind; simulation error of a share of .95: {np.sqrt(0.05 * 0.95 / n_samples):.3f}"
    )
    for rows in (1, ROWS):
        for base in BASES:
            for name, slope in SLOPES.items():
                for n in SIZES:
                    error, large, gain, found = rates(n, base, slope, rows, n_samples)
                    print(
                        f"{name}, base rate {base}, {n} people, {rows} row(s) per unit: covered error {error:.3f}, in the large {large:.3f}, "
                        f"gain {gain:.3f}; equal models told apart {found:.3f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
