"""How many groups `n_groups="auto"` finds: two where there are two rules, one where there is one (aim: 9 of 10 seeds each)."""

import sys
import warnings
from collections import Counter

import numpy as np

from fairlearn_fwh.datasets import make_intersectional
from fairlearn_fwh.inprocessing import DAFHClassifier


def two_rules(seed: int) -> tuple[np.ndarray, np.ndarray]:
    bunch = make_intersectional(random_state=seed)
    return bunch.data.to_numpy(), bunch.target.to_numpy()


def one_rule(seed: int, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5))
    return X, (X[:, 0] - X[:, 1] + rng.logistic(size=n) > 0).astype(int)


def main(n_seeds: int = 10) -> None:
    for name, make, aim in (("make_intersectional", two_rules, 2), ("one logistic rule", one_rule, 1)):
        found = []
        for seed in range(n_seeds):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(DAFHClassifier(n_groups="auto", random_state=seed).fit(*make(seed)).n_groups_)
        counts = ", ".join(f"{k} in {count}" for k, count in sorted(Counter(found).items()))
        print(
            f"{name:<22} groups found: {counts} of {n_seeds} seeds   aim: {aim} in at least 9 of 10",
            flush=True,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
