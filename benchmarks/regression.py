"""Regressors chosen with a guarantee on real rows: how often a group is significantly harmed on people who took no part, and what the choice gains.

``python -m benchmarks.regression 20`` takes 20 random splits of each case: scikit-learn's diabetes as numbers, by sex, and hours worked a week in Adult, by
sex and by race and sex. Adult is read from ``FAIRLEARN_FWH_DATA`` and left out where it is not. A third of the rows takes no part in fitting and choosing.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from fairlearn_fwh.datasets import fetch_adult
from fairlearn_fwh.decoupling import DecoupledRegressor
from fairlearn_fwh.exceptions import DatasetNotFoundError, GroupFallbackWarning
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector

#: Largest loss that counts, by loss, of progression (25 to 346) and of hours (1 to 99).
LIMITS = {
    "progression": {"squared": 40_000.0, "absolute": 200.0},
    "hours": {"squared": 2_500.0, "absolute": 50.0},
}

Case = tuple[str, dict[str, float], pd.DataFrame, np.ndarray, pd.DataFrame]


def cases() -> Iterator[Case]:
    """Give name, limits of losses, features, amounts and groups of each case."""
    bunch = load_diabetes(as_frame=True)
    sex = pd.DataFrame({"sex": np.where(bunch.data["sex"] > 0, "2", "1")})
    features = bunch.data.drop(columns="sex")
    yield "diabetes by sex", LIMITS["progression"], features, bunch.target.to_numpy(float), sex
    try:
        adult = fetch_adult(download_if_missing=False)
    except DatasetNotFoundError:
        print("Adult is not here: set FAIRLEARN_FWH_DATA to the folder that has it.")
        return
    hours = adult.data["hours-per-week"].to_numpy(float)
    features = pd.get_dummies(adult.data.drop(columns="hours-per-week"), dtype=float)
    for names in (["sex"], ["race", "sex"]):
        yield (
            f"hours in Adult by {' and '.join(names)}",
            LIMITS["hours"],
            features,
            hours,
            adult.sensitive_features[names],
        )


def candidates() -> dict[str, object]:
    """What is chosen from, by name."""
    return {
        "own linear regressors": DecoupledRegressor(LinearRegression()),
        "boosting for everybody": [
            ("pooled", LinearRegression()),
            ("boosting", HistGradientBoostingRegressor(max_iter=50, random_state=0)),
        ],
    }


def one_split(case: Case, candidate: object, loss: str, guarantee: str, seed: int) -> tuple[bool, int, float]:
    """Whether a group is significantly harmed, how many groups keep another regressor, and the gain of everybody."""
    _, limits, X, y, groups = case
    X_fit, X_test, y_fit, y_test, s_fit, s_test = train_test_split(
        X, y, groups, test_size=1 / 3, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = NoHarmSelector(
            candidate,
            guarantee=guarantee,
            scoring=loss,
            loss_limit=limits[loss],
            cross_fit=3,
            random_state=seed,
        ).fit(X_fit, y_fit, sensitive_features=s_fit)
        frame = PreferenceFrame(
            y_true=y_test,
            y_pred=model.predict(X_test, sensitive_features=s_test),
            y_pred_pooled=model.pooled_estimator_.predict(X_test),
            sensitive_features=s_test,
            loss=loss,
            loss_limit=limits[loss],
        )
    kept = int((model.selection_table_["choice"] != "pooled").sum())
    return len(frame.violations(alpha=0.05)) > 0, kept, float(frame.overall["rationality_gain"])


def main(n_splits: int = 5) -> None:
    for case in cases():
        n_groups = len(case[4].drop_duplicates())
        for name, candidate in candidates().items():
            for loss in ("squared", "absolute"):
                for guarantee in ("certified", "shrunk", "release"):
                    found = [one_split(case, candidate, loss, guarantee, seed) for seed in range(n_splits)]
                    harmed, kept, gain = (
                        np.array(values, dtype=float) for values in zip(*found, strict=True)
                    )
                    print(
                        f"{case[0]} ({len(case[3]):,} people), {name}, {loss} loss, {guarantee}: a group harmed in {harmed.sum():.0f} of {n_splits} splits, "
                        f"{kept.mean():.1f} of {n_groups} groups keep another regressor, gain {gain.mean():+.4g}",
                        flush=True,
                    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
