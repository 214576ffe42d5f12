"""Preference trees on Arrest and Violent: violations on test rows, and whether the structure depends on the seed.

Needs the data (FAIRLEARN_FWH_DATA or ../shared/data). Run: python -m benchmarks.preference_tree
"""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest, fetch_violent
from fairlearn_fwh.decoupling import PreferenceTreeClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning

SPLITS, PRUNING_SAMPLES = 5, 10


def main() -> None:
    warnings.simplefilter("ignore", GroupFallbackWarning)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    data_home = os.environ.get("FAIRLEARN_FWH_DATA", shared)
    print(f"{SPLITS} random splits (seeds 0 to {SPLITS - 1}), {PRUNING_SAMPLES} values of random_state each")
    for fetch in (fetch_arrest, fetch_violent):
        bunch = fetch(data_home=data_home)
        for fallback in ("certified", None):
            report(bunch, fallback, fetch.__name__.removeprefix("fetch_"))
    time_fifty_groups()


def report(bunch: object, fallback: str | None, name: str) -> None:
    """Print violations, gains and how often the most frequent structure of each split is found."""
    violated, unsplit, gains, shares = 0, 0, [], []
    for seed in range(SPLITS):
        train, test = train_test_split(np.arange(len(bunch.target)), test_size=0.25, random_state=seed)
        preprocessor = default_preprocessor(bunch.data).fit(bunch.data.iloc[train])
        X, X_test = (preprocessor.transform(bunch.data.iloc[rows]) for rows in (train, test))
        s, s_test = (bunch.sensitive_features.iloc[rows] for rows in (train, test))
        structures: Counter[tuple[str, ...]] = Counter()
        for random_state in range(PRUNING_SAMPLES):
            tree = PreferenceTreeClassifier(fallback=fallback, random_state=random_state)
            tree.fit(X, bunch.target.iloc[train], sensitive_features=s)
            frame = tree.preference_frame(X_test, bunch.target.iloc[test], sensitive_features=s_test)
            violated += len(frame.violations(alpha=0.05)) > 0
            unsplit += tree.groups_ == ["everybody"]
            gains.append(frame.overall["rationality_gain"])
            structures[tuple(sorted(tree.groups_))] += 1
        shares.append(max(structures.values()) / PRUNING_SAMPLES)
    print(
        f"{name}, fallback={fallback!r}: {violated} of {SPLITS * PRUNING_SAMPLES} trees with a significant violation on test "
        f"rows, {unsplit} without a split, mean gain {100 * np.mean(gains):+.2f} points, share of the most frequent "
        f"structure by split {shares}"
    )


def time_fifty_groups() -> None:
    """Print the time of a fit with 6 attributes and 50 atomic groups."""
    rng = np.random.default_rng(0)
    attributes = pd.DataFrame({f"a{i}": rng.integers(0, 2, 40000) for i in range(6)})
    attributes = attributes.merge(attributes.drop_duplicates().sample(50, random_state=0))
    X = rng.standard_normal((len(attributes), 10))
    signs = np.where(attributes[["a0", "a1"]] == 1, 1, -1)
    y = ((X[:, :2] * signs).sum(axis=1) + rng.standard_normal(len(X)) > 0).astype(int)
    start = time.perf_counter()
    tree = PreferenceTreeClassifier(random_state=0).fit(X, y, sensitive_features=attributes)
    print(
        f"6 attributes, 50 atomic groups, {len(X):,} rows: {time.perf_counter() - start:.1f} s, {tree.n_subtrees_:,} subtrees, "
        f"{len(tree.groups_)} leaves"
    )


if __name__ == "__main__":
    main()
