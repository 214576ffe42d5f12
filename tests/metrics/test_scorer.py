"""Scorers that tell prediction and metric who belongs to which group."""

import pickle

import numpy as np
import pytest
import sklearn
from fairlearn.metrics import demographic_parity_difference
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.metrics import make_group_scorer, rationality_gain_group_min


@pytest.fixture
def data():
    """Two groups with opposite rules: a pooled classifier is right for half of the people."""
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(600, 3)), rng.integers(0, 2, 600)
    return X, ((X[:, 0] > 0) ^ (groups == 1)).astype(int), groups


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


SCORER = make_group_scorer(accuracy_score)


def test_prediction_gets_the_groups_without_routing(data):
    X, y, groups = data
    for model in (DecoupledClassifier(), make_pipeline(StandardScaler(), DecoupledClassifier())):
        prefix = "decoupledclassifier__" if hasattr(model, "steps") else ""
        model.fit(X, y, **{f"{prefix}sensitive_features": groups})
        assert SCORER(model, X, y, sensitive_features=groups) > 0.95


def test_cross_validation_with_routing_scores_what_is_predicted(data, routing):
    X, y, groups = data
    parameters = {"sensitive_features": groups}
    for model in (DecoupledClassifier(), make_pipeline(StandardScaler(), DecoupledClassifier())):
        scores = cross_validate(model, X, y, scoring=SCORER, params=parameters)["test_score"]
        assert scores.min() > 0.9  # scoring="accuracy" would find 0.5
    several = {"accuracy": SCORER, "gain": make_group_scorer(rationality_gain_group_min)}
    scores = cross_validate(DecoupledClassifier(), X, y, scoring=several, params=parameters)
    assert scores["test_accuracy"].min() > 0.9
    assert scores["test_gain"].min() > 0.1


@pytest.mark.filterwarnings("ignore::fairlearn_fwh.exceptions.GroupFallbackWarning")
def test_a_search_chooses_by_what_is_predicted(data, routing):
    X, y, groups = data
    search = GridSearchCV(DecoupledClassifier(), {"min_group_size": [50, 5000]}, scoring=SCORER)
    search.fit(X, y, sensitive_features=groups)
    assert search.best_params_ == {"min_group_size": 50}
    assert SCORER(search, X, y, sensitive_features=groups) > 0.95


def test_the_metric_gets_the_groups_even_if_prediction_needs_none(data, routing):
    X, y, groups = data
    scorer = make_group_scorer(demographic_parity_difference, greater_is_better=False)
    scores = cross_validate(LogisticRegression(), X, y, scoring=scorer, params={"sensitive_features": groups})
    assert (scores["test_score"] <= 0).all()
    model = LogisticRegression().fit(X, y)
    expected = -demographic_parity_difference(y, model.predict(X), sensitive_features=groups)
    assert scorer(model, X, y, sensitive_features=groups) == pytest.approx(expected)


def test_fairlearns_mitigators_are_scored(data):
    X, y, groups = data
    model = ThresholdOptimizer(
        estimator=LogisticRegression(), constraints="demographic_parity", predict_method="predict_proba"
    ).fit(X, y, sensitive_features=groups)
    assert 0 <= SCORER(model, X, y, sensitive_features=groups) <= 1


def test_probabilities_and_weights(data):
    X, y, groups = data
    model = DecoupledClassifier().fit(X, y, sensitive_features=groups)
    probabilities = model.predict_proba(X, sensitive_features=groups)[:, 1]
    weights = np.linspace(0, 1, len(y))
    for metric in (roc_auc_score, log_loss):
        scorer = make_group_scorer(metric, response_method="predict_proba")
        score = scorer(model, X, y, sensitive_features=groups, sample_weight=weights)
        assert score == pytest.approx(metric(y, probabilities, sample_weight=weights))


def test_without_groups_it_raises_rather_than_score_something_else(data):
    X, y, groups = data
    model = DecoupledClassifier().fit(X, y, sensitive_features=groups)
    with pytest.raises(ValueError, match="The scorer of accuracy_score got no sensitive_features"):
        SCORER(model, X, y)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        cross_validate(DecoupledClassifier(), X, y, scoring=SCORER, error_score="raise")


def test_a_wrapper_that_does_not_pass_the_groups_on_is_refused(data):
    X, y, groups = data
    model = DecoupledClassifier().fit(X, y, sensitive_features=groups)
    wrapper = FixedThresholdClassifier(FrozenEstimator(model)).fit(X, y)
    with pytest.raises(ValueError, match="FixedThresholdClassifier does not pass sensitive_features on"):
        SCORER(wrapper, X, y, sensitive_features=groups)


def test_a_scorer_can_be_read_copied_and_stored():
    scorer = make_group_scorer(demographic_parity_difference, greater_is_better=False)
    assert "demographic_parity_difference" in repr(scorer)
    assert "greater_is_better=False" in repr(scorer)
    assert repr(pickle.loads(pickle.dumps(scorer))) == repr(scorer)
    assert repr(clone(scorer, safe=False)) == repr(scorer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score_func": "accuracy"}, "score_func must be callable; got 'accuracy'"),
        ({"score_func": accuracy_score, "response_method": "transform"}, "response_method must be one of"),
    ],
)
def test_bad_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_group_scorer(**arguments)
