"""Regressors chosen with a guarantee: own ones where they gain, none that harms, in units of the loss."""

import pickle

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import mean_pinball_loss, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.datasets import fetch_adult
from fairlearn_fwh.decoupling import DecoupledClassifier, DecoupledRegressor
from fairlearn_fwh.metrics import PinballLoss, PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector


def opposite_rules(n=1500, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    X, s = rng.standard_normal((n, 2)), rng.choice(["a", "b"], n)
    return X, np.where(s == "a", X[:, 0], -X[:, 0]) + noise * rng.standard_normal(n), s


# --- own regressors ---------------------------------------------------------------------------------------------------


def test_each_group_has_the_regressor_that_is_fitted_on_it_alone():
    X, y, s = opposite_rules()
    model = DecoupledRegressor().fit(X, y, sensitive_features=s)
    for label in "ab":
        alone = LinearRegression().fit(X[s == label], y[s == label])
        np.testing.assert_allclose(
            model.predict(X, sensitive_features=s)[s == label], alone.predict(X[s == label])
        )
    assert model.score(X, y, sensitive_features=s) == pytest.approx(
        r2_score(y, model.predict(X, sensitive_features=s))
    )
    assert (is_regressor(model), is_classifier(model)) == (True, False)
    assert not hasattr(model, "classes_")
    assert not hasattr(model, "predict_proba")
    with pytest.raises(ValueError, match="'predict_proba' needs two classes"):
        model.predict_by_group(X, response_method="predict_proba")


def test_the_frame_has_the_points_of_metric_frame():
    X, y, s = opposite_rules()
    model = DecoupledRegressor().fit(X, y, sensitive_features=s)
    frame = model.preference_frame(X, y, sensitive_features=s)
    own, pooled = (
        MetricFrame(metrics=mean_squared_error, y_true=y, y_pred=p, sensitive_features=s).by_group
        for p in (model.predict(X, sensitive_features=s), model.pooled_estimator_.predict(X))
    )
    np.testing.assert_allclose(frame.by_group["risk"], own)
    np.testing.assert_allclose(frame.by_group["rationality_gain"], pooled - own)
    assert not frame.can_be_tested
    assert model.preference_frame(X, y, sensitive_features=s, loss_limit=50.0).can_be_tested


def test_small_cells_back_off_to_the_attribute_that_predicts_better(rng):
    n = 600
    X, a, b = rng.standard_normal((n, 1)), rng.integers(0, 2, n), rng.integers(0, 2, n)
    a[:10], b[:10] = 5, np.arange(10) % 2
    y = np.where(a == 1, 1.0, -1.0) * X[:, 0] + 0.1 * rng.standard_normal(n)
    model = DecoupledRegressor(min_group_size=20)
    with pytest.warns(UserWarning, match="have no classifier of their own|have no"):
        model.fit(X, y, sensitive_features={"a": a, "b": b})
    assert "regressor" in model.fallback_groups_[5, 0]


def test_labels_are_refused():
    X, y, s = opposite_rules(100)
    with pytest.raises(ValueError, match="predicts amounts: y must be numbers; it has labels such as 'low'"):
        DecoupledRegressor().fit(X, np.where(y > 0, "high", "low")[np.argsort(y)], sensitive_features=s)
    broken = DummyRegressor(strategy="constant", constant=0.0)
    broken.predict = lambda X: np.full(len(X), np.nan)
    selector = NoHarmSelector((broken, broken), prefit=True, guarantee="empirical")
    with pytest.raises(ValueError, match="must predict finite numbers"):
        selector.fit(X, y, sensitive_features=s)


# --- chosen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guarantee", ["certified", "release", "shrunk"])
@pytest.mark.parametrize("scoring", ["squared", "absolute", "pinball", PinballLoss(0.7)])
def test_own_regressors_are_kept_where_they_gain(guarantee, scoring):
    X, y, s = opposite_rules()
    model = NoHarmSelector(
        DecoupledRegressor(), guarantee=guarantee, scoring=scoring, loss_limit=20.0, random_state=0
    ).fit(X, y, sensitive_features=s)
    assert model.selection_table_["choice"].tolist() == ["own", "own"]
    assert (model.selection_table_["gain"] > 0).all()
    assert "regressor" in model.verdict_
    assert "classifier" not in model.verdict_
    assert is_regressor(model)
    assert clone(model).loss_limit == 20.0
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict(X, sensitive_features=s),
        model.predict(X, sensitive_features=s),
    )


def test_a_list_a_pair_and_columns_are_chosen_from_like_classifiers():
    X, y, s = opposite_rules()
    boosting = make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=20, random_state=0))
    listed = NoHarmSelector(
        [("pooled", LinearRegression()), ("boosting", boosting), ("own", DecoupledRegressor())],
        loss_limit=20.0,
        random_state=0,
    ).fit(X, y, sensitive_features=s)
    assert set(listed.group_estimators_) == {"a", "b"}
    assert listed.selection_table_.groupby("group")["choice"].first().tolist() == ["own", "own"]
    pair = NoHarmSelector((LinearRegression(), {"a": LinearRegression()}), loss_limit=20.0, random_state=0)
    assert pair.fit(X, y, sensitive_features=s).selection_table_["choice"].tolist() == ["own", "pooled"]
    columns = NoHarmSelector.from_predictions(
        y,
        {"old": np.zeros(len(y)), "new": np.where(s == "a", X[:, 0], 0.0)},
        sensitive_features=s,
        scoring="absolute",
        loss_limit=10.0,
    )
    assert columns.selection_table_["choice"].tolist() == ["new", "pooled"]


def test_what_only_harms_is_not_kept():
    X, y, s = opposite_rules()
    model = NoHarmSelector(
        (LinearRegression(), DummyRegressor(strategy="constant", constant=9.0)),
        loss_limit=200.0,
        random_state=0,
    )
    assert model.fit(X, y, sensitive_features=s).selection_table_["choice"].tolist() == ["pooled", "pooled"]


def test_a_metric_needs_no_limit_and_has_no_guarantee():
    X, y, s = opposite_rules()
    model = NoHarmSelector(DecoupledRegressor(), scoring=r2_score, guarantee="empirical", random_state=0)
    assert model.fit(X, y, sensitive_features=s).selection_table_["choice"].tolist() == ["own", "own"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {},
            ValueError,
            "needs a loss that has a largest value, and scoring='squared' has none.* Give loss_limit",
        ),
        (
            {"scoring": "accuracy"},
            ValueError,
            r"scoring must be one of \['squared', 'absolute', 'pinball'\] \(of regressors\)",
        ),
        (
            {"scoring": r2_score},
            ValueError,
            "needs a score that has a test: 'squared' or 'absolute', .* with loss_limit",
        ),
        (
            {"scoring": r2_score, "guarantee": "empirical", "loss_limit": 3.0},
            ValueError,
            "loss_limit cuts off losses",
        ),
        (
            {"estimator": (LinearRegression(), LogisticRegression())},
            TypeError,
            "classifiers beside regressors",
        ),
        ({"estimator": DecoupledClassifier(), "scoring": "squared"}, ValueError, r"\(of classifiers\)"),
    ],
)
def test_bad_settings_are_refused(settings, error, message):
    X, y, s = opposite_rules(200)
    target = (y > 0).astype(int) if isinstance(settings.get("estimator"), DecoupledClassifier) else y
    with pytest.raises(error, match=message):
        NoHarmSelector(**({"estimator": DecoupledRegressor()} | settings)).fit(
            X, target, sensitive_features=s
        )


def test_a_loss_that_is_above_its_own_limit_is_refused_with_the_number_of_rows():
    def capped(y, p):
        return np.abs(y - p)

    capped.lower, capped.upper = 0.0, 1.0
    X, y, s = opposite_rules(200)
    with pytest.raises(ValueError, match=r"loss 'capped' is outside its limits, 0 to 1, for \d+ row\(s\)"):
        NoHarmSelector(DecoupledRegressor(), scoring=capped).fit(X, y, sensitive_features=s)


# --- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_the_pinball_loss_is_that_of_scikit_learn(rng, quantile):
    y, p, q = rng.standard_normal((3, 200))
    frame = PreferenceFrame(y_true=y, y_pred=p, y_pred_pooled=q, loss=PinballLoss(quantile))
    assert frame.overall["risk"] == pytest.approx(mean_pinball_loss(y, p, alpha=quantile))
    table = pd.DataFrame({"y": y, "p": p, "q": q})
    polars = pytest.importorskip("polars")
    lazy = PreferenceFrame.from_frame(
        polars.LazyFrame(table.to_dict("list")),
        y_true="y",
        y_pred="p",
        y_pred_pooled="q",
        loss=PinballLoss(quantile),
    )
    assert lazy.overall["rationality_gain"] == pytest.approx(frame.overall["rationality_gain"])


@pytest.mark.parametrize("quantile", [0, 1, 1.5, "half", True])
def test_a_quantile_is_between_0_and_1(quantile):
    with pytest.raises(ValueError, match="quantile must be between 0 and 1"):
        PinballLoss(quantile)


# --- real rows --------------------------------------------------------------------------------------------------------


def harmed_splits(X, y, groups, limit, n_splits, candidate):
    """In how many splits a group is significantly harmed on people who took no part."""
    harmed = 0
    for seed in range(n_splits):
        X_fit, X_test, y_fit, y_test, s_fit, s_test = train_test_split(
            X, y, groups, test_size=1 / 3, random_state=seed
        )
        model = NoHarmSelector(
            candidate, scoring="absolute", loss_limit=limit, cross_fit=3, random_state=seed
        )
        model.fit(X_fit, y_fit, sensitive_features=s_fit)
        frame = PreferenceFrame(
            y_true=y_test,
            y_pred=model.predict(X_test, sensitive_features=s_test),
            y_pred_pooled=model.pooled_estimator_.predict(X_test),
            sensitive_features=s_test,
            loss="absolute",
            loss_limit=limit,
        )
        harmed += len(frame.violations(alpha=0.05)) > 0
    return harmed


def test_nobody_is_harmed_on_diabetes():
    bunch = load_diabetes(as_frame=True)
    sex = np.where(bunch.data["sex"] > 0, "2", "1")
    X = bunch.data.drop(columns="sex")
    assert harmed_splits(X, bunch.target, sex, 200.0, 6, DecoupledRegressor(Ridge(0.01))) <= 1


def test_nobody_is_harmed_in_hours_of_adult(real_data):
    bunch = fetch_adult(data_home=real_data, download_if_missing=False)
    rows = np.random.default_rng(0).choice(len(bunch.data), 8000, replace=False)
    numbers = bunch.data.select_dtypes("number").iloc[rows]
    X, hours = numbers.drop(columns="hours-per-week"), numbers["hours-per-week"].to_numpy(float)
    sex = bunch.sensitive_features["sex"].iloc[rows].to_numpy()
    assert harmed_splits(X, hours, sex, 50.0, 4, DecoupledRegressor()) <= 1
