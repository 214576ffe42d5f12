"""`PreferenceFrame` against fairlearn's `MetricFrame` with `rationality_gain`, 10 groups: time and memory.

Time is given as ratios of two programs in one run. MetricFrame's bootstrap draws each replicate in the time of its
points, so that of 100 replicates is extrapolated from 2.
"""

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

from fairlearn_fwh.metrics import PreferenceFrame, rationality_gain

from ._timing import seconds, show, show_short

#: How many times as fast as MetricFrame, at a million rows.
AIMS = {"integer groups": 350, "categorical groups": 300, "groups as strings": 250, "groups as objects": 150}


def compare(n: int, kind: str, groups: Any, y: np.ndarray, own: np.ndarray, pooled: np.ndarray) -> None:
    sample = {"y_true": y, "y_pred": own, "sensitive_features": groups}

    def ours(**more: Any) -> pd.DataFrame:
        return PreferenceFrame(**sample, y_pred_pooled=pooled, **more).by_group

    def theirs(**more: Any) -> None:
        MetricFrame(metrics=rationality_gain, **sample, sample_params={"y_pred_pooled": pooled}, **more)

    points, is_large = seconds(theirs), n >= 1_000_000
    show(f"points, {n:,} rows, {kind}", seconds(ours, 5), points, AIMS[kind] if is_large else None)
    if kind == "integer groups":
        two = seconds(lambda: theirs(n_boot=2, ci_quantiles=[0.5], random_state=0))
        show(
            f"100 replicates, {n:,} rows, {kind} (theirs from 2)",
            seconds(lambda: ours(n_boot=100, random_state=0), 3),
            points + 50 * (two - points),
            20_000 if is_large else None,
        )


def many_classifiers(n: int) -> None:
    """Ten groups and eleven classifiers with 1,000 replicates, against MetricFrame's points of one metric."""
    rng = np.random.default_rng(0)
    y, pooled, groups = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(0, 10, n)
    by_group = np.where(rng.random((n, 10)) < 0.7, y[:, None], rng.integers(0, 2, (n, 10)))
    own = by_group[np.arange(n), groups]
    ours = seconds(
        lambda: (
            PreferenceFrame(
                y_true=y,
                y_pred_pooled=pooled,
                y_pred_by_group=by_group,
                groups=groups,
                n_boot=1000,
                random_state=0,
            ).overall_ci
        )
    )
    theirs = seconds(
        lambda: MetricFrame(
            metrics=rationality_gain,
            y_true=y,
            y_pred=own,
            sensitive_features=groups,
            sample_params={"y_pred_pooled": pooled},
        )
    )
    show(f"10 x 11 classifiers, 1,000 replicates / points, {n:,} rows", ours, theirs, 1)


def memory(what: str, inputs: dict[str, Any]) -> None:
    """Peak memory beside the input, as a multiple of the input."""
    size = sum(np.asarray(column).nbytes for column in inputs.values() if not isinstance(column, str))
    tracemalloc.start()
    PreferenceFrame(**inputs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"{'peak memory, ' + what:<66} {peak / size:5.2f} times the input of {size / 1e6:.0f} MB   aim <= 3"
    )


def measure_memory(n: int) -> None:
    rng = np.random.default_rng(0)
    y, own, pooled = rng.integers(0, 2, (3, n))
    groups = rng.integers(0, 10, n)
    scores = rng.random((2, n))
    memory(
        "labels, 64 bits", {"y_true": y, "y_pred": own, "y_pred_pooled": pooled, "sensitive_features": groups}
    )
    small = [column.astype(np.int8) for column in (y, own, pooled, groups)]
    names = ("y_true", "y_pred", "y_pred_pooled", "sensitive_features")
    memory("labels, 8 bits", dict(zip(names, small, strict=True)))
    brier = {"y_true": y, "y_pred": scores[0], "y_pred_pooled": scores[1], "sensitive_features": groups}
    memory("probabilities, brier loss, weights", brier | {"loss": "brier", "sample_weight": rng.random(n)})


def main(sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)) -> None:
    rng = np.random.default_rng(0)
    names = np.array(list("abcdefghij"))
    for n in sizes:
        predictions = rng.integers(0, 2, (3, n))
        codes = rng.integers(0, 10, n)
        compare(n, "integer groups", codes, *predictions)
        compare(n, "categorical groups", pd.Series(pd.Categorical.from_codes(codes, names)), *predictions)
        compare(n, "groups as strings", pd.Series(names[codes]), *predictions)
        compare(n, "groups as objects", pd.Series(names[codes]).astype(object), *predictions)
    many_classifiers(sizes[-1])
    measure_memory(sizes[-1])


if __name__ == "__main__":
    main()
    show_short()
