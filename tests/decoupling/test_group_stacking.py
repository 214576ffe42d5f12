"""Stacking in which groups depart from the others as far as their data bear."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult
from fairlearn_fwh.decoupling import DecoupledClassifier, GroupStackingClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.postprocessing import NoHarmSelector

pytestmark = pytest.mark.slow  # once, with one set of versions

TWO = [("logistic", LogisticRegression()), ("decoupled", DecoupledClassifier(LogisticRegression()))]


def people(n=4000, seed=0, share=0.1, opposite=True):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    s = np.where(np.arange(n) % 1000 < 1000 * share, "small", "large")
    sign = np.where((s == "small") & opposite, -1, 1)
    y = (sign * X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.logistic(size=n) > 0).astype(int)
    return X, y, s


def test_a_small_group_with_the_opposite_rule_departs_and_the_large_one_loses_nothing():
    X, y, s = people()
    X_test, y_test, s_test = people(20_000, seed=1)
    model = GroupStackingClassifier(TWO, random_state=0).fit(X, y, sensitive_features=s)
    right = model.predict(X_test, sensitive_features=s_test) == y_test
    pooled = LogisticRegression().fit(X, y).predict(X_test) == y_test
    small = s_test == "small"
    assert right[small].mean() > pooled[small].mean() + 0.2
    assert right[~small].mean() > pooled[~small].mean() - 0.005


def test_groups_that_are_alike_do_not_depart():
    X, y, s = people(opposite=False)
    model = GroupStackingClassifier(TWO, random_state=0).fit(X, y, sensitive_features=s)
    assert model.spread_ <= 0.1
    proba = model.predict_proba(X, sensitive_features=s)
    plain = LogisticRegression().fit(X, y).predict_proba(X)
    assert np.abs(proba - plain).mean() < 0.03


def test_groups_depart_from_common_weights_if_a_candidate_is_right_about_some_alone():
    X, y, s = people(3000)
    one = [("logistic", LogisticRegression())]
    model = GroupStackingClassifier(one, random_state=0).fit(X[:, :1], y, sensitive_features=s)
    assert model.spread_ > 0
    small = s == "small"
    assert (model.predict(X[small][:, :1], sensitive_features=s[small]) == y[small]).mean() > 0.6
    assert model.log_losses_[model.spread_] < model.log_losses_[0.0]


@pytest.mark.long
def test_without_deviations_it_is_stacking():
    X, y, s = people(opposite=False)
    estimators = [
        ("logistic", LogisticRegression()),
        ("boosting", HistGradientBoostingClassifier(random_state=0)),
    ]
    model = GroupStackingClassifier(estimators, random_state=0).fit(
        X, y, sensitive_features=np.repeat("all", len(y))
    )
    theirs = StackingClassifier(estimators, LogisticRegression(C=100), stack_method="predict_proba").fit(X, y)
    ours = model.predict_proba(X, sensitive_features=np.repeat("all", len(y)))
    assert abs(log_loss(y, ours) - log_loss(y, theirs.predict_proba(X))) < 0.02


@pytest.mark.long
def test_people_of_unknown_groups_get_what_needs_no_group():
    X, y, s = people()
    model = GroupStackingClassifier(random_state=0).fit(X, y, sensitive_features=s)
    with pytest.warns(GroupFallbackWarning, match="got none now"):
        without = model.predict_proba(X)
    with pytest.warns(GroupFallbackWarning, match="did not occur in fit"):
        unknown = model.predict_proba(X, sensitive_features=np.repeat("other", len(y)))
    assert (without == unknown).all()
    assert (model.pooled_estimator_.predict_proba(X) == without).all()


def test_small_groups_have_the_common_weights():
    X, y, s = people()
    s = np.where(np.arange(len(s)) < 10, "tiny", s)
    model = GroupStackingClassifier(TWO, random_state=0).fit(X, y, sensitive_features=s)
    assert model.fallback_groups_["tiny"].startswith("10 people, fewer than min_group_size=20")
    assert model.group_sizes_["tiny"] == 10


@pytest.mark.long
def test_three_classes_sparse_features_weights_and_several_columns():
    X, y, s = people(800)
    y = np.array(["a", "b", "c"])[y + ((X[:, 2] > 1) & (y == 1))]
    table = pd.DataFrame({"s": s, "t": np.arange(800) % 2})
    model = GroupStackingClassifier(TWO, n_folds=2, random_state=0).fit(X, y, sensitive_features=table)
    proba = model.predict_proba(X, sensitive_features=table)
    assert proba.shape == (800, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (model.predict(X, sensitive_features=table) == y).mean() > 0.6
    of_sparse = GroupStackingClassifier(TWO, n_folds=2, random_state=0).fit(
        sparse.csr_array(X), y, sensitive_features=table
    )
    np.testing.assert_allclose(
        of_sparse.predict_proba(sparse.csr_array(X), sensitive_features=table), proba, atol=1e-3
    )
    weights = np.where(np.arange(800) < 400, 1.0, 0.0)
    some = GroupStackingClassifier(TWO, n_folds=2, random_state=0).fit(
        X, y, sensitive_features=table, sample_weight=weights
    )
    alone = GroupStackingClassifier(TWO, n_folds=2, random_state=0).fit(
        X[:400], y[:400], sensitive_features=table[:400]
    )
    np.testing.assert_allclose(
        some.predict_proba(X, sensitive_features=table),
        alone.predict_proba(X, sensitive_features=table),
        atol=1e-6,
    )


def test_a_selector_around_it_gives_a_guarantee():
    X, y, s = people(3000)
    model = NoHarmSelector(GroupStackingClassifier(TWO, random_state=0), random_state=0)
    model.fit(X, y, sensitive_features=s)
    assert "small" not in model.fallback_groups_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimators": [LogisticRegression()]}, r"must be a list of \(name, classifier\)"),
        ({"estimators": []}, r"must be a list of \(name, classifier\)"),
        (
            {"estimators": [("a", LogisticRegression()), ("a", LogisticRegression())]},
            "different texts as names",
        ),
        ({"estimators": [("a", LogisticRegression)]}, "needs fit and predict_proba"),
        ({"n_folds": 1}, "'n_folds' parameter"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y, s = people(200)
    with pytest.raises(ValueError, match=message):
        GroupStackingClassifier(**parameters).fit(X, y, sensitive_features=s)


def test_rare_classes_are_named():
    X, y, s = people(200)
    y = np.where(np.arange(200) < 3, 2, 0)
    with pytest.raises(
        ValueError,
        match="n_folds=5 needs at least that many people of each class; class 2 has 3",
    ):
        GroupStackingClassifier(TWO).fit(X, y, sensitive_features=s)


def test_adult_by_sex(real_data):
    bunch = fetch_adult(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)[:6000]
    y, sex = bunch.target[:6000], bunch.sensitive_features["sex"][:6000]
    fit, test = slice(0, 3000), slice(3000, 6000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GroupStackingClassifier(TWO, n_folds=3, random_state=0).fit(
            X[fit], y[fit], sensitive_features=sex[fit]
        )
        pooled = LogisticRegression(max_iter=2000).fit(X[fit], y[fit])
    own = model.score(X[test], y[test], sensitive_features=sex[test])
    assert own > pooled.score(X[test], y[test]) - 0.01
