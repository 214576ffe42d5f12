"""Who finds harmed people whom nobody has named, and how often it finds some where there are none: ``python -m benchmarks.subgroups``."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from fairlearn_fwh.metrics import find_harmed_subgroup

#: People, features, share of people who are harmed, and how much they lose.
CASES = (
    (2_000, 8, 0.2, 0.1),
    (2_000, 8, 0.05, 0.2),
    (5_000, 8, 0.1, 0.05),
    (20_000, 8, 0.05, 0.05),
    (20_000, 32, 0.05, 0.05),
)

RUNS = 100


def draw(n: int, n_features: int, share: float, loss: float, rng: np.random.Generator) -> tuple:
    """Features, truth, own and pooled predictions; the harmed have small values of two features."""
    X = rng.random((n, n_features))
    y = np.ones(n, dtype=int)
    pooled = (rng.random(n) < 0.85).astype(int)
    side = np.sqrt(share)
    harmed = (X[:, 0] < side) & (X[:, 1] < side) & (rng.random(n) < loss / 0.85)
    differs = rng.random(n) < 0.05
    own = np.where(harmed, 0, np.where(differs & (rng.random(n) < 0.5), 1 - pooled, pooled))
    # Outside the harmed as many gain as lose.
    swap = differs & ~harmed
    own = np.where(swap, rng.integers(0, 2, n), own)
    pooled = np.where(swap, rng.integers(0, 2, n), pooled)
    return X, y, own, pooled


def found_in(n: int, n_features: int, share: float, loss: float, runs: int) -> dict[str, float]:
    """Shares of samples in which somebody is found, in per cent, and seconds of one search."""
    result: dict[str, float] = {}
    for method in ("scan", "tree"):
        rng = np.random.default_rng(0)
        found, false, seconds = 0, 0, 0.0
        for seed in range(runs):
            X, y, own, pooled = draw(n, n_features, share, loss, rng)
            start = time.perf_counter()
            search = {"random_state": seed, "method": method}
            found += find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, **search)["harmed"].any()
            seconds += time.perf_counter() - start
            X, y, own, pooled = draw(n, n_features, share, 0.0, rng)
            false += find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, **search)["harmed"].any()
        result |= {f"{method}: found": 100 * found / runs, f"{method}: false": 100 * false / runs}
        result[f"{method}: seconds"] = seconds / runs
    return result


def table(runs: int = RUNS) -> pd.DataFrame:
    """All cases."""
    rows = {case: found_in(*case, runs if case[0] < 20_000 else max(runs // 2, 1)) for case in CASES}
    result = pd.DataFrame(rows).T
    result.index.names = ["people", "features", "share harmed", "loss"]
    return result


def main() -> None:
    print(
        "Harmed people found, findings where nobody is harmed (nominal 5), per cent, and seconds of a search"
    )
    print(table().round(1).to_string())


if __name__ == "__main__":
    main()
