"""Fitted estimators come back from pickle, joblib and skops, with their tables."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io

from fairlearn_fwh.base._plain_state import PlainTable
from fairlearn_fwh.metrics import PreferenceFrame

from .methods import HERE, name_of


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
    """Every method, fitted once when it is asked for."""
    X, y, groups = opposite_groups()
    models = {}

    def give(method):
        if method.name not in models:
            groups_of_fit = {"sensitive_features": groups["side"]} if method.takes_groups else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                models[method.name] = method.load()(**method.quick, random_state=0).fit(X, y, **groups_of_fit)
        return models[method.name]

    return give


@pytest.mark.filterwarnings("ignore::fairlearn_fwh.exceptions.GroupFallbackWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", HERE, ids=name_of)
def test_estimators_and_their_tables_come_back(fitted, method, way):
    X, _, groups = opposite_groups()
    model = fitted(method)
    loaded = WAYS[way](model)
    routed = {"sensitive_features": groups["side"]} if method.routes and method.takes_groups else {}
    assert (loaded.predict(X, **routed) == model.predict(X, **routed)).all()
    tables = {key: value for key, value in vars(model).items() if isinstance(value, pd.DataFrame)}
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
