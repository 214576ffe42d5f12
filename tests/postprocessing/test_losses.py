"""Choosing by what groups care for: who is missed, false alarms, costs."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector


class Answers(ClassifierMixin, BaseEstimator):
    """A fitted classifier that answers with a column of X."""

    classes_ = np.array(["ill", "well"])

    def __init__(self, column):
        self.column = column

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.where(np.asarray(X)[:, self.column] > 0, "well", "ill")


@pytest.fixture
def sample(rng):
    """The pooled classifier errs about a fifth; that of women misses fewer ill ones and alarms more healthy ones, that of men the reverse."""
    n = 4000
    y, sex = np.where(rng.random(n) < 0.5, "ill", "well"), np.where(rng.random(n) < 0.5, "f", "m")
    truth = np.where(y == "well", 1, -1)
    pooled = np.where(rng.random(n) < 0.2, -truth, truth)
    women = np.where(rng.random(n) < np.where(y == "ill", 0.05, 0.35), -truth, truth)
    men = np.where(rng.random(n) < np.where(y == "ill", 0.35, 0.05), -truth, truth)
    return np.column_stack([pooled, women, men]).astype(float), y, sex


COSTS = MisclassificationCost([[0, 5], [1, 0]], classes=["ill", "well"])


@pytest.mark.parametrize(
    ("scoring", "kept"),
    [
        ("missed", ["pooled", "own"]),  # of the labels "ill" and "well" the second is the positive one
        ("false_alarm", ["own", "pooled"]),
        (COSTS, ["own", "pooled"]),
        (MisclassificationCost([[0, 1], [5, 0]], classes=["ill", "well"]), ["pooled", "own"]),
    ],
)
def test_what_counts_decides_who_keeps_which_classifier(sample, scoring, kept):
    X, y, sex = sample
    models = (Answers(0), {"f": Answers(1), "m": Answers(2)})
    model = NoHarmSelector(models, prefit=True, scoring=scoring).fit(X, y, sensitive_features=sex)
    assert model.selection_table_["choice"].tolist() == kept
    loss = scoring if isinstance(scoring, MisclassificationCost) else scoring
    pos_label = {} if isinstance(scoring, MisclassificationCost) else {"pos_label": "well"}
    frame = PreferenceFrame(
        y_true=y, y_pred=np.where(sex == "f", Answers(1).predict(X), Answers(2).predict(X)), y_pred_pooled=Answers(0).predict(X),
        sensitive_features=sex, loss=loss, **pos_label,
    )  # fmt: skip
    assert model.selection_table_["gain"].tolist() == pytest.approx(
        frame.by_group["rationality_gain"].tolist()
    )
    assert model.selection_table_["n"].tolist() == frame.by_group["n"].tolist()


def test_bad_losses(sample):
    X, y, sex = sample
    models = (Answers(0), {"f": Answers(1), "m": Answers(2)})
    with pytest.raises(ValueError, match="scoring has costs for the classes \\['a', 'b'\\]"):
        NoHarmSelector(
            models, prefit=True, scoring=MisclassificationCost([[0, 1], [1, 0]], classes=["a", "b"])
        ).fit(X, y, sensitive_features=sex)
    for arguments in ((5, 1), ([[0, 1], [1, 0]], ["a", "a"])):
        with pytest.raises(ValueError, match="classes must be a list of different labels"):
            MisclassificationCost(*arguments)
    three = np.where(np.arange(len(y)) % 3 == 0, "odd", y)
    with pytest.raises(ValueError, match="scoring='missed' needs two classes; y has 3"):
        NoHarmSelector(scoring="missed").fit(X, three, sensitive_features=sex)


@pytest.mark.parametrize("scoring", ["missed", "false_alarm"])
def test_repeats_are_about_the_people_whom_a_loss_concerns(scoring):
    """With several repeats everybody was counted, so that accuracy was certified where recall was asked about."""
    rng = np.random.default_rng(0)
    X, groups = rng.standard_normal((2000, 3)), rng.choice(["a", "b"], 2000)
    y = (X[:, 0] - 1 + 0.8 * rng.standard_normal(2000) > 0).astype(int)
    models = [("pooled", LogisticRegression(class_weight="balanced")), ("plain", LogisticRegression())]
    once, twice = (
        NoHarmSelector(models, scoring=scoring, n_repeats=n, random_state=0)
        .fit(X, y, sensitive_features=groups)
        .selection_table_
        for n in (1, 2)
    )
    assert once["n"].tolist() == twice["n"].tolist()
    np.testing.assert_allclose(once["gain"], twice["gain"], atol=0.05)
    assert (
        once["choice"].tolist()
        == twice["choice"].tolist()
        == ["pooled" if scoring == "missed" else "plain"] * 2
    )


@pytest.mark.parametrize(
    "settings", [{"guarantee": "release"}, {"strategy": "in_order"}, {"guarantee": "shrunk"}]
)
def test_a_classifier_that_no_fold_had_is_not_judged_by_pooled_answers(settings):
    rng = np.random.default_rng(0)
    X, groups = rng.standard_normal((1200, 5)), np.where(rng.random(1200) < 0.5, "a", "b")
    y = (X[:, 0] + 0.7 * rng.standard_normal(1200) > 0).astype(int)
    trees = DecoupledClassifier(
        DecisionTreeClassifier(random_state=0), pooled_estimator=LogisticRegression(), min_group_size=520
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = NoHarmSelector(trees, tolerance=0.02, random_state=0, **settings)
        model.fit(X, y, sensitive_features=groups)
    assert model.selection_table_["choice"].tolist() == ["pooled"] * 2
    assert "none in a part of cross-fitting" in model.fallback_groups_["a"]
    assert ": ." not in model.verdict_


@pytest.mark.long(but_every=2)
@pytest.mark.parametrize("names", [(0, 1), ("ill", "well")])
def test_the_frame_of_a_selector_is_of_the_loss_that_it_decides_in(rng, names):
    X, groups = rng.standard_normal((1000, 2)), rng.choice(["a", "b"], 1000)
    y = np.array(names)[(X[:, 0] + rng.standard_normal(1000) > 0.5).astype(int)]
    for scoring, expected in (
        ("missed", (y == names[1]).sum()),
        ("false_alarm", (y == names[0]).sum()),
        (MisclassificationCost([[0, 1], [5, 0]], list(names)), len(y)),
        ("brier", len(y)),
    ):
        model = NoHarmSelector(scoring=scoring, random_state=0).fit(X, y, sensitive_features=groups)
        frame = model.preference_frame(X, y, sensitive_features=groups)
        assert frame.by_group["n"].sum() == expected
        assert frame.loss_name == {"brier": "zero_one"}.get(
            scoring if isinstance(scoring, str) else "", getattr(scoring, "__name__", scoring)
        )
