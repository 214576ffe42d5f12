"""`PreferenceFrame` against fairlearn's `MetricFrame` with `rationality_gain`, 10 groups."""

from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

from fairlearn_fwh.metrics import PreferenceFrame, rationality_gain

from ._timing import seconds, show


def compare(n: int, kind: str, groups: Any, y: np.ndarray, own: np.ndarray, pooled: np.ndarray) -> None:
    def ours() -> None:
        PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=pooled, sensitive_features=groups)

    def theirs() -> None:
        parameters = {"y_pred_pooled": pooled}
        MetricFrame(
            metrics=rationality_gain,
            y_true=y,
            y_pred=own,
            sensitive_features=groups,
            sample_params=parameters,
        )

    show(
        f"PreferenceFrame / MetricFrame, {n:,} rows, {kind}",
        seconds(ours, 5),
        seconds(theirs),
        ">= 50 at 1,000,000",
    )


def main(sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> None:
    rng = np.random.default_rng(0)
    names = np.array(list("abcdefghij"))
    for n in sizes:
        predictions = rng.integers(0, 2, (3, n))
        codes = rng.integers(0, 10, n)
        compare(n, "integer groups", codes, *predictions)
        compare(n, "categorical groups", pd.Series(pd.Categorical.from_codes(codes, names)), *predictions)
        compare(n, "groups as strings", pd.Series(names[codes]), *predictions)


if __name__ == "__main__":
    main()
