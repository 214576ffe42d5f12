import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fairlearn.reductions import BoundedGroupLoss, DemographicParity, ExponentiatedGradient, ZeroOneLoss
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult
from fairlearn_fwh.exceptions import ConstraintsNotSatisfiedWarning
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.reductions import NoHarmReduction, _group_bounds

#: Most tests are not about votes that break a bound.
votes_may_break_bounds = pytest.mark.filterwarnings(
    "ignore::fairlearn_fwh.exceptions.ConstraintsNotSatisfiedWarning"
)


def two_groups(n=600, seed=0):
    """A large group and a small one whose labels follow another rule."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    s = np.where(rng.random(n) < 0.25, "small", "large")
    y = np.where(X[:, 0] + np.where(s == "small", 1.0, 0.0) * X[:, 1] > 0, "yes", "no")
    return X, y, s


# --- fairlearn's contract ------------------------------------------------------------------------------------------


def test_fairlearn_takes_one_bound_per_group_by_label():
    """Not documented by fairlearn; every supported version has to pass this."""
    constraint = BoundedGroupLoss(ZeroOneLoss(), upper_bound=pd.Series({1: 0.2, 0: 0.4}))
    with _group_bounds.without_deprecations():
        constraint.load_data(
            np.zeros((4, 1)), np.array([0, 1, 0, 1]), sensitive_features=np.array([0, 0, 1, 1])
        )
    assert constraint.bound().to_dict() == {0: 0.4, 1: 0.2}


def test_the_solution_keeps_every_group_within_its_own_bound():
    X, y, s = two_groups()
    codes, groups = (y == "yes").astype(int), (s == "small").astype(int)
    free = LogisticRegression().fit(X, codes).predict(X) != codes
    bounds = np.array([free[groups == 0].mean() + 0.05, free[groups == 1].mean() - 0.03])
    model = ExponentiatedGradient(LogisticRegression(), _group_bounds.bounded_group_loss(bounds), eps=0.01)
    with _group_bounds.without_deprecations():
        model.fit(X, codes, sensitive_features=groups)
    votes = sum(w * h.predict(X) for w, h in zip(model.weights_, model.predictors_, strict=True))
    errors = np.abs(votes - codes)
    for g in (0, 1):
        assert errors[groups == g].mean() <= bounds[g] + 0.01
    assert errors[groups == 1].mean() < free[groups == 1].mean()


def test_a_fairlearn_without_such_bounds_is_named(monkeypatch):
    def one_bound(loss, *, upper_bound):
        raise TypeError("upper_bound must be a number")

    monkeypatch.setattr(_group_bounds, "BoundedGroupLoss", one_bound)
    X, y, s = two_groups()
    with pytest.raises(RuntimeError, match=r"fairlearn .* does not take one bound per group"):
        NoHarmReduction().fit(X, y, sensitive_features=s)


# --- the model -----------------------------------------------------------------------------------------------------


@votes_may_break_bounds
def test_bounds_are_the_held_out_losses_plus_tolerance():
    X, y, s = two_groups()
    model = NoHarmReduction(tolerance=0.02, random_state=0).fit(X, y, sensitive_features=s)
    losses = model.group_losses_
    assert losses.index.tolist() == ["large", "small"]
    assert losses["n"].to_dict() == {"large": (s == "large").sum(), "small": (s == "small").sum()}
    np.testing.assert_allclose(losses["bound"], losses["baseline_loss"] + 0.02)
    assert (losses["randomized_loss"] <= losses["bound"] + model.eps).all()
    decided = model.predict(X) != y
    assert losses.loc["small", "voting_loss"] == pytest.approx(decided[s == "small"].mean())
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.weights_.sum() == pytest.approx(1)


@votes_may_break_bounds
def test_a_frozen_baseline_is_not_fitted_again():
    X, y, s = two_groups(900)
    frozen = LogisticRegression().fit(X[:300], y[:300])
    model = NoHarmReduction(baseline=FrozenEstimator(frozen), random_state=0)
    model.fit(X[300:], y[300:], sensitive_features=s[300:])
    errors = frozen.predict(X[300:]) != y[300:]
    assert model.group_losses_.loc["small", "baseline_loss"] == pytest.approx(
        errors[s[300:] == "small"].mean()
    )
    np.testing.assert_array_equal(model.baseline_.predict(X), frozen.predict(X))


@votes_may_break_bounds
def test_decisions_and_draws_follow_the_probabilities():
    X, y, s = two_groups()
    voting = NoHarmReduction(random_state=0).fit(X, y, sensitive_features=s)
    votes = voting.predict_proba(X)
    np.testing.assert_allclose(votes.sum(axis=1), 1)
    np.testing.assert_array_equal(voting.predict(X), np.where(votes[:, 1] >= 0.5, "yes", "no"))
    drawing = NoHarmReduction(randomized=True, random_state=0).fit(X, y, sensitive_features=s)
    np.testing.assert_array_equal(drawing.predict(X), drawing.predict(X))
    repeated = drawing.predict(np.repeat(X[[0, 1]], 5000, axis=0)).reshape(2, 5000) == "yes"
    np.testing.assert_allclose(repeated.mean(axis=1), drawing.predict_proba(X[:2])[:, 1], atol=0.03)


@votes_may_break_bounds
def test_pipelines_frames_and_intersections():
    X, y, s = two_groups()
    columns = pd.DataFrame({"s": s, "t": np.where(X[:, 1] > 0, "up", "down")})
    X_frame = pd.DataFrame(X, columns=["a", "b"])
    estimator = make_pipeline(StandardScaler(), LogisticRegression())
    model = NoHarmReduction(estimator, random_state=0).fit(X_frame, y, sensitive_features=columns)
    assert model.group_losses_.index.names == ["s", "t"]
    assert len(model.group_losses_) == 4
    frame = model.preference_frame(X_frame, y, sensitive_features=columns)
    assert frame.overall["pooled_risk"] == pytest.approx((model.baseline_.predict(X_frame) != y).mean())
    other = DummyClassifier().fit(X, y)
    assert model.preference_frame(X_frame, y, baseline=other).overall["pooled_risk"] == pytest.approx(
        (other.predict(X) != y).mean()
    )


def test_a_vote_that_breaks_a_bound_is_reported():
    X, y, s = two_groups()
    with pytest.warns(
        ConstraintsNotSatisfiedWarning, match=r"vote exceeds a group's bound by 0\.0\d+ on the rows"
    ):
        model = NoHarmReduction(random_state=0).fit(X, y, sensitive_features=s)
    excess = model.group_losses_["voting_loss"] - model.group_losses_["bound"]
    assert excess.max() > model.eps
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NoHarmReduction(randomized=True, random_state=0).fit(X, y, sensitive_features=s)


@votes_may_break_bounds
def test_missing_groups_and_polars_frames():
    X, y, s = two_groups()
    s = s.astype(object)
    s[:60] = None
    estimator = make_pipeline(make_column_transformer((StandardScaler(), ["a", "b"])), LogisticRegression())
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    model = NoHarmReduction(estimator, tolerance=0.05, missing_group="separate", random_state=0).fit(
        frame, y, sensitive_features=s
    )
    assert model.group_losses_.index.tolist() == ["large", "small", "missing"]
    assert len(model.preference_frame(frame, y, sensitive_features=s).by_group) == 3


# --- bad input -----------------------------------------------------------------------------------------------------


def test_bounds_that_cannot_be_met_name_the_group_and_the_excess():
    X, y, s = two_groups()
    strong = HistGradientBoostingClassifier(random_state=0)
    model = NoHarmReduction(DummyClassifier(strategy="prior"), baseline=strong, max_iter=10, random_state=0)
    message = (
        r"cannot be met .* eps=0\.01: (large|small) \(error rate 0\.\d+, 0\.\d+ above its bound 0\.\d+\)"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, sensitive_features=s)
    assert not hasattr(model, "estimators_")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"tolerance": -0.1},
            r"'tolerance' parameter .* must be a float in the range \[0.0, inf\). Got -0.1",
        ),
        ({"tolerance": 1.0}, "tolerance must be below 1, as a share of people, for loss='zero_one'; got 1.0"),
        ({"eps": 0}, "'eps' parameter"),
        ({"cv": 1}, "'cv' parameter"),
        (
            {"estimator": KNeighborsClassifier()},
            "estimator must take sample_weight in fit; KNeighborsClassifier does not",
        ),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y, s = two_groups(100)
    with pytest.raises(ValueError, match=message):
        NoHarmReduction(**parameters).fit(X, y, sensitive_features=s)


def test_bad_data_are_named():
    X, y, s = two_groups(100)
    with pytest.raises(ValueError, match="sensitive_features has 99 rows, but 100"):
        NoHarmReduction().fit(X, y, sensitive_features=s[1:])
    with pytest.raises(ValueError, match="y must have 2 classes; it has 3 classes"):
        NoHarmReduction().fit(X, np.arange(100) % 3, sensitive_features=s)
    rare = np.array(["no"] * 99 + ["yes"])
    with pytest.raises(ValueError, match="in one fold all other people have class 'no'"):
        NoHarmReduction().fit(X, rare, sensitive_features=s)


# --- real data -----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow
@votes_may_break_bounds
def test_on_adult_it_harms_nobody_where_demographic_parity_does(real_data):
    adult = fetch_adult(data_home=real_data)
    rows, _ = train_test_split(np.arange(len(adult.target)), train_size=8000, random_state=0)
    X = default_preprocessor(adult.data).fit_transform(adult.data.iloc[rows])
    y = adult.target.to_numpy()[rows]
    s = adult.sensitive_features[["race", "sex"]].iloc[rows].reset_index(drop=True)
    X, X_test, y, y_test, s, s_test = train_test_split(X, y, s, test_size=0.5, random_state=0)
    estimator = LogisticRegression(max_iter=2000)
    model = NoHarmReduction(estimator, max_iter=20, random_state=0).fit(X, y, sensitive_features=s)
    frame = model.preference_frame(X_test, y_test, sensitive_features=s_test)
    assert not len(frame.violations(alpha=0.05))
    parity = ExponentiatedGradient(estimator, DemographicParity(), max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parity.fit(X, y, sensitive_features=s.agg("-".join, axis=1))
    harmful = PreferenceFrame(
        y_true=y_test,
        y_pred=parity.predict(X_test, random_state=0),
        y_pred_pooled=model.baseline_.predict(X_test),
        sensitive_features=s_test,
    )
    assert len(harmful.violations(alpha=0.05))


@pytest.mark.parametrize("lambdas", [None, [0.3, 0.0, 1.7]])
def test_weights_of_rows_are_fairlearns(lambdas):
    groups = np.array([0, 1, 1, 2, 0, 2])
    quick, theirs = (
        _group_bounds.bounded_group_loss(np.full(3, 0.2)),
        BoundedGroupLoss(ZeroOneLoss(), upper_bound=0.2),
    )
    people = np.zeros((6, 1)), np.array([0, 1, 0, 1, 0, 1])
    with _group_bounds.without_deprecations():
        for moment in (quick, theirs):
            moment.load_data(*people, sensitive_features=groups)
    vector = None if lambdas is None else pd.Series(lambdas, index=theirs.index)
    pd.testing.assert_series_equal(
        quick.signed_weights(vector), theirs.signed_weights(vector), check_names=False
    )
    objectives = [moment.default_objective() for moment in (quick, theirs)]
    with _group_bounds.without_deprecations():
        for objective in objectives:
            objective.load_data(*people, sensitive_features=groups)
    pd.testing.assert_series_equal(*(o.signed_weights() for o in objectives), check_names=False)
