"""How often NoHarmSelector keeps classifiers that it should not, and that it should: 6 groups of 2,000 people.

Run: python -m benchmarks.selection_guarantee
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

from fairlearn_fwh.postprocessing import NoHarmSelector

RUNS, GROUPS, SIZE, DISCORDANCE = 2000, 6, 2000, 0.1


class Column(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose predictions are a column of X."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.classes_ = np.array([0, 1])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the column."""
        return X[:, self.column].astype(int)


def sample(rng: np.random.Generator, gain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of pooled and own, true labels and groups; own is right where pooled is wrong more often by `gain`."""
    n = GROUPS * SIZE
    y = rng.integers(0, 2, n)
    kind = rng.choice(
        3, n, p=[1 - DISCORDANCE, (DISCORDANCE + gain) / 2, (DISCORDANCE - gain) / 2]
    )  # same, own better, own worse
    pooled = np.where(kind == 1, 1 - y, y)
    own = np.where(kind == 2, 1 - y, y)
    return np.column_stack([pooled, own]), y, np.repeat(np.arange(GROUPS), SIZE)


def main() -> None:
    rng = np.random.default_rng(0)
    models = (Column(0), {group: Column(1) for group in range(GROUPS)})
    print(
        f"{RUNS} runs, {GROUPS} groups of {SIZE} people, {DISCORDANCE:.0%} discordance, alpha 0.05, tolerance 0"
    )
    for gain in (0.0, 0.02):
        kept = np.zeros((RUNS, GROUPS), dtype=bool)
        for run in range(RUNS):
            X, y, groups = sample(rng, gain)
            selector = NoHarmSelector(models, prefit=True).fit(X, y, sensitive_features=groups)
            kept[run] = selector.selection_table_["choice"] == "own"
        any_kept = int(kept.any(axis=1).sum())
        interval = stats.binomtest(any_kept, RUNS).proportion_ci()
        print(
            f"own better by {gain:.0%}: {kept.mean():.1%} of the own classifiers kept; any kept in {any_kept / RUNS:.2%} "
            f"of the runs (95 % interval {interval.low:.2%} to {interval.high:.2%})"
        )


if __name__ == "__main__":
    main()
