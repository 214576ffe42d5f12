"""Models as people have them: answers in columns, fits that fail for one group, weights that are passed on, threads."""

import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.decoupling import DecoupledClassifier, PreferenceTreeClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    MultiTaskTransferClassifier,
    SelectiveExpertsClassifier,
)
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector
from fairlearn_fwh.reductions import NoHarmReduction


@pytest.fixture
def people(rng):
    n = 900
    X, groups = rng.standard_normal((n, 3)), rng.choice(["a", "b", "c"], n)
    y = ((X[:, 0] > 0) ^ (groups == "b")).astype(int)
    return X, np.where(rng.random(n) < 0.2, 2, y), groups


class InColumns(ClassifierMixin, BaseEstimator):
    """Answers as CatBoost does where there are more than two classes."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.model_ = LogisticRegression().fit(X, y)
        return self

    def predict(self, X):
        return self.model_.predict(X)[:, None]

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


@pytest.mark.parametrize(
    "wrap",
    [
        DecoupledClassifier,
        lambda model: PreferenceTreeClassifier(model, random_state=0),
        lambda model: NoHarmSelector(DecoupledClassifier(model), random_state=0),
        lambda model: NoHarmSelector((model, {"a": model, "b": model, "c": model}), random_state=0),
        lambda model: DAFHClassifier(model, max_epochs=3, random_state=0),
    ],
    ids=["decoupled", "tree", "selector", "table", "dafh"],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # what the groups come to does not matter here
def test_answers_in_columns_are_answers(people, wrap):
    X, y, groups = people
    ours, plain = (
        wrap(model).fit(X, y, sensitive_features=groups) for model in (InColumns(), LogisticRegression())
    )
    answers = ours.predict(X, sensitive_features=groups)
    assert answers.shape == (len(X),)
    assert (answers == plain.predict(X, sensitive_features=groups)).all()
    by_group = ours.predict_by_group(X)
    assert (by_group.to_numpy() == plain.predict_by_group(X).to_numpy()).all()
    frame = ours.preference_frame(X, y, sensitive_features=groups)
    assert frame.overall["n"] == len(X)


class Other(LogisticRegression):
    """Predicts labels that nobody knows."""

    def predict(self, X):
        return super().predict(X) + 5


def test_answers_that_are_no_class_are_refused(people):
    X, y, groups = people
    model = DecoupledClassifier(Other()).fit(X, y, sensitive_features=groups)
    for ask in (lambda: model.predict(X, sensitive_features=groups), lambda: model.predict_by_group(X)):
        with pytest.raises(
            ValueError, match=r"Other predicts \[.*\], which are not among the classes \[0, 1, 2\]"
        ):
            ask()
    with pytest.raises(ValueError, match="which are not among the classes"):
        NoHarmSelector(DecoupledClassifier(Other()), random_state=0).fit(X, y, sensitive_features=groups)


class Picky(LogisticRegression):
    """Needs all three classes, as XGBoost does."""

    def fit(self, X, y, sample_weight=None):
        if len(np.unique(y)) < 3:
            raise ValueError("Invalid classes inferred from unique values of `y`.\nExpected: [0 1 2]")
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: DecoupledClassifier(Picky()), "c"),
        (lambda: PreferenceTreeClassifier(Picky(), random_state=0), "sensitive_features = c"),
        (lambda: NoHarmSelector(DecoupledClassifier(Picky()), random_state=0), "c"),
        (lambda: NoHarmSelector((Picky(), {g: Picky() for g in "abc"}), random_state=0), "c"),
    ],
    ids=["decoupled", "tree", "selector", "table"],
)
def test_a_group_whose_fit_fails_keeps_the_pooled_classifier(people, make, name):
    X, y, groups = people
    y = np.where((groups == "c") & (y == 2), 0, y)
    with pytest.warns(GroupFallbackWarning, match="its fit failed"):
        model = make().fit(X, y, sensitive_features=groups)
    reason = model.fallback_groups_[name]
    assert reason.startswith(
        "its fit failed (ValueError: Invalid classes inferred from unique values of `y`.)"
    )
    mine = groups == "c"
    pooled = model.pooled_estimator_.predict(X[mine])
    assert (model.predict(X[mine], sensitive_features=groups[mine]) == pooled).all()
    assert (
        model.predict(X[~mine], sensitive_features=groups[~mine]) != model.pooled_estimator_.predict(X[~mine])
    ).any()


def test_too_few_people_for_calibration_stop_nobody(people):
    X, y, groups = people
    y = np.where(groups == "c", 0, y % 2)
    y[np.flatnonzero(groups == "c")[:2]] = 1
    with pytest.warns(GroupFallbackWarning, match="'c': its fit failed"):
        model = DecoupledClassifier(CalibratedClassifierCV(cv=3)).fit(X, y, sensitive_features=groups)
    assert set(model.fallback_groups_) == {"c"}


def test_a_pooled_fit_that_fails_is_an_error(people):
    X, y, groups = people
    with pytest.raises(ValueError, match="Invalid classes"):
        DecoupledClassifier(Picky()).fit(X, y % 2, sensitive_features=groups)


WEIGHTED = {
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3),
    "random search": RandomizedSearchCV(LogisticRegression(), {"C": [1.0]}, n_iter=1, cv=3),
    "search of a pipeline": GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=3),
    "pipeline of a search": make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=3)),
    "vote": VotingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(3, random_state=0))]),
    "vote with a dropped one": VotingClassifier([("a", LogisticRegression()), ("b", "drop")]),
    "stack": StackingClassifier([("a", LogisticRegression())], cv=3),
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_are_passed_on(people, name):
    X, y, groups = people
    y = y % 2
    flipped = groups == "a"
    # Of two copies of everybody, one with other labels, that with weights counts.
    weights = np.concatenate([np.full(len(y), 1.0), np.full(len(y), 1e-6)])
    twice = np.tile(groups, 2)
    model = DecoupledClassifier(WEIGHTED[name]).fit(
        np.tile(X, (2, 1)), np.concatenate([y, 1 - y]), sensitive_features=twice, sample_weight=weights
    )
    assert model.score(X[flipped], y[flipped], sensitive_features=groups[flipped]) > 0.6


@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier([("k", KNeighborsClassifier()), ("l", LogisticRegression())]),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3]}),
        KNeighborsClassifier(),
    ],
)
def test_weights_that_nobody_takes_are_refused(people, model):
    X, y, groups = people
    with pytest.raises(ValueError, match=f"{type(model).__name__} does not take sample weights"):
        DecoupledClassifier(model).fit(X, y, sensitive_features=groups, sample_weight=np.ones(len(y)))


@pytest.mark.parametrize(
    "wrap",
    [
        DecoupledClassifier,
        lambda m: PreferenceTreeClassifier(m, random_state=0),
        lambda m: DAFHClassifier(m, max_epochs=2, random_state=0),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_models_that_predict_once_they_are_fitted_are_taken(people, wrap):
    X, y, groups = people
    stack = StackingClassifier([("a", LogisticRegression())], cv=3)
    assert (
        wrap(stack).fit(X, y % 2, sensitive_features=groups).score(X, y % 2, sensitive_features=groups) > 0.5
    )
    with pytest.raises(ValueError, match="The 'estimator' parameter of"):
        wrap(StandardScaler()).fit(X, y % 2, sensitive_features=groups)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DAFHClassifier(max_epochs=3, random_state=0),
        lambda: AdversarialReweightingClassifier(max_epochs=6, random_state=0),
        lambda: SelectiveExpertsClassifier(max_epochs=3, random_state=0),
        lambda: MultiTaskTransferClassifier(max_epochs=3, random_state=0),
    ],
    ids=["dafh", "adversarial", "experts", "transfer"],
)
def test_fits_in_threads_are_those_of_one(people, make):
    X, y, groups = people
    y = y % 2
    found = {}

    def fit(name):
        more = (
            {}
            if isinstance(make(), AdversarialReweightingClassifier | DAFHClassifier)
            else {"sensitive_features": groups}
        )
        found[name] = make().fit(X, y, **more).predict_proba(X)

    with (
        warnings.catch_warnings()
    ):  # the filters belong to the process, so they are set before the threads begin
        warnings.simplefilter("ignore")
        fit("alone")
        threads = [threading.Thread(target=fit, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for i in range(3):
        assert (found[i] == found["alone"]).all()


@pytest.mark.filterwarnings("ignore::fairlearn_fwh.exceptions.ConstraintsNotSatisfiedWarning")
def test_the_reduction_round_trips_through_skops(people):
    import skops.io

    X, y, groups = people
    model = NoHarmReduction().fit(X, y % 2, sensitive_features=groups)
    data = skops.io.dumps(model)
    again = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    assert (again.predict(X) == model.predict(X)).all()
    assert again.group_losses_.equals(model.group_losses_)


class Backwards(ClassifierMixin, BaseEstimator):
    """Has its classes, and the columns of its probabilities, in another order."""

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_[::-1]
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)[:, ::-1]


def test_the_order_of_classes_is_that_of_each_classifier(people):
    X, y, groups = people
    y = y % 2
    frames = [
        PreferenceFrame.from_estimator(
            DecoupledClassifier(own, pooled_estimator=pooled).fit(X, y, sensitive_features=groups),
            X,
            y,
            sensitive_features=groups,
            loss="brier",
        )
        for own, pooled in (
            (LogisticRegression(), LogisticRegression()),
            (LogisticRegression(), Backwards()),
            (Backwards(), LogisticRegression()),
        )
    ]
    for frame in frames[1:]:
        np.testing.assert_allclose(frame.by_group["risk"], frames[0].by_group["risk"])
        np.testing.assert_allclose(frame.by_group["pooled_risk"], frames[0].by_group["pooled_risk"])


class OneRow(LogisticRegression):
    def predict(self, X):
        return super().predict(X)[:1]


class OneColumn(LogisticRegression):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, :1]


def test_answers_of_another_shape_are_refused(people):
    X, y, groups = people
    model = DecoupledClassifier(OneRow()).fit(X, y, sensitive_features=groups)
    with pytest.raises(ValueError, match=r"OneRow must answer for each of \d+ rows; it answers for 1"):
        model.predict(X, sensitive_features=groups)
    model = DecoupledClassifier(OneColumn()).fit(X, y, sensitive_features=groups)
    with pytest.raises(ValueError, match="OneColumn must predict a probability for each of its 3 classes"):
        model.predict_proba(X, sensitive_features=groups)


class Joining(ClassifierMixin, BaseEstimator):
    """A model for everybody that joins features and sensitive features by the index, as pandas does."""

    def _features(self, X, sensitive_features):
        group = (
            sensitive_features.iloc[:, 0]
            if isinstance(sensitive_features, pd.DataFrame)
            else sensitive_features
        )
        return X.assign(sign=X["a"] * np.where(X.index.map(group == "b"), -1, 1)).fillna(0)

    def fit(self, X, y, sensitive_features=None):
        self.classes_ = np.unique(y)
        self.model_ = LogisticRegression().fit(self._features(X, sensitive_features), y)
        return self

    def predict(self, X, sensitive_features=None):
        return self.model_.predict(self._features(X, sensitive_features))


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("cross_fit", [None, 3])
def test_the_selector_keeps_the_index_of_the_features(people, shuffled, cross_fit):
    X, y, groups = people
    X = pd.DataFrame(X, columns=list("abc"))
    y, groups = pd.Series((X["a"] > 0) ^ (groups == "b")).astype(int), pd.Series(groups, name="g")
    if shuffled:
        X = X.sample(frac=1, random_state=0)
        y, groups = y.loc[X.index], groups.loc[X.index]
    pair = (make_pipeline(StandardScaler(), LogisticRegression()), Joining())
    model = NoHarmSelector(pair, guarantee="empirical", cross_fit=cross_fit, random_state=0)
    model.fit(X, y, sensitive_features=groups)
    assert model.selection_table_["own_score"].min() > 0.9
    assert model.score(X, y, sensitive_features=groups) > 0.9
    NoHarmSelector(DecoupledClassifier(), cross_fit=cross_fit, random_state=0).fit(
        X, y, sensitive_features=groups
    )


def test_a_classifier_that_knows_its_classes_needs_no_labels(people):
    X, y, groups = people
    y = y % 2
    model = DecoupledClassifier().fit(X, y, sensitive_features=groups)
    wrong = np.flatnonzero((model.predict(X, sensitive_features=groups) == 1) & (y == 0))[:12]
    frame = model.preference_frame(X[wrong], y[wrong], sensitive_features=groups[wrong])
    assert len(frame.certify(tolerance=0.1)) > 0
    text = np.where(y == 1, "yes", "no")
    model = DecoupledClassifier().fit(X, text, sensitive_features=groups)
    frame = model.preference_frame(X, np.char.add(text, "."), sensitive_features=groups)
    with pytest.raises(ValueError, match="which are counted as different"):
        frame.certify(tolerance=0.1)
