import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from scipy import stats
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest
from fairlearn_fwh.decoupling import DecoupledClassifier, PreferenceTreeClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.metrics import PreferenceFrame, keep_own_classifier
from fairlearn_fwh.postprocessing import NoHarmSelector


class Column(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose predictions are a column of X, and which remembers what it was asked about."""

    def __init__(self, column, classes=(0, 1)):
        self.column = column
        self.classes_ = np.array(classes)
        self.asked = []

    def predict(self, X):
        self.asked.append(len(X))
        return self.classes_[(X[:, self.column] >= 0.5).astype(int)]

    def predict_proba(self, X):
        return np.column_stack([1 - X[:, self.column], X[:, self.column]])


def flips(better, worse, n=1000):
    """Pooled (column 0) and own (column 1) answers of groups of n people, whose own classifier is better and worse for some."""
    X, s = np.ones((n * len(better), 2)), np.repeat(np.arange(len(better)), n)
    for g, (b, w) in enumerate(zip(better, worse, strict=True)):
        start = g * n
        X[start : start + b, 0] = 0
        X[start + b : start + b + w, 1] = 0
    return X, np.ones(len(X), dtype=int), s


def with_zeros(X, y, s):
    """Add people of the other class about whom everybody is right."""
    return np.vstack([X, np.zeros_like(X)]), np.r_[y, np.zeros_like(y)], np.r_[s, s]


def selector(groups, **parameters):
    return NoHarmSelector((Column(0), {g: Column(1) for g in groups}), prefit=True, **parameters)


def opposite_rules(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    s = rng.choice(["a", "b", "c"], n)
    return X, ((X[:, 0] > 0) == (s == "a")).astype(int), s


# --- what is chosen ------------------------------------------------------------------------------------------------


def test_certified_needs_evidence_and_empirical_a_gain():
    X, y, s = with_zeros(*flips([100, 55, 20], [40, 50, 60]))
    certified = selector([0, 1, 2]).fit(X, y, sensitive_features=s)
    empirical = selector([0, 1, 2], guarantee="empirical").fit(X, y, sensitive_features=s)
    assert certified.selection_table_["choice"].tolist() == ["own", "pooled", "pooled"]
    assert empirical.selection_table_["choice"].tolist() == ["own", "own", "pooled"]
    assert list(certified.fallback_groups_) == [1, 2]
    assert certified.group_estimators_[1] is certified.pooled_estimator_
    np.testing.assert_array_equal(
        certified.predict(X, sensitive_features=s), np.where(s == 0, X[:, 1], X[:, 0]).astype(int)
    )


def test_the_table_says_what_was_found_and_the_decision_is_that_of_the_rule():
    X, y, s = with_zeros(*flips([100, 55], [40, 50]))
    table = selector([0, 1]).fit(X, y, sensitive_features=s).selection_table_
    frame = PreferenceFrame(y_true=y, y_pred=X[:, 1].astype(int), y_pred_pooled=X[:, 0].astype(int), groups=s)
    rule = keep_own_classifier(frame)
    assert table.columns.tolist() == [
        "group", "n", "pooled_score", "own_score", "chosen_score", "gain", "lower_bound", "p_adjusted", "choice", "reason",
    ]  # fmt: skip
    assert table["n"].tolist() == [2000, 2000]
    np.testing.assert_allclose(table["pooled_score"], [0.95, 0.9725])
    np.testing.assert_allclose(table["own_score"], [0.98, 0.975])
    np.testing.assert_allclose(table["chosen_score"], [0.98, 0.9725])
    for column in ("gain", "lower_bound", "p_adjusted", "reason"):
        assert table[column].tolist() == rule[column].tolist()


def test_a_tolerance_makes_it_non_inferiority():
    X, y, s = with_zeros(*flips([50, 50], [50, 45], n=5000))
    assert (
        selector([0, 1]).fit(X, y, sensitive_features=s).selection_table_["choice"].tolist() == ["pooled"] * 2
    )
    table = selector([0, 1], tolerance=0.01).fit(X, y, sensitive_features=s).selection_table_
    assert (table["p_adjusted"] < 0.05).all()
    assert table["choice"].tolist() == ["pooled", "own"]  # equal scores: the pooled classifier


def test_min_gap_uses_the_tolerance_to_close_gaps():
    X, y, s = with_zeros(*flips([0, 400], [50, 100], n=5000))
    for tolerance, choice in ((0.0, "pooled"), (0.01, "own")):
        model = selector([0, 1], tolerance=tolerance, strategy="min_gap").fit(X, y, sensitive_features=s)
        assert model.selection_table_["choice"].tolist() == [choice, "own"]


def test_each_model_is_asked_about_its_own_group_alone():
    X, y, s = with_zeros(*flips([100, 20], [40, 60]))
    models = {0: Column(1), 1: Column(1)}
    NoHarmSelector((Column(0), models), prefit=True).fit(X, y, sensitive_features=s)
    assert models[0].asked[0] == models[1].asked[0] == 2000
    assert models[1].asked[1:] == []  # not chosen, so not asked for envy
    assert models[0].asked[1:] == [4000]  # chosen: envy is about everybody


def test_own_labels_of_several_columns_are_tuples():
    X, y, s = with_zeros(*flips([100, 20], [40, 60]))
    columns = pd.DataFrame({"sex": np.where(s == 0, "f", "m"), "age": 1})
    model = NoHarmSelector((Column(0), {("f", 1): Column(1), ("m", 1): Column(1)}), prefit=True)
    model.fit(X, y, sensitive_features=columns)
    assert model.selection_table_["group"].tolist() == [("f", 1), ("m", 1)]
    assert model.selection_table_["choice"].tolist() == ["own", "pooled"]


def test_reassign_gives_a_group_the_best_classifier_of_any():
    rng = np.random.default_rng(0)
    s = rng.integers(0, 3, 3000)
    y = rng.integers(0, 2, 3000)
    X = np.tile(y[:, None], (1, 4)).astype(float)
    X[rng.random(3000) < 0.3, 0] = 0.5 + 0.5 * rng.standard_normal()  # pooled errs
    X[:, 0] = np.where(rng.random(3000) < 0.3, 1 - y, y)
    X[:, 1] = np.where(rng.random(3000) < 0.25, 1 - y, y)
    X[:, 3] = np.where(rng.random(3000) < 0.4, 1 - y, y)
    ensemble = Column(0), {0: Column(1), 1: Column(2), 2: Column(3)}
    model = NoHarmSelector(ensemble, prefit=True, reassign=True).fit(X, y, sensitive_features=s)
    assert model.selection_table_["choice"].tolist() == [1, "own", 1]
    assert model.score(X, y, sensitive_features=s) == 1.0
    assert model.preference_frame_.violations(claims="envy").empty
    assert model.selection_table_["own_score"][2] < model.selection_table_["pooled_score"][2]


def test_envy_after_the_choice_is_reported():
    """Group 1 falls back although the classifier of group 0, which is kept, would suit it."""
    rng = np.random.default_rng(0)
    s = np.repeat([0, 1], 1500)
    y = rng.integers(0, 2, 3000)
    X = np.column_stack([np.where(rng.random(3000) < p, 1 - y, y) for p in (0.3, 0.1, 0.5)])
    model = NoHarmSelector((Column(0), {0: Column(1), 1: Column(2)}), prefit=True).fit(
        X, y, sensitive_features=s
    )
    assert model.selection_table_["choice"].tolist() == ["own", "pooled"]
    envy = model.preference_frame_.violations(alpha=0.05, claims="envy")
    assert envy[["group", "other"]].to_numpy().tolist() == [[1, 0]]
    assert "Significant envy in the selection data: 1 would do better with that of 0 (-0." in model.verdict_


def test_the_verdict_is_a_sentence():
    X, y, s = with_zeros(*flips([100, 20], [40, 60]))
    assert selector([0, 1]).fit(X, y, sensitive_features=s).verdict_ == (
        "1 of 2 groups keep another classifier, with which they do better than with the pooled one (95 % confidence, for all "
        "groups together): 0; the pooled classifier serves the other 1. No significant envy was found in the selection data."
    )
    X, y, s = with_zeros(*flips([20], [60]))
    assert selector([0], alpha=0.01).fit(X, y, sensitive_features=s).verdict_ == (
        "No group is shown to do better than with the pooled one (99 % confidence, for all groups together) with another "
        "classifier: everybody is served by the pooled classifier."
    )
    X, y, s = with_zeros(*flips([60], [20]))
    empirical = selector([0], guarantee="empirical", tolerance=0.02).fit(X, y, sensitive_features=s)
    assert (
        "at most 0.02 worse than with the pooled one (in the selection data, which proves nothing): 0."
        in empirical.verdict_
    )


# --- scores --------------------------------------------------------------------------------------------------------


def graded(n=800, seed=0):
    """Probabilities of pooled and own, of which own tells classes apart better in group 0 and alike in group 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    s = rng.integers(0, 2, n)
    noise = rng.standard_normal((2, n))
    pooled = y + 1.5 * noise[0]
    own = np.where(s == 0, y + 0.5 * noise[1], y + 1.5 * noise[1])
    return 1 / (1 + np.exp(-np.column_stack([pooled, own]) + 0.5)), y, s


@pytest.mark.parametrize("scoring", ["accuracy", "brier", "roc_auc", "zero_one"])
def test_certified_scores_keep_what_is_clearly_better(scoring):
    X, y, s = graded(6000)
    model = selector([0, 1], scoring=scoring).fit(X, y, sensitive_features=s)
    assert model.selection_table_["choice"].tolist() == ["own", "pooled"]
    assert (model.selection_table_["lower_bound"] < model.selection_table_["gain"]).all()


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "log", "roc_auc", "rejection", f1_score])
def test_scores_of_the_groups_are_those_of_the_metric(scoring):
    X, y, s = graded()
    table = (
        selector([0, 1], scoring=scoring, guarantee="empirical")
        .fit(X, y, sensitive_features=s)
        .selection_table_
    )
    labels = (X >= 0.5).astype(int)
    functions = {
        "balanced_accuracy": lambda i, c: (
            ((labels[i, c] == y[i])[y[i] == 1].mean() + (labels[i, c] == y[i])[y[i] == 0].mean()) / 2
        ),
        "log": lambda i, c: np.log(np.where(y[i] == 1, X[i, c], 1 - X[i, c])).mean(),
        "roc_auc": lambda i, c: roc_auc_score(y[i], X[i, c]),
        "rejection": lambda i, c: labels[i, c].mean(),
        f1_score: lambda i, c: f1_score(y[i], labels[i, c]),
    }
    for g in (0, 1):
        assert table["pooled_score"][g] == pytest.approx(functions[scoring](s == g, 0))
        assert table["own_score"][g] == pytest.approx(functions[scoring](s == g, 1))


def test_text_labels_score_like_numbers():
    X, y, s = graded()
    models = Column(0, ("no", "yes")), {g: Column(1, ("no", "yes")) for g in (0, 1)}
    words = np.array(["no", "yes"])[y]
    for scoring in ("accuracy", "brier", "rejection"):
        named = NoHarmSelector(models, prefit=True, scoring=scoring).fit(X, words, sensitive_features=s)
        coded = selector([0, 1], scoring=scoring).fit(X, y, sensitive_features=s)
        pd.testing.assert_frame_equal(named.selection_table_, coded.selection_table_)


def test_weights_count_like_repeated_rows():
    X, y, s = graded(400)
    weights = np.random.default_rng(1).integers(1, 4, len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    for scoring in ("balanced_accuracy", "roc_auc", "log", "accuracy"):
        weighted = selector([0, 1], scoring=scoring, guarantee="empirical")
        weighted.fit(X, y, sensitive_features=s, sample_weight=weights)
        repeated = selector([0, 1], scoring=scoring, guarantee="empirical").fit(
            X[rows], y[rows], sensitive_features=s[rows]
        )
        columns = ["pooled_score", "own_score", "choice"]
        pd.testing.assert_frame_equal(weighted.selection_table_[columns], repeated.selection_table_[columns])


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("balanced_accuracy", "guarantee='certified' needs a score that has a test"),
        ("log", "needs a loss that has a largest value, and scoring='log' has none: .* Give loss_limit"),
        (f1_score, "got scoring='f1_score'. Use guarantee='empirical'"),
        ("fairness", "scoring must be one of .* or a callable"),
        ("squared", "scoring must be one of .* or a callable"),
        (get_scorer("f1"), r"scoring must be a metric \(y_true, y_pred\), such as .*; got the scorer"),
    ],
)
def test_scores_without_a_test_are_refused(scoring, message):
    with pytest.raises(ValueError, match=message):
        selector([0, 1], scoring=scoring).fit(*graded()[:2], sensitive_features=graded()[2])


def test_a_margin_is_called_by_its_name():
    X, y, s = graded()
    with pytest.raises(
        ValueError, match="harm_margin must be at least 0 and below 1.0, the largest loss; got 1.5"
    ):
        selector([0, 1], guarantee="release", harm_margin=1.5).fit(X, y, sensitive_features=s)


@pytest.mark.parametrize("scoring", ["brier", "roc_auc"])
def test_tests_that_do_not_take_weights_say_so(scoring):
    X, y, s = graded()
    with pytest.raises(ValueError, match="guarantee='certified' does not take sample_weight"):
        selector([0, 1], scoring=scoring).fit(X, y, sensitive_features=s, sample_weight=np.ones(len(y)))


def test_metrics_that_do_not_take_weights_say_so():
    X, y, s = graded()
    model = selector([0, 1], scoring=lambda y_true, y_pred: 0.0, guarantee="empirical")
    with pytest.raises(ValueError, match="sample_weight was given, but scoring='<lambda>' does not take it"):
        model.fit(X, y, sensitive_features=s, sample_weight=np.ones(len(y)))


# --- groups that cannot be judged ----------------------------------------------------------------------------------


def test_groups_that_are_not_in_the_selection_data_get_the_pooled_classifier():
    X, y, s = with_zeros(*flips([100], [40]))
    with pytest.warns(
        GroupFallbackWarning, match=r"1 group\(s\) cannot be judged.* 9: nobody of the group is in the"
    ):
        model = selector([0, 9]).fit(X, y, sensitive_features=s)
    assert model.selection_table_["choice"].tolist() == ["own", "pooled"]
    assert model.selection_table_["n"].tolist() == [2000, 0]
    assert model.fallback_groups_ == {9: "nobody of the group is in the selection data"}


@pytest.mark.parametrize("strategy", ["max_min", "min_gap", "max_overall"])
def test_a_group_without_positives_has_no_area_under_the_curve(strategy):
    X, y, s = graded()
    y[s == 1] = 0
    with pytest.warns(GroupFallbackWarning, match="a class is missing in the group"):
        model = selector([0, 1], scoring="roc_auc", strategy=strategy).fit(X, y, sensitive_features=s)
    assert model.selection_table_["choice"].tolist()[1] == "pooled"
    assert np.isnan(model.selection_table_["own_score"][1])


def test_people_of_unknown_groups_get_the_pooled_classifier():
    X, y, s = with_zeros(*flips([100, 20], [40, 60]))
    model = selector([0, 1]).fit(X, y, sensitive_features=s)
    with pytest.warns(GroupFallbackWarning, match="did not occur in fit"):
        predicted = model.predict(X, sensitive_features=np.where(s == 0, 7, s))
    np.testing.assert_array_equal(predicted, X[:, 0].astype(int))


def test_groups_without_a_model_are_listed_and_keys_that_match_nothing_refused():
    X, y, s = with_zeros(*flips([100, 20], [40, 60]))
    model = selector([0]).fit(X, y, sensitive_features=s)
    assert model.selection_table_["n"].tolist() == [2000, 2000]
    assert model.fallback_groups_ == {1: "no classifier was given for it"}
    with pytest.raises(
        ValueError, match=r"classifiers for the groups \['f', 'm'\], none of which is among those .* \[0, 1\]"
    ):
        selector(["f", "m"]).fit(X, y, sensitive_features=s)


@pytest.mark.parametrize("scoring", ["accuracy", "balanced_accuracy", "roc_auc"])
def test_groups_of_weight_zero_are_nobody(scoring):
    X, y, s = graded()
    with pytest.warns(GroupFallbackWarning, match="nobody of the group is in the selection data"):
        model = selector([0, 1], scoring=scoring, guarantee="empirical").fit(
            X, y, sensitive_features=s, sample_weight=(s == 0).astype(float)
        )
    assert model.selection_table_["n"].tolist() == [(s == 0).sum(), 0]


@pytest.mark.long
def test_one_group_and_ten_thousand():
    model = selector([0]).fit(*with_zeros(*flips([100], [40]))[:2], sensitive_features=np.zeros(2000, int))
    assert model.selection_table_["choice"].tolist() == ["own"]
    rng = np.random.default_rng(0)
    s = np.repeat(np.arange(10_000), 3)
    y = rng.integers(0, 2, len(s))
    X = np.column_stack([y, y]).astype(float)
    X[s < 100, 0] = 1 - X[s < 100, 0]
    shared = Column(1)
    many = NoHarmSelector(
        (Column(0), dict.fromkeys(range(10_000), shared)), prefit=True, guarantee="empirical"
    )
    many.fit(X, y, sensitive_features=s)
    assert (many.selection_table_["choice"] == "own").sum() == 100
    assert not many.preference_frame_.has_envy
    assert "Envy was not measured" in many.verdict_
    with pytest.raises(
        ValueError, match="reassign=True asks every classifier about every row: at most 100 groups"
    ):
        many.set_params(reassign=True).fit(X, y, sensitive_features=s)


def test_without_groups_everybody_gets_the_pooled_classifier():
    X, y, _ = opposite_rules()
    model = NoHarmSelector(random_state=0).fit(X, y)
    assert model.verdict_ == "There are no groups: everybody is served by the pooled classifier."
    np.testing.assert_allclose(
        model.pooled_estimator_.coef_, LogisticRegression(max_iter=2000).fit(X, y).coef_
    )


# --- what is chosen from -------------------------------------------------------------------------------------------


def test_groups_that_differ_keep_their_own_and_equal_ones_do_not():
    X, y, s = opposite_rules()
    model = NoHarmSelector(random_state=0).fit(X, y, sensitive_features=s)
    assert model.selection_table_["choice"].tolist()[0] == "own"
    assert model.score(X, y, sensitive_features=s) > 0.95
    same = NoHarmSelector(HistGB(), random_state=0).fit(X, (X[:, 0] > 0).astype(int), sensitive_features=s)
    assert set(same.selection_table_["choice"]) == {"pooled"}
    assert len(same.selection_table_) == 3


def HistGB():  # noqa: N802
    return DecoupledClassifier(HistGradientBoostingClassifier(max_iter=10))


def test_falling_back_costs_nothing():
    """The pooled classifier of those who fall back is fitted on all rows."""
    X, _, s = opposite_rules()
    y = (X[:, 0] + np.random.default_rng(1).standard_normal(len(X)) > 0).astype(int)
    model = NoHarmSelector(random_state=0).fit(X, y, sensitive_features=s)
    assert not (model.selection_table_["choice"] == "own").any()
    np.testing.assert_allclose(
        model.pooled_estimator_.coef_, LogisticRegression(max_iter=2000).fit(X, y).coef_
    )


def test_selection_rows_take_no_part_in_the_fit():
    X, y, s = opposite_rules()
    model = NoHarmSelector(selection_fraction=0.4, cross_fit=None, random_state=0).fit(
        X, y, sensitive_features=s
    )
    fitted, chosen = sum(model.estimator_.group_sizes_.values()), model.selection_table_["n"].sum()
    assert fitted + chosen == len(y)
    assert chosen == pytest.approx(0.4 * len(y), abs=6)


def test_cross_fitting_uses_every_row_for_choosing_and_for_fitting():
    X, y, s = opposite_rules()
    model = NoHarmSelector(cross_fit=4, random_state=0).fit(X, y, sensitive_features=s)
    assert model.selection_table_["n"].sum() == len(y)
    assert sum(model.estimator_.group_sizes_.values()) == len(y)
    assert "on average over 4 fold models" in model.verdict_
    with pytest.raises(
        ValueError,
        match="cross_fit=3 needs groups that are the same in every fold; DecoupledClassifier learns",
    ):
        NoHarmSelector(DecoupledClassifier(partition=KMeans(3, n_init=1)), cross_fit=3, random_state=0).fit(
            X, y
        )
    four, units = (np.eye(4), [0, 1, 0, 1]), [0, 0, 1, 1]
    for more, message in (
        ({}, "5 rows; there are n_samples = 4"),
        ({"units": units}, "5 units; there are 2"),
    ):
        with pytest.raises(ValueError, match=f"cross_fit=5 needs at least {message}"):
            NoHarmSelector(cross_fit=5).fit(*four, sensitive_features=units, **more)
    with pytest.raises(ValueError, match="cross_fit=3 fits classifiers and prefit=True fits none"):
        NoHarmSelector(DecoupledClassifier(), cross_fit=3, prefit=True).fit(X, y)


def test_out_of_fold_answers_are_of_models_that_have_not_seen_the_row():
    """A model that knows its rows by heart is right about them, and would be kept if it were asked about them."""
    rng = np.random.default_rng(0)
    X, y, s = rng.standard_normal((600, 2)), rng.integers(0, 2, 600), rng.integers(0, 2, 600)
    learner = DecoupledClassifier(
        HistGradientBoostingClassifier(min_samples_leaf=1), pooled_estimator=LogisticRegression()
    )
    model = NoHarmSelector(learner, cross_fit=3, random_state=0).fit(X, y, sensitive_features=s)
    assert set(model.selection_table_["choice"]) == {"pooled"}
    assert (model.selection_table_["own_score"] < 0.6).all()


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize(
    "make",
    [
        lambda: (
            LogisticRegression(),
            ExponentiatedGradient(LogisticRegression(), DemographicParity(), max_iter=5),
        ),
        lambda: (
            LogisticRegression(),
            ThresholdOptimizer(estimator=LogisticRegression(), predict_method="predict_proba"),
        ),
    ],
)
def test_mitigated_models_are_kept_or_replaced_group_by_group(make):
    rng = np.random.default_rng(0)
    s = np.repeat(["a", "b"], 1000)
    X = rng.standard_normal((2000, 2)) + (s == "a")[:, None]
    y = (X[:, 0] > 0.5).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        model = NoHarmSelector(make(), random_state=0).fit(X, y, sensitive_features=s)
    assert model.selection_table_["group"].tolist() == ["a", "b"]
    assert model.selection_table_["own_score"].notna().all()
    assert set(model.selection_table_["choice"]) == {"pooled"}  # parity costs accuracy here
    loser = model.set_params(guarantee="empirical", tolerance=0.5, strategy="min_gap")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        again = [loser.fit(X, y, sensitive_features=s).predict(X, sensitive_features=s) for _ in range(2)]
    np.testing.assert_array_equal(*again)


class Coin(ClassifierMixin, BaseEstimator):
    """Decides at random, as fairlearn's reductions do."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X, random_state=None):
        return check_random_state(random_state).randint(0, 2, len(X))


def test_random_decisions_are_drawn_anew_for_people_who_come_one_by_one():
    X, y, s = opposite_rules()
    model = NoHarmSelector(
        (LogisticRegression(), Coin()),
        guarantee="empirical",
        tolerance=0.9,
        strategy="min_gap",
        random_state=0,
    )
    model.fit(X, y, sensitive_features=s)
    coin = model.estimator_.group_estimators_["a"]
    decisions = [int(coin.predict(X[[0]])[0]) for _ in range(200)]
    assert 60 < sum(decisions) < 140


@pytest.mark.parametrize(
    "mitigated",
    [
        CalibratedClassifierCV(LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
        make_pipeline(StandardScaler(), DecoupledClassifier()),
    ],
)
def test_meta_estimators_and_pipelines_can_be_mitigated_models(mitigated):
    X, y, s = opposite_rules()
    model = NoHarmSelector((LogisticRegression(), mitigated), random_state=0).fit(X, y, sensitive_features=s)
    learns_groups = hasattr(mitigated, "steps")
    assert (model.selection_table_["choice"][0] == "own") == learns_groups
    auc = NoHarmSelector((LogisticRegression(), mitigated), scoring="roc_auc", random_state=0)
    assert auc.fit(X, y, sensitive_features=s).predict_proba(X, sensitive_features=s).shape == (len(y), 2)


def test_many_small_groups_are_split_evenly():
    rng = np.random.default_rng(0)
    s = np.repeat(np.arange(100), 6)
    X, y = rng.standard_normal((600, 2)), np.tile([0, 1], 300)
    model = NoHarmSelector(DecoupledClassifier(min_group_size=2), cross_fit=None, random_state=0).fit(
        X, y, sensitive_features=s
    )
    assert model.selection_table_["n"].sum() == pytest.approx(150, abs=1)
    assert model.selection_table_["n"].between(1, 2).all()
    with pytest.raises(ValueError, match="selection_fraction=0.25 of n_samples=2 leaves none to choose on"):
        NoHarmSelector(random_state=0).fit(X[:2], y[:2], sensitive_features=[0, 0])


def test_the_verdict_tells_refusals_of_the_strategy_from_missing_evidence():
    X, y, s = with_zeros(*flips([50, 50], [50, 50], n=5000))
    model = selector([0, 1], tolerance=0.05).fit(X, y, sensitive_features=s)
    assert model.verdict_ == (
        "2 of 2 groups do at most 0.05 worse than with the pooled one (95 % confidence, for all groups together) with another "
        "classifier, but strategy='max_min' prefers the pooled classifier for everybody."
    )
    X, y, s = with_zeros(*flips([0, 400], [50, 100], n=5000))
    model = selector([0, 1], tolerance=0.01).fit(X, y, sensitive_features=s)
    assert (
        "serves the other 1 (for 1 of them strategy='max_min' prefers the pooled classifier)"
        in model.verdict_
    )


def test_labels_that_the_classifiers_do_not_know_are_refused():
    X, y, s = graded()
    with pytest.raises(
        ValueError,
        match=r"y has labels that the classifiers of estimator do not know: \[2, 3\]; they know \[0, 1\]",
    ):
        selector([0, 1]).fit(X, y + 2, sensitive_features=s)
    words = Column(1, ("no", "yes"))
    with pytest.raises(ValueError, match="predict labels of different types"):
        NoHarmSelector((Column(0), {0: words, 1: words}), prefit=True).fit(X, y, sensitive_features=s)
    beyond = NoHarmSelector((Column(0), {0: Column(1, (0, 2)), 1: Column(1)}), prefit=True).fit(
        X, y, sensitive_features=s
    )
    right = ((X[:, 1] >= 0.5) == y) & ((y == 0) | (s == 1))
    assert beyond.selection_table_["own_score"][0] == pytest.approx(right[s == 0].mean())


@pytest.mark.slow
def test_learned_groups_and_trees_can_be_chosen_from():
    pytest.importorskip("torch")
    from fairlearn_fwh.inprocessing import DAFHClassifier

    X, y, s = opposite_rules(3000)
    tree = PreferenceTreeClassifier(max_depth=1, random_state=0)
    model = NoHarmSelector(tree, random_state=0).fit(X, y, sensitive_features=pd.DataFrame({"s": s}))
    assert model.groups_ == ["s = a", "s = b", "s = c"]
    X2 = np.column_stack([X, s == "a"])
    learned = NoHarmSelector(DAFHClassifier(fallback=None, n_init=2, max_epochs=20), random_state=0).fit(
        X2, y
    )
    assert learned.groups_ == [0, 1]
    assert learned.selection_table_["n"].sum() == pytest.approx(750, abs=2)


def test_it_works_in_pipelines_searches_and_pickles():
    X, y, s = opposite_rules()
    pipeline = make_pipeline(StandardScaler(), NoHarmSelector(random_state=0))
    pipeline.fit(X, y, noharmselector__sensitive_features=s)
    frame = PreferenceFrame.from_estimator(pipeline, X, y, sensitive_features=s)
    assert frame.overall["accuracy"] > 0.95
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(NoHarmSelector(random_state=0), {"selection_fraction": [0.2, 0.3]}, cv=2)
        search.fit(X, y, sensitive_features=s)
    assert search.best_estimator_.groups_ == ["a", "b", "c"]
    restored = pickle.loads(pickle.dumps(pipeline[-1]))
    np.testing.assert_array_equal(
        restored.predict(X, sensitive_features=s), pipeline[-1].predict(X, sensitive_features=s)
    )


def test_the_same_seed_gives_the_same_choice():
    X, y, s = opposite_rules()
    tables = [
        NoHarmSelector(random_state=3).fit(X, y, sensitive_features=s).selection_table_ for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_audit_groups_may_be_others_than_those_of_the_choice():
    X, y, s = opposite_rules()
    model = NoHarmSelector(random_state=0).fit(X, y, sensitive_features=pd.Series(s, name="s"))
    both = pd.DataFrame({"s": s, "t": np.where(X[:, 1] > 0, "up", "down")})
    assert len(model.preference_frame(X, y, sensitive_features=both).by_group) == 6


def test_the_picture_shows_every_group_and_what_it_gets():
    X, y, s = with_zeros(*flips([100, 20], [40, 60]))
    axes = selector([0, 1]).fit(X, y, sensitive_features=s).plot_selection()
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "0\n(2,000 people)",
        "1\n(2,000 people)",
    ]
    assert axes.get_xlabel() == "accuracy in the selection data"
    pooled, own = axes.collections[1:3]
    assert (pooled.get_facecolors()[0] == 1).all()  # white: not chosen
    assert not (own.get_facecolors()[0] == 1).all()


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (
            LogisticRegression(),
            TypeError,
            "estimator must have predict_by_group; LogisticRegression does not",
        ),
        ((Column(0), Column(1), Column(1)), TypeError, r"\(pooled, \{group: classifier\}\), .* got 3 things"),
    ],
)
@pytest.mark.parametrize("prefit", [True, False])
def test_what_cannot_be_chosen_from_is_named(estimator, error, message, prefit):
    X, y, s = with_zeros(*flips([100], [40]))
    with pytest.raises(error, match=message):
        NoHarmSelector(estimator, prefit=prefit).fit(X, y, sensitive_features=s)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"tolerance": -0.1},
            r"'tolerance' parameter of NoHarmSelector must be a float in the range \[0.0, inf\). Got -0.1",
        ),
        ({"alpha": 1.0}, "'alpha' parameter"),
        ({"strategy": "best"}, "'strategy' parameter"),
        ({"guarantee": "hope"}, "'guarantee' parameter"),
        ({"selection_fraction": 0}, "'selection_fraction' parameter"),
        ({"cross_fit": 1}, "'cross_fit' parameter"),
        ({"tolerance": 1.5}, "tolerance must be at least 0 and below 1"),
        (
            {"tolerance": 2.0, "scoring": "roc_auc"},
            "tolerance must be below 1 for scoring='roc_auc'; got 2.0",
        ),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y, s = with_zeros(*flips([100], [40]))
    with pytest.raises(ValueError, match=message):
        selector([0], **parameters).fit(X, y, sensitive_features=s)


def test_bad_data_are_named():
    X, y, s = with_zeros(*flips([100], [40]))
    with pytest.raises(
        ValueError, match="Column 'sensitive_features' of sensitive_features has 1999 rows, but 2000"
    ):
        selector([0]).fit(X, y, sensitive_features=s[1:])
    with pytest.raises(ValueError, match="sensitive_features is needed in fit"):
        selector([0]).fit(X, y)
    three = np.arange(len(y)) % 3
    with pytest.raises(ValueError, match="scoring='roc_auc' needs two classes; y has 3"):
        NoHarmSelector(scoring="roc_auc").fit(X, three, sensitive_features=s)
    mute = NoHarmSelector((NoProbabilities(), {0: NoProbabilities()}), prefit=True, scoring="roc_auc")
    with pytest.raises(
        ValueError, match="scoring='roc_auc' needs predict_proba, which NoProbabilities does not have"
    ):
        mute.fit(X, y, sensitive_features=s)


class NoProbabilities(ClassifierMixin, BaseEstimator):
    classes_ = np.array([0, 1])

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


# --- the guarantee -------------------------------------------------------------------------------------------------


@pytest.mark.simulation
def test_own_classifiers_that_are_no_better_are_rarely_kept_and_better_ones_often():
    """`benchmarks/selection_guarantee.py` shows it for 10,000 runs."""
    rng = np.random.default_rng(0)
    runs, groups, size, discordance = 15, 6, 2000, 0.1
    kept = {}
    for gain in (0.0, 0.02):
        better = rng.binomial(size, (discordance + gain) / 2, (runs, groups))
        worse = rng.binomial(size, (discordance - gain) / 2, (runs, groups))
        worse = np.minimum(worse, size - better)
        choices = np.zeros((runs, groups), dtype=bool)
        for run in range(runs):
            X, y, s = flips(better[run], worse[run], n=size)
            y[-1], X[-1] = 0, 0  # two classes
            model = selector(range(groups)).fit(X, y, sensitive_features=s)
            choices[run] = model.selection_table_["choice"] == "own"
        kept[gain] = choices
    false_keeps = int(kept[0.0].any(axis=1).sum())
    assert stats.binomtest(false_keeps, runs, 0.05, alternative="greater").pvalue > 0.01
    assert kept[0.02].mean() >= 0.7


# --- real data -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_boosting_by_sex_on_arrest_harms_nobody_after_selection(real_data):
    bunch = fetch_arrest(data_home=real_data)
    rows, test = train_test_split(np.arange(len(bunch.target)), test_size=0.25, random_state=0)
    preprocessor = default_preprocessor(bunch.data).fit(bunch.data.iloc[rows])
    X, X_test = (preprocessor.transform(bunch.data.iloc[part]) for part in (rows, test))
    s = bunch.sensitive_features[["sex", "age_group"]]
    base = DecoupledClassifier(HistGradientBoostingClassifier(max_iter=20))
    model = NoHarmSelector(base, random_state=0).fit(
        X, bunch.target.iloc[rows], sensitive_features=s.iloc[rows]
    )
    frame = model.preference_frame(X_test, bunch.target.iloc[test], sensitive_features=s.iloc[test])
    assert frame.violations(alpha=0.05, claims="rationality").empty
    assert (frame.by_group["rationality_gain"] >= -0.02).all()
    assert len(model.selection_table_) == 6
