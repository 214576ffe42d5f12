"""The twins for aif360.sklearn: groups in the pandas index."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from aif360.sklearn.metrics import disparate_impact_ratio, statistical_parity_difference
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fairlearn_fwh.aif360.sklearn as twins
from fairlearn_fwh.aif360.sklearn import (
    DAFH,
    Decoupled,
    NoHarmReduction,
)
from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning

from .conftest import people


def table(seed=0):
    """Features, and labels, under an index with the levels sex and old."""
    frame = people(seed=seed)
    index = pd.MultiIndex.from_frame(frame[["sex", "old"]])
    return frame[["a", "b"]].set_axis(index, axis=0), pd.Series(frame["label"].to_numpy(), index=index)


@pytest.fixture
def data():
    X, y = table()
    return train_test_split(X, y, random_state=0)


def test_twins_are_classifiers_with_the_same_names_as_the_algorithms():
    import fairlearn_fwh.aif360 as algorithms

    for name in twins.__all__:
        assert is_classifier(getattr(twins, name)())
        assert name in algorithms.__all__


def test_groups_are_levels_of_the_index_or_arrays(data):
    X, _, y, _ = data
    sex, old = (X.index.get_level_values(name).to_numpy() for name in ("sex", "old"))
    by_level = Decoupled("sex").fit(X, y)
    assert by_level.estimator_.groups_ == [0, 1]
    by_array = Decoupled(sex).fit(X, y)
    mixed = Decoupled(["sex", old]).fit(X, y)
    by_all = Decoupled().fit(X, y)
    assert (by_array.predict(X) == by_level.predict(X)).all()
    assert (mixed.predict(X) == by_all.predict(X)).all()
    assert by_all.estimator_.groups_ == [(0, 0), (0, 1), (1, 0), (1, 1)]
    arrays = Decoupled(sex).fit(X.to_numpy(), y.to_numpy()).predict(X.to_numpy())
    assert isinstance(arrays, np.ndarray)
    assert (arrays == by_level.predict(X).to_numpy()).all()


def test_predictions_keep_the_index_that_metrics_of_aif360_need(data):
    X, X_test, y, y_test = data
    predicted = Decoupled("sex").fit(X, y).predict(X_test)
    assert predicted.index.equals(X_test.index)
    rates = predicted.groupby(level="sex").mean()
    assert statistical_parity_difference(predicted, prot_attr="sex") == pytest.approx(rates[0] - rates[1])
    assert disparate_impact_ratio(y_test, predicted, prot_attr="sex") == pytest.approx(rates[0] / rates[1])


def test_features_named_like_the_index_are_left_out_unless_kept(data):
    X, _, y, _ = data
    X = X.assign(sex=X.index.get_level_values("sex"))
    assert list(Decoupled("old").fit(X, y).estimator_.feature_names_in_) == ["a", "b"]
    assert list(Decoupled("old", keep_protected=True).fit(X, y).estimator_.feature_names_in_) == [
        "a",
        "b",
        "sex",
    ]
    with pytest.raises(ValueError, match="no features but its protected attributes"):
        Decoupled("old").fit(X[["sex"]], y)


def test_pos_label_makes_the_smaller_label_the_favorable_one(data):
    X, X_test, y, y_test = data
    words, words_test = y.map({1: "bad", 0: "good"}), y_test.map({1: "bad", 0: "good"})
    model = Decoupled("sex", pos_label="bad", random_state=0).fit(X, words)
    plain = Decoupled("sex", random_state=0).fit(X, y)
    assert list(model.classes_) == ["bad", "good"]
    assert (model.predict(X_test) == plain.predict(X_test).map({1: "bad", 0: "good"})).all()
    assert (model.predict_proba(X_test) == plain.predict_proba(X_test)[:, ::-1]).all()
    assert model.score(X_test, words_test) == plain.score(X_test, y_test)
    frames = model.preference_frame(X_test, words_test), plain.preference_frame(X_test, y_test)
    pd.testing.assert_frame_equal(frames[0].by_group, frames[1].by_group)
    with pytest.raises(
        ValueError, match=r"pos_label='yes' must be one of two labels; y has \['bad', 'good'\]"
    ):
        clone(model).set_params(pos_label="yes").fit(X, words)


def test_costs_are_in_the_order_of_the_classes(data):
    X, _, y, _ = data
    words = y.map({1: "bad", 0: "good"})
    costs = [[0, 1], [20, 0]]  # calling a good one bad costs 20
    settings = {"cost_matrix": costs, "n_init": 1, "max_epochs": 3, "fallback": None, "random_state": 0}
    for pos_label in (None, "bad", "good"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predicted = DAFH(pos_label=pos_label, **settings).fit(X, words).predict(X)
        assert (predicted == "good").mean() > 0.9


def test_labels_of_another_kind_are_refused_after_the_fit_too(data):
    X, _, y, _ = data
    model = Decoupled("sex", pos_label="bad").fit(X, y.map({1: "bad", 0: "good"}))
    with pytest.raises(
        ValueError, match=r"y must be favorable \['bad'\] or unfavorable \['good'\]; got \[0.0, 1.0\]"
    ):
        model.preference_frame(X, y)
    model.set_params(pos_label="good")
    assert set(model.predict(X)) == {"bad", "good"}
    assert model.score(X, y.map({1: "bad", 0: "good"})) > 0.9


def test_a_failed_fit_keeps_the_last_one(data):
    X, X_test, y, _ = data
    model = Decoupled("sex").fit(X, y)
    expected = model.predict(X_test)
    with pytest.raises(ValueError, match="same"):
        model.fit(X.rename(columns={"a": "c"}), y[:10])
    assert (model.predict(X_test) == expected).all()


def test_names_of_levels_may_come_in_any_sequence(data):
    X, _, y, _ = data
    expected = Decoupled(["sex", "old"]).fit(X, y).estimator_.groups_
    for names in (("sex", "old"), np.array(["sex", "old"]), pd.Index(["sex", "old"])):
        assert Decoupled(names).fit(X, y).estimator_.groups_ == expected


def test_grid_search_chooses_with_groups(data):
    X, X_test, y, y_test = data
    search = GridSearchCV(Decoupled("sex", LogisticRegression()), {"estimator__C": [1e-4, 1.0]}, cv=3).fit(
        X, y
    )
    assert search.best_params_ == {"estimator__C": 1.0}
    assert search.score(X_test, y_test) > 0.9
    scored = GridSearchCV(Decoupled("sex"), {"min_group_size": [50]}, cv=3, scoring="roc_auc").fit(X, y)
    assert scored.best_score_ > 0.95
    assert roc_auc_score(y_test, scored.predict_proba(X_test)[:, 1]) > 0.95


def test_pipelines_work_where_steps_keep_the_frame(data):
    X, X_test, y, y_test = data
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), Decoupled("sex"))
    assert pipeline.fit(X, y).score(X_test, y_test) > 0.9
    with pytest.raises(ValueError, match="set_output"):
        make_pipeline(StandardScaler(), Decoupled("sex")).fit(X, y)


def test_pickle_and_clone(data):
    X, X_test, y, _ = data
    model = Decoupled("sex").fit(X, y)
    assert (pickle.loads(pickle.dumps(model)).predict(X_test) == model.predict(X_test)).all()
    assert clone(model).get_params() == model.get_params()


def test_preference_frame_and_groups(data):
    X, X_test, y, y_test = data
    model = Decoupled("sex", random_state=0).fit(X, y)
    plain = DecoupledClassifier(random_state=0).fit(
        X, y, sensitive_features=X.index.to_frame()["sex"].to_numpy()
    )
    sex = X_test.index.get_level_values("sex").to_numpy()
    assert (model.predict_group(X_test).to_numpy() == sex).all()
    expected = plain.preference_frame(X_test, y_test, sensitive_features=sex).by_group
    found = model.preference_frame(X_test, y_test).by_group
    assert (found.to_numpy() == expected.to_numpy()).all()
    weights = np.r_[np.zeros(100), np.ones(len(y_test) - 100)]
    assert (
        model.preference_frame(X_test, y_test, sample_weight=weights).by_group["n"].sum() == len(y_test) - 100
    )


def test_without_named_levels_there_are_no_groups_and_a_warning(data):
    X, _, y, _ = data
    with pytest.warns(GroupFallbackWarning, match="the index of X has no named levels"):
        model = Decoupled().fit(X.reset_index(drop=True), y)
    with pytest.warns(GroupFallbackWarning):
        NoHarmReduction(tolerance=0.1).fit(X.to_numpy(), y)
    assert len(model.estimator_.groups_) <= 1


def test_bad_input(data):
    X, X_test, y, _ = data
    with pytest.raises(
        ValueError,
        match=r"prot_attr='race' is not a level of the index of X; its named levels are \['sex', 'old'\]",
    ):
        Decoupled("race").fit(X, y)
    with pytest.raises(ValueError, match=r"an array of shape \(3,\), but X has 900 rows"):
        Decoupled(np.zeros(3)).fit(X, y)
    with pytest.raises(ValueError, match="to predict for other people name levels"):
        Decoupled(X.index.get_level_values("sex").to_numpy()).fit(X, y).predict(X_test)
    sex, old = (pd.Series(X.index.get_level_values(name)).rename("group") for name in ("sex", "old"))
    with pytest.raises(ValueError, match="prot_attr has two attributes named 'group'"):
        Decoupled([sex, old]).fit(X, y)
    with pytest.raises(ValueError, match=r"an array of shape \(900, 2\)"):
        Decoupled(np.zeros((900, 2))).fit(X, y)
    with pytest.raises(ValueError, match=r"must have different names; got \['sex', 'sex'\]"):
        Decoupled().fit(X.set_axis(X.index.set_names(["sex", "sex"]), axis=0), y)
    index = pd.MultiIndex.from_frame(X.index.to_frame().assign(sex=np.nan))
    with pytest.raises(ValueError, match="sex"):
        Decoupled("sex").fit(X.set_axis(index, axis=0), y)
    with pytest.raises(TypeError, match="sample_weight"):
        NoHarmReduction("sex").fit(X, y, sample_weight=np.ones(len(X)))
