"""How often NoHarmSelector keeps classifiers that it should not, and that it should: 6 groups of 2,000 people.

Run: python -m benchmarks.selection_guarantee
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

from fairlearn_fwh.postprocessing import NoHarmSelector

SEEDS, RUNS, GROUPS, SIZE, DISCORDANCE = 5, 2000, 6, 2000, 0.1


class Column(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose predictions are a column of X."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.classes_ = np.array([0, 1])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the column."""
        return X[:, self.column].astype(int)


def sample(rng: np.random.Generator, gain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions of pooled and own, true labels and groups; own is right more often by `gain`."""
    n = GROUPS * SIZE
    y = rng.integers(0, 2, n)
    kind = rng.choice(
        3, n, p=[1 - DISCORDANCE, (DISCORDANCE + gain) / 2, (DISCORDANCE - gain) / 2]
    )  # same, own better, own worse
    pooled = np.where(kind == 1, 1 - y, y)
    own = np.where(kind == 2, 1 - y, y)
    return np.column_stack([pooled, own]), y, np.repeat(np.arange(GROUPS), SIZE)


def main() -> None:
    print(
        f"{GROUPS} groups of {SIZE} people, {DISCORDANCE:.0%} discordance, alpha 0.05, tolerance 0, {RUNS} runs per seed"
    )
    any_kept = [int(run_selector(seed, 0.0).any(axis=1).sum()) for seed in range(SEEDS)]
    interval = stats.binomtest(sum(any_kept), SEEDS * RUNS).proportion_ci()
    print(
        f"own no better: any kept in {', '.join(f'{kept / RUNS:.2%}' for kept in any_kept)} of the runs (seeds 0 to "
        f"{SEEDS - 1}), together {sum(any_kept) / SEEDS / RUNS:.2%} ({interval.low:.2%} to {interval.high:.2%})"
    )
    print(f"own better by 2 points: {run_selector(0, 0.02).mean():.1%} of the own classifiers kept (seed 0)")


def run_selector(seed: int, gain: float) -> np.ndarray:
    """Which own classifiers are kept, shape (RUNS, GROUPS)."""
    rng = np.random.default_rng(seed)
    models = (Column(0), dict.fromkeys(range(GROUPS), Column(1)))
    kept = np.zeros((RUNS, GROUPS), dtype=bool)
    for run in range(RUNS):
        X, y, groups = sample(rng, gain)
        selector = NoHarmSelector(models, prefit=True).fit(X, y, sensitive_features=groups)
        kept[run] = selector.selection_table_["choice"] == "own"
    return kept


if __name__ == "__main__":
    main()
