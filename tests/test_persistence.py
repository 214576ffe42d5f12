"""Fitted estimators come back from pickle, joblib and skops, with their tables."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io

from fairlearn_fwh.base._plain_state import PlainTable
from fairlearn_fwh.decoupling import PreferenceTreeClassifier, PreferredTreatmentClassifier
from fairlearn_fwh.inprocessing import SelectiveExpertsClassifier
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector


def opposite_groups(n=900):
    rng = np.random.default_rng(0)
    X, side = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    groups = pd.DataFrame({"side": np.array(["left", "right"])[side], "site": rng.integers(0, 2, n)})
    return X, (X[:, 0] * (2 * side - 1) > 0).astype(int), groups


def through_skops(model):
    content = skops.io.dumps(model)
    return skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": through_joblib,
    "skops": through_skops,
}


@pytest.fixture(scope="module")
def fitted():
    X, y, groups = opposite_groups()
    models = [
        NoHarmSelector(random_state=0),
        PreferenceTreeClassifier(random_state=0),
        PreferredTreatmentClassifier(random_state=0),
        SelectiveExpertsClassifier(max_epochs=2, random_state=0),
    ]
    side = [PreferredTreatmentClassifier]  # takes single features
    return {
        type(model).__name__: model.fit(
            X, y, sensitive_features=groups["side"] if type(model) in side else groups
        )
        for model in models
    }


@pytest.mark.filterwarnings("ignore::fairlearn_fwh.exceptions.GroupFallbackWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name",
    [
        "NoHarmSelector",
        "PreferenceTreeClassifier",
        "PreferredTreatmentClassifier",
        "SelectiveExpertsClassifier",
    ],
)
def test_estimators_and_their_tables_come_back(request, name, way):
    X, _, groups = opposite_groups()
    model = request.getfixturevalue("fitted")[name]
    loaded = WAYS[way](model)
    features = groups["side"] if name == "PreferredTreatmentClassifier" else groups
    assert (
        loaded.predict(X, sensitive_features=features) == model.predict(X, sensitive_features=features)
    ).all()
    tables = {key: value for key, value in vars(model).items() if isinstance(value, pd.DataFrame)}
    assert tables
    for key, table in tables.items():
        pd.testing.assert_frame_equal(getattr(loaded, key), table)
    if hasattr(model, "preference_frame_"):
        pd.testing.assert_frame_equal(loaded.preference_frame_.by_group, model.preference_frame_.by_group)


@pytest.mark.parametrize("way", WAYS)
def test_preference_frames_come_back_with_all_their_tables(way):
    X, y, groups = opposite_groups()
    rng = np.random.default_rng(1)
    frame = PreferenceFrame(
        y_true=y,
        y_pred_pooled=rng.integers(0, 2, len(y)),
        y_pred_by_group=pd.DataFrame({"left": y, "right": 1 - y}),
        groups=groups["side"],
        sensitive_features=groups,
        n_boot=20,
        ci_quantiles=(0.1, 0.9),
        random_state=0,
    )
    loaded = WAYS[way](frame)
    for table in ("by_group", "envy_matrix", "risk_matrix"):
        pd.testing.assert_frame_equal(getattr(loaded, table), getattr(frame, table))
    pd.testing.assert_series_equal(loaded.overall, frame.overall)
    pd.testing.assert_frame_equal(loaded.certify(tolerance=0.0), frame.certify(tolerance=0.0))
    assert loaded.ci_quantiles == frame.ci_quantiles


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"n": [1, 2], "text": ["a", None], "share": [0.5, np.nan], "yes": [True, False]}),
        pd.DataFrame({("a", 1): [1.0]}, index=pd.Index([("x", "y")], tupleize_cols=False, name="group")),
        pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["a", "b"])),
        pd.DataFrame({"label": pd.Series([("a", 1), 3], dtype=object)}),
    ],
)
def test_plain_tables_keep_types_and_labels(frame):
    frame.columns = pd.Index(frame.columns.tolist(), tupleize_cols=False)
    pd.testing.assert_frame_equal(PlainTable.of(frame).frame(), frame)
