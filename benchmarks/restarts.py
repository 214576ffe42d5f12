"""How often DAFH's restarts fail where two groups follow opposite rules.

Prints, for each problem, the share of random starts that end far below the best one (q), whether the start at the
pooled classifier does, and the probability that all random starts of a default fit fail together (q to the power of
their number).
"""

import warnings
from unittest import mock

import numpy as np

from fairlearn_fwh.datasets import make_intersectional
from fairlearn_fwh.inprocessing import DAFHClassifier, _dafh

_MARGIN = 0.03


def opposite_rules(n: int, angle: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(seed).standard_normal((n, 2))
    along = X[:, 0] * np.cos(angle) + X[:, 1] * np.sin(angle)
    across = X[:, 1] * np.cos(angle) - X[:, 0] * np.sin(angle)
    return X, (along * across > 0).astype(int)


def gains_of_restarts(X: np.ndarray, y: np.ndarray, n_init: int, seed: int) -> np.ndarray:
    """Validation gain of every restart of one fit."""
    seen: list[np.ndarray] = []
    choose = _dafh.choose_member

    def spy(keys: list[tuple[float, ...]], n_rows: int) -> int:
        seen.append(np.array([gain for _, gain, _ in keys]))
        return choose(keys, n_rows)

    with mock.patch.object(_dafh, "choose_member", spy), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        DAFHClassifier(n_init=n_init, random_state=seed).fit(X, y)
    return seen[0]


def main(n_init: int = 41) -> None:
    random_starts = DAFHClassifier().n_init - 1
    bunch = make_intersectional(random_state=0)
    problems = {"make_intersectional, 20,000 rows": (bunch.data.to_numpy(), bunch.target.to_numpy())}
    for n in (2_000, 4_000, 20_000):
        for angle in np.linspace(0, np.pi / 2, 4, endpoint=False):
            problems[f"opposite rules, {n:,} rows, {np.degrees(angle):.0f} degrees"] = opposite_rules(
                n, angle, n
            )
    for name, (X, y) in problems.items():
        gains = gains_of_restarts(X, y, n_init, seed=0)
        failed = gains < gains.max() - _MARGIN
        q = failed[1:].mean()
        print(
            f"{name:<45} random starts that fail {q:6.1%}   start at pooled {'fails' if failed[0] else 'succeeds'}   "
            f"all {random_starts} random starts fail {q**random_starts:.1e}   aim < 1e-3",
            flush=True,
        )


if __name__ == "__main__":
    main()
