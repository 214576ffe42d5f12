"""Real rows as they come: images of a lesion, weeks, groups that are half known: ``python -m benchmarks.real_samples docs/images``.

Needs the data sets HAM10000 and Adult; writes the pictures of the guide's page on real samples to the folder.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult, fetch_ham10000
from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.metrics import PreferenceFrame, PreferenceMonitor, bound_group_gains
from fairlearn_fwh.postprocessing import NoHarmSelector


def two_panels() -> tuple[Any, Any]:
    """Make a figure of two axes below each other, with the same scale."""
    return plt.subplots(2, 1, figsize=(8.5, 4.6), layout="constrained", sharex=True)


def lesions() -> tuple[pd.DataFrame, Any]:
    """HAM10000 by sex: a classifier of each sex's own against the pooled one, with images of a lesion taken for one thing and for several."""
    bunch = fetch_ham10000()
    known = bunch.sensitive_features["sex"].notna().to_numpy()
    X = np.asarray(bunch.data)[known].reshape(known.sum(), -1) / 255
    y, sex = np.asarray(bunch.target)[known], bunch.sensitive_features["sex"][known].astype(str).to_numpy()
    lesion = bunch.lesion_id[known].to_numpy()
    fitting, testing = next(GroupShuffleSplit(1, test_size=0.4, random_state=0).split(X, y, lesion))
    model = make_pipeline(StandardScaler(), PCA(40, random_state=0), LogisticRegression(max_iter=2000))
    decoupled = DecoupledClassifier(model).fit(X[fitting], y[fitting], sensitive_features=sex[fitting])
    rows, frames = {}, {}
    for name, units in {"images count": None, "lesions count": lesion[testing]}.items():
        frame = decoupled.preference_frame(
            X[testing], y[testing], sensitive_features=sex[testing], units=units
        )
        power = frame.power(0.02)
        intervals = frame.gain_intervals()
        for label, row in intervals.iterrows():
            rows[name, label] = {**row, "needed at a tolerance of .02": power.loc[label, "n_needed"]}
        frames[name] = frame
    selector = NoHarmSelector(DecoupledClassifier(model), random_state=0)
    selector.fit(X, y, sensitive_features=sex, units=lesion)
    print(selector.verdict_)
    figure, axes = two_panels()
    for ax, (name, frame) in zip(axes, frames.items(), strict=True):
        frame.plot("gain", ax=ax).set_title(name, fontsize=10)
    return pd.DataFrame(rows).T.round(4), figure


def weeks() -> tuple[pd.DataFrame, Any]:
    """Adult cut into 20 weeks: a model with demographic parity takes the place of the one before, and is looked at every week."""
    bunch = fetch_adult()
    sex = bunch.sensitive_features["sex"].astype(str)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    y = (bunch.target == bunch.target.max()).to_numpy().astype(int)
    parts = train_test_split(X, y, sex.to_numpy(), train_size=12_000, random_state=0)
    X_fit, X_test, y_fit, y_test, sex_fit, sex_test = parts
    old = LogisticRegression(max_iter=2000).fit(X_fit, y_fit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new = ExponentiatedGradient(LogisticRegression(max_iter=2000), DemographicParity(), max_iter=20)
        new.fit(X_fit, y_fit, sensitive_features=sex_fit)
        table = pd.DataFrame(
            {
                "y": y_test,
                "new": new.predict(X_test, random_state=0),
                "old": old.predict(X_test),
                "sex": sex_test,
            }
        )
    columns = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "sex"}
    rows, anytime = {}, None
    for design, settings in {"anytime": {}, "group_sequential": {"n_looks": 20}}.items():
        monitor = PreferenceMonitor(tolerance=0.02, design=design, **settings)
        for week in range(20):
            monitor.update_from_frame(table.iloc[week * 400 : (week + 1) * 400], **columns)
        print(design, monitor.verdict)
        found = monitor.violations().set_index("group")["since"]
        for group, row in monitor.certify().set_index("group").iterrows():
            rows[design, group] = {**row.drop("against"), "harm found in week": found.get(group, np.nan)}
        anytime = anytime or monitor
    assert anytime is not None
    return pd.DataFrame(rows).T, np.ravel(anytime.plot())[0].figure


def half_known() -> tuple[pd.DataFrame, Any]:
    """Adult, sex known by probabilities from other columns, with and without the one that nearly tells it; the same models as by week."""
    bunch = fetch_adult()
    sex = bunch.sensitive_features["sex"].astype(str).to_numpy()
    y = (bunch.target == bunch.target.max()).to_numpy().astype(int)
    order = np.random.default_rng(0).permutation(len(y))
    fitting, guessing, testing = order[:12_000], order[12_000:20_000], order[20_000:]
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    old = LogisticRegression(max_iter=2000).fit(X[fitting], y[fitting])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new = ExponentiatedGradient(LogisticRegression(max_iter=2000), DemographicParity(), max_iter=20)
        new.fit(X[fitting], y[fitting], sensitive_features=sex[fitting])
        data = {
            "y_true": y[testing],
            "y_pred": new.predict(X[testing], random_state=0),
            "y_pred_pooled": old.predict(X[testing]),
        }
    rows = {}
    figure, axes = two_panels()
    known = PreferenceFrame(**data, sensitive_features=sex[testing])
    for group, row in known.by_group.iterrows():
        rows["sex is known", group] = {"lowest": row["rationality_gain"], "highest": row["rationality_gain"]}
    telling = ("relationship", "marital-status")
    given = {
        "sex guessed by all columns": list(bunch.data.columns),
        "without relationship and marital status": [c for c in bunch.data.columns if c not in telling],
    }
    for ax, (name, columns) in zip(axes, given.items(), strict=True):
        features = default_preprocessor(bunch.data[columns]).fit_transform(bunch.data[columns])
        guess = CalibratedClassifierCV(
            HistGradientBoostingClassifier(random_state=0), method="isotonic", cv=5
        )
        guess.fit(features[guessing], sex[guessing])
        q = pd.DataFrame(guess.predict_proba(features[testing]), columns=guess.classes_)
        found = bound_group_gains(**data, group_probabilities=q, tolerance=0.05)
        likelier = guess.classes_[q.to_numpy().argmax(axis=1)]
        guessed = PreferenceFrame(**data, sensitive_features=likelier).by_group["rationality_gain"]
        for group, row in found.table.iterrows():
            rows[name, group] = {**row, "gain of the likelier sex": guessed[group]}
        print(name, found.verdict)
        found.plot(ax=ax).set_title(name, fontsize=10)
    return pd.DataFrame(rows).T, figure


def main() -> None:
    """Print every table and write every picture."""
    plt.switch_backend("Agg")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for function in (lesions, weeks, half_known):
        table, figure = function()
        print(f"\n{function.__doc__}\n{table.to_string()}", flush=True)
        if folder is not None:
            figure.savefig(folder / f"samples-{function.__name__.replace('_', '-')}.png", dpi=110)


if __name__ == "__main__":
    main()
