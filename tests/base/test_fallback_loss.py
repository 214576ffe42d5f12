"""Methods that decide in another loss than errors."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.decoupling import DecoupledClassifier, PreferenceTreeClassifier
from fairlearn_fwh.reductions import NoHarmReduction


def missed(y, predicted, among):
    return (predicted[among & (y == 1)] == 0).mean()


@pytest.fixture
def two_groups(rng):
    """Positive people are few, and those of group b look otherwise than those of a."""
    n = 6000
    s = rng.choice(["a", "b"], n)
    X = rng.normal(size=(n, 2))
    signal = np.where(s == "a", X[:, 0], 0.4 * X[:, 0] + X[:, 1])
    y = (signal + 0.5 * rng.normal(size=n) > 0.9).astype(int)
    return X, y, s


def test_bounds_hold_for_those_who_are_missed(two_groups):
    X, y, s = two_groups
    model = NoHarmReduction(loss="missed", tolerance=0.02, random_state=0).fit(X, y, sensitive_features=s)
    table = model.group_losses_
    assert table["n"].to_dict() == {k: ((s == k) & (y == 1)).sum() for k in "ab"}
    for k in "ab":
        np.testing.assert_allclose(
            table.loc[k, "voting_loss"], missed(y, model.predict(X), s == k), rtol=0, atol=1e-12
        )
    assert (table["randomized_loss"] <= table["bound"] + model.eps).all()
    baseline = LogisticRegression(max_iter=2000).fit(X, y)
    assert abs(table.loc["b", "baseline_loss"] - missed(y, baseline.predict(X), s == "b")) < 0.03
    assert model.preference_frame(X, y, sensitive_features=s).loss_name == "missed"


def test_groups_without_positive_people_have_no_bound(two_groups):
    X, y, s = two_groups
    y = np.where(s == "b", 0, y)
    table = NoHarmReduction(loss="missed", random_state=0).fit(X, y, sensitive_features=s).group_losses_
    assert table.loc["b", "n"] == 0
    assert np.isnan(table.loc["b", ["baseline_loss", "bound", "voting_loss"]].astype(float)).all()


def test_trees_are_pruned_in_the_loss(two_groups):
    X, y, s = two_groups
    tree = PreferenceTreeClassifier(loss="missed", pruning_fraction=0.4, random_state=0)
    tree.fit(X, y, sensitive_features=s)
    assert len(tree.groups_) == 2
    assert tree.pruning_table_["n"].sum() < 0.4 * 6000 * y.mean() + 2
    frame = tree.preference_frame(X, y, sensitive_features=s)
    assert frame.loss_name == "missed"
    errors = tree.preference_frame(X, y, sensitive_features=s, loss=["zero_one", "false_alarm"], pos_label=1)
    assert errors.losses == ["zero_one", "false_alarm"]


@pytest.mark.parametrize("model", [NoHarmReduction(loss="recall"), PreferenceTreeClassifier(loss="brier")])
def test_unknown_losses_are_refused(two_groups, model):
    X, y, s = two_groups
    with pytest.raises(ValueError, match="'loss' parameter"):
        model.fit(X, y, sensitive_features=s)


def test_three_classes_have_no_second_one(two_groups):
    X, y, s = two_groups
    y = y + (X[:, 1] > 1)
    with pytest.raises(ValueError, match="needs two classes"):
        PreferenceTreeClassifier(loss="missed").fit(X, y, sensitive_features=s)


def test_every_frame_takes_losses_by_name(two_groups):
    X, y, s = two_groups
    model = DecoupledClassifier().fit(X, y, sensitive_features=s)
    losses = {"missed": "missed", "refused": "rejection"}
    frame = model.preference_frame(
        X, y, sensitive_features=s, loss=losses, pos_label={"missed": 1, "refused": 0}
    )
    own = model.predict(X, sensitive_features=s)
    for k in "ab":
        risk = frame["missed"].by_group.loc[k, "risk"]
        np.testing.assert_allclose(risk, missed(y, own, s == k), rtol=0, atol=1e-12)
        np.testing.assert_allclose(frame["refused"].by_group.loc[k, "risk"], (own[s == k] == 1).mean())
