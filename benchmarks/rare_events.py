"""What a sample cannot show because it is rare: ``python -m benchmarks.rare_events``.

False claims with the allowance for few events and heavy people, and by the same tests without it: by simulation (standard errors are at most 1.6 points), and computed
from all tables of counts that are at all likely.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._inference._claims import claims_of
from fairlearn_fwh.metrics._inference._tests import (
    PairedDifferences,
    certificate_p_value,
    clustered_p_value,
    harm_p_value,
    tango_p_value,
)
from fairlearn_fwh.metrics._inference._unpaired import TwoSamples, difference_bounds, higher_risk_p_value

SAMPLES, ALPHA = 1000, 0.05

LEVELS = (0.2, 0.1, 0.05, 0.01, 0.002)


def _groups(n: int) -> np.ndarray:
    return np.repeat(np.arange(SAMPLES), n)


def _frame(worse: np.ndarray, better: np.ndarray, groups: np.ndarray, **more: np.ndarray) -> PreferenceFrame:
    return PreferenceFrame(
        y_true=np.zeros(len(worse), int), y_pred=worse.astype(int), y_pred_pooled=better.astype(int), labels=[0, 1], sensitive_features=groups, **more,
    )  # fmt: skip


def _false(
    frame: PreferenceFrame,
    test: Callable[[PairedDifferences], np.ndarray],
    without: Callable[[PairedDifferences], np.ndarray] | None = None,
    alpha: float = ALPHA,
) -> dict[str, float]:
    """Per cent of the samples of which something is said, with the allowance and without it."""
    known = claims_of(frame._measured, "rationality", strict=True).differences
    plain = test(replace(known, heavy=None)) if without is None else without(known)
    return {
        "nominal": 100 * alpha,
        "with the allowance": 100 * float((test(known) < alpha).mean()),
        "without": 100 * float((plain < alpha).mean()),
    }


def rare_losses(rng: np.random.Generator) -> dict[str, float]:
    """One in a thousand loses much in Brier loss, the others gain a little less in all; every row is a unit. Certificates of a gain."""
    n, rate = 500, 0.001
    y = (rng.random(SAMPLES * n) < rate).astype(int)
    frame = PreferenceFrame(
        y_true=y, y_pred=np.zeros(len(y)), y_pred_pooled=1.8 * rate + rng.uniform(-1e-6, 1e-6, len(y)), loss="brier", sensitive_features=_groups(n),
        units=np.arange(len(y)),
    )  # fmt: skip
    return _false(frame, lambda d: certificate_p_value(d, 0.0, "tango"))


def few_large_units(rng: np.random.Generator) -> dict[str, float]:
    """One unit in twenty has four rows, one in ten of these loses: certificates of a loss of just less."""
    n = 160
    big = rng.random(SAMPLES * n) < 0.05
    lose = big & (rng.random(SAMPLES * n) < 0.1)
    units = np.repeat(np.arange(SAMPLES * n), np.where(big, 4, 1))
    frame = _frame(lose[units], np.zeros(len(units)), _groups(n)[units], units=units)
    return _false(
        frame,
        lambda d: certificate_p_value(d, 0.0173, "tango"),
        lambda d: clustered_p_value(d, 0.0173),
    )


def few_heavy_people(rng: np.random.Generator) -> dict[str, float]:
    """One person in two hundred weighs twenty times as much, and gains what the light ones lose: harm."""
    n = 1000
    big, x = rng.random(SAMPLES * n) < 0.005, rng.random(SAMPLES * n)
    frame = _frame(
        ~big & (x < 0.0161), big & (x < 0.1602), _groups(n), sample_weight=np.where(big, 20.0, 1.0)
    )
    return _false(frame, harm_p_value)


def few_events(rng: np.random.Generator) -> dict[str, float]:
    """300 people, a loss of just the margin of 1 point, discordance .0133: harm beyond the margin."""
    n, margin = 300, 0.01
    x = rng.random(SAMPLES * n)
    frame = _frame(x < 0.01167, (x >= 0.01167) & (x < 0.01333), _groups(n))

    def by_score_test(d: PairedDifferences) -> np.ndarray:
        assert d.worse is not None
        assert d.better is not None
        return tango_p_value(d.n, d.better, d.worse, -margin)

    return _false(frame, lambda d: harm_p_value(d, margin), by_score_test)


def few_losses(rng: np.random.Generator, tolerance: float, alpha: float) -> dict[str, float]:
    """200 people of whom a share of just the tolerance lose, and nobody gains: certificates."""
    n = 200
    lose = rng.random(SAMPLES * n) < tolerance
    frame = _frame(lose, np.zeros(len(lose), bool), _groups(n))

    def by_score_test(d: PairedDifferences) -> np.ndarray:
        assert d.worse is not None
        assert d.better is not None
        return tango_p_value(d.n, d.worse, d.better, tolerance)

    return _false(frame, lambda d: certificate_p_value(d, tolerance, "tango"), by_score_test, alpha)


CASES = {
    "rare large losses, Brier: certificates": rare_losses,
    "few large units: certificates": few_large_units,
    "few heavy people: harm": few_heavy_people,
    "few events: harm beyond a margin": few_events,
    "few losses: certificates with a tolerance of .4 points": partial(few_losses, tolerance=0.004, alpha=0.2),
    "few losses: certificates with a tolerance of .85 points": partial(
        few_losses, tolerance=0.0085, alpha=0.1
    ),
    "few losses: certificates with a tolerance of 1.4 points": partial(
        few_losses, tolerance=0.014, alpha=0.05
    ),
}


def largest_errors() -> pd.DataFrame:
    """Largest probability, in per cent, that a loss of just the tolerance is certified: for .1 to 40 expected people who lose more than gain, and 0 to 30 who gain."""
    more = [*np.arange(0.1, 8, 0.1), *range(8, 41, 4)]
    largest = pd.DataFrame(0.0, index=LEVELS, columns=["with the allowance", "without"])
    for n in (100, 300, 1000, 5000):
        for losing, gaining in itertools.product(more, (0, 0.1, 0.3, 1, 3, 8, 20, 30)):
            tolerance = losing / n
            if tolerance + 2 * gaining / n > 0.9:
                continue
            shares = tolerance + gaining / n, gaining / n
            counts = [np.arange(stats.binom.ppf(1 - 1e-8, n, share) + 1) for share in shares]
            worse, better = (axis.ravel() for axis in np.meshgrid(*counts))
            probability = stats.multinomial.pmf(
                np.column_stack([worse, better, n - worse - better]), n, [*shares, 1 - sum(shares)]
            )
            size = np.full(len(worse), float(n))
            gain = (better - worse) / n
            known = PairedDifferences(
                size, gain, ((better + worse) / n - gain**2) / n, worse, better, weighted=False, upper=1.0
            )
            for name, p_values in (
                ("with the allowance", certificate_p_value(known, tolerance, "tango")),
                ("without", tango_p_value(size, worse, better, tolerance)),
            ):
                for level in LEVELS:
                    error = 100 * probability[p_values < level].sum()
                    largest.loc[level, name] = max(largest.loc[level, name], error)
    return largest


def two_samples(n_new: int = 5, n_old: int = 200) -> pd.DataFrame:
    """Largest probabilities, in per cent, of a false finding of a higher risk and of a missed difference, for risks of .1 to .9 that differ by 0 or .1."""
    largest = pd.DataFrame(0.0, index=LEVELS[:4], columns=["false findings", "intervals miss"])
    new, old = (axis.ravel() for axis in np.meshgrid(np.arange(n_new + 1.0), np.arange(n_old + 1.0)))
    samples = TwoSamples(
        new / n_new, old / n_old, np.full(len(new), float(n_new)), np.full(len(new), float(n_old))
    )
    for margin in (0.0, 0.1):
        p_values = higher_risk_p_value(samples, margin)
        for level in largest.index:
            lower, upper = difference_bounds(samples, level)
            for risk in np.arange(0.1, 1 - margin, 0.1):
                probability = stats.binom.pmf(new, n_new, risk + margin) * stats.binom.pmf(old, n_old, risk)
                missed = probability[(lower > margin) | (upper < margin)].sum()
                errors = [probability[p_values < level].sum(), missed]
                largest.loc[level] = np.maximum(largest.loc[level], 100 * np.array(errors))
    return largest


def main() -> None:
    rows = {name: case(np.random.default_rng(0)) for name, case in CASES.items()}
    print(f"\nFalse claims, per cent\n{pd.DataFrame(rows).T.round(1).to_string()}", flush=True)
    print(
        f"\nLargest error of certificates by level, per cent, computed\n{largest_errors().round(1).to_string()}",
        flush=True,
    )
    print(
        f"\nTwo samples of 5 and 200 people by level, per cent, computed\n{two_samples().round(1).to_string()}",
        flush=True,
    )


if __name__ == "__main__":
    main()
