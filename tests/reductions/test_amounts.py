"""One regressor for all under which no group's loss of amounts is larger than the baseline's."""

import numpy as np
import pytest
from sklearn.base import is_regressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import mean_squared_error

from fairlearn_fwh.reductions import NoHarmReduction


def two_rules(n=900, seed=0):
    """A large group and a small one whose amounts follow another rule."""
    rng = np.random.default_rng(seed)
    X, s = rng.standard_normal((n, 2)), np.where(rng.random(n) < 0.2, "small", "large")
    return X, 30 * np.where(s == "small", X[:, 1], X[:, 0]) + 10 * rng.standard_normal(n), s


@pytest.mark.long(but_every=2)
@pytest.mark.parametrize("loss", ["squared", "absolute"])
def test_every_group_is_within_its_bound_and_the_mean_of_members_breaks_none(loss):
    X, y, s = two_rules()
    model = NoHarmReduction(loss=loss, tolerance=2.0, random_state=0).fit(X, y, sensitive_features=s)
    table = model.group_losses_
    slack = model.eps * table["bound"].max()
    assert (table["randomized_loss"] <= table["bound"] + slack).all()
    # Jensen's inequality: these losses are convex.
    assert (table["voting_loss"] <= table["randomized_loss"] + 1e-9).all()
    np.testing.assert_allclose(table["bound"], table["baseline_loss"] + 2.0)
    assert is_regressor(model)
    assert not hasattr(model, "predict_proba")


def test_a_group_can_be_favoured_at_the_cost_of_the_other():
    X, y, s = two_rules()

    class Favours(LinearRegression):
        """Fitted for the small group alone."""

        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y, sample_weight=np.where(np.abs(y - 30 * X[:, 1]) < 40, 5.0, 1.0))

    bounds = NoHarmReduction(
        LinearRegression(), baseline=Favours(), loss="squared", tolerance=400.0, random_state=0
    )
    bounds.fit(X, y, sensitive_features=s)
    free = LinearRegression().fit(X, y)
    small = s == "small"
    assert mean_squared_error(y[small], bounds.predict(X[small])) < mean_squared_error(
        y[small], free.predict(X[small])
    )
    assert (bounds.group_losses_["randomized_loss"] <= bounds.group_losses_["bound"] * 1.02).all()


def test_members_can_be_drawn():
    X, y, s = two_rules()
    mean = NoHarmReduction(loss="squared", tolerance=1.0, random_state=0).fit(X, y, sensitive_features=s)
    drawn = NoHarmReduction(loss="squared", tolerance=1.0, randomized=True, random_state=0).fit(
        X, y, sensitive_features=s
    )
    answers = np.column_stack([model.predict(X) for model in drawn.estimators_])
    np.testing.assert_allclose(np.abs(answers - drawn.predict(X)[:, None]).min(axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose(mean.predict(X), answers @ mean.weights_)


def test_the_frame_is_of_the_loss_that_is_bounded():
    X, y, s = two_rules()
    model = NoHarmReduction(Ridge(), loss="absolute", tolerance=5.0, random_state=0).fit(
        X, y, sensitive_features=s
    )
    frame = model.preference_frame(X, y, sensitive_features=s, loss_limit=200.0)
    assert frame.loss_name == "absolute (at most 200)"
    assert frame.certify(tolerance=30.0)["certified"].all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"estimator": LogisticRegression()},
            "loss='squared' is of a regressor; estimator is LogisticRegression, a classifier",
        ),
        ({"baseline": LogisticRegression()}, "baseline is LogisticRegression, a classifier"),
        (
            {"estimator": LinearRegression(), "loss": "zero_one"},
            "loss='zero_one' is of a classifier; estimator is LinearRegression",
        ),
    ],
)
def test_models_of_another_kind_are_refused(settings, message):
    X, y, s = two_rules(100)
    with pytest.raises(ValueError, match=message):
        NoHarmReduction(**({"loss": "squared"} | settings)).fit(X, y, sensitive_features=s)


def test_labels_are_refused_and_bounds_that_cannot_be_met():
    X, y, s = two_rules(200)
    with pytest.raises(ValueError, match="y must be numbers"):
        NoHarmReduction(loss="squared").fit(X, np.where(y > 0, "high", "low"), sensitive_features=s)

    class Knows(LinearRegression):
        """Knows the truth."""

        def predict(self, Z):
            return y[[int(np.flatnonzero((row == X).all(axis=1))[0]) for row in Z]]

    with pytest.raises(ValueError, match=r"cannot be met with this estimator .*\(mean squared loss"):
        NoHarmReduction(LinearRegression(), baseline=Knows(), loss="squared", max_iter=5, random_state=0).fit(
            X, y, sensitive_features=s
        )
