"""The algorithms as users of AIF360 call them."""

import copy
import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from aif360.algorithms import Transformer
from aif360.datasets import RegressionDataset
from aif360.metrics import BinaryLabelDatasetMetric, ClassificationMetric
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.neighbors import KNeighborsClassifier

import fairlearn_fwh.aif360 as algorithms
from fairlearn_fwh._methods import ADAPTED
from fairlearn_fwh.aif360 import Decoupled, NoHarm
from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning

from .conftest import binary, people, several_labels

# A few epochs neither find groups nor make experts; most of these tests are not about that.
pytestmark = [
    pytest.mark.filterwarnings("ignore::fairlearn_fwh.exceptions.GroupCollapseWarning"),
    pytest.mark.filterwarnings(
        "ignore:. of . groups have no classifier:fairlearn_fwh.exceptions.GroupFallbackWarning"
    ),
]

NAMES = tuple(ADAPTED)

#: Enough to be called; few epochs find nothing, and then everybody would get the pooled classifier.
SHORT = {"max_epochs": 4}


def make(name):
    """An algorithm that is quick to fit on the data of these tests."""
    quick = ADAPTED[name].quick
    settings = (
        quick | (SHORT if "max_epochs" in quick else {}) | ({"fallback": None} if name == "DAFH" else {})
    )
    return getattr(algorithms, name)(random_state=0, **settings)


@pytest.fixture(scope="module", params=NAMES)
def fitted(request):
    train, test = binary().split([0.7], shuffle=True, seed=0)
    return make(request.param).fit(train), train, test


def test_constructor_has_the_parameters_of_the_estimator_and_those_of_aif360():
    signature = inspect.signature(Decoupled)
    adapted = inspect.signature(DecoupledClassifier).parameters
    added = {"unprivileged_groups", "privileged_groups", "protected_attribute_names", "keep_protected"}
    assert set(signature.parameters) == set(adapted) | added
    for name, parameter in adapted.items():
        assert signature.parameters[name].default == parameter.default
        assert signature.parameters[name].kind == parameter.kind
    assert set(Decoupled().get_params()) == set(signature.parameters)
    with pytest.raises(TypeError, match="Decoupled: .*n_groups"):
        Decoupled(n_groups=3)


@pytest.mark.long(but_every=3)
def test_is_a_transformer_that_scikit_learn_can_clone_and_python_copy(fitted):
    model, _, test = fitted
    assert isinstance(model, Transformer)
    fresh = clone(model)
    assert fresh.get_params(deep=False) == model.get_params(deep=False)
    assert not hasattr(fresh, "estimator_")
    expected = model.predict(test)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert (other.predict(test).labels == expected.labels).all()
        assert (other.predict(test).scores == expected.scores).all()


def test_predicts_a_copy_with_labels_scores_and_metadata(fitted):
    model, _, test = fitted
    before = copy.deepcopy(test)
    predicted = model.predict(test)
    assert test == before
    with test.temporarily_ignore("labels", "scores"):
        assert predicted == test
    assert predicted.labels.shape == predicted.scores.shape == test.labels.shape
    assert set(np.unique(predicted.labels)) <= {0.0, 1.0}
    assert ((predicted.scores >= 0) & (predicted.scores <= 1)).all()
    assert predicted.metadata["transformer"] == f"{type(model).__name__}.predict"
    assert predicted.metadata["params"] == model.get_params(deep=False)
    assert predicted.metadata["previous"] == [test]


def test_metrics_of_aif360_take_the_predictions(fitted):
    model, _, test = fitted
    predicted = model.predict(test)
    groups = {"unprivileged_groups": [{"sex": 0}], "privileged_groups": [{"sex": 1}]}
    metric = ClassificationMetric(test, predicted, **groups)
    assert metric.accuracy() == pytest.approx((predicted.labels == test.labels).mean())
    assert np.isfinite(BinaryLabelDatasetMetric(predicted, **groups).mean_difference())


def test_fit_predict_is_fit_and_predict(train_test):
    train, _ = train_test
    assert (Decoupled().fit_predict(train).labels == Decoupled().fit(train).predict(train).labels).all()


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("name", NAMES)
def test_favorable_may_be_the_smaller_label(name):
    """German credit has favorable 1 and unfavorable 2."""
    train, test = binary().split([0.7], shuffle=True, seed=0)
    german, german_test = binary(favorable=1.0, unfavorable=2.0).split([0.7], shuffle=True, seed=0)
    expected, found = make(name).fit(train).predict(test), make(name).fit(german).predict(german_test)
    assert ((found.labels == 1) == (expected.labels == 1)).all()
    assert (found.scores == expected.scores).all()


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("NoHarmReduction", "PreferredTreatment")])
def test_several_labels(name):
    train, test = several_labels().split([0.7], shuffle=True, seed=0)
    model = make(name).fit(train)
    predicted = model.predict(test)
    assert set(np.unique(predicted.labels)) <= {0.0, 1.0, 2.0, 3.0}
    without = name == "DAFH" or not hasattr(model, "predict_group")  # nobody says who is in which group
    groups = {} if without else {"sensitive_features": test.protected_attributes[:, 0]}
    probabilities = model.estimator_.predict_proba(features_of(test), **groups)
    assert predicted.scores.ravel() == pytest.approx(probabilities[:, [1, 3]].sum(axis=1))
    metric = ClassificationMetric(test, predicted, [{"sex": 0}], [{"sex": 1}])
    assert np.isfinite(metric.statistical_parity_difference())


def features_of(dataset):
    """Features without the protected attribute `sex`."""
    table = pd.DataFrame(dataset.features, columns=dataset.feature_names)
    return table.drop(columns="sex")


def test_protected_attributes_leave_the_features_unless_they_are_kept(train_test):
    train, _ = train_test
    assert list(Decoupled().fit(train).estimator_.feature_names_in_) == ["a", "b", "old"]
    assert list(Decoupled(keep_protected=True).fit(train).estimator_.feature_names_in_) == [
        "a",
        "b",
        "sex",
        "old",
    ]
    assert "sex" in train.feature_names


def test_groups_are_combinations_of_the_protected_attributes_that_were_asked_for():
    dataset = binary(names=("sex", "old"))
    assert Decoupled().fit(dataset).estimator_.groups_ == [(0, 0), (0, 1), (1, 0), (1, 1)]
    one = Decoupled(protected_attribute_names="old").fit(dataset)
    assert one.estimator_.groups_ == [0, 1]
    assert list(one.estimator_.feature_names_in_) == ["a", "b"]


def test_groups_may_be_the_privileged_and_the_unprivileged():
    dataset = binary(names=("sex", "old"))
    model = Decoupled(
        unprivileged_groups=[{"sex": 0, "old": 0}, {"sex": 0, "old": 1}],
        privileged_groups=[{"sex": 1, "old": 1}],
    ).fit(dataset)
    sex, old = dataset.protected_attributes.T
    expected = np.where(sex == 0, "unprivileged", np.where(old == 1, "privileged", "neither"))
    assert (model.predict_group(dataset) == expected).all()
    assert model.estimator_.group_sizes_["neither"] == ((sex == 1) & (old == 0)).sum()


def test_instance_weights_are_sample_weights(train_test):
    train, test = train_test
    doubled = train.subset(list(range(len(train.labels))) * 2)
    weighted = train.copy()
    weighted.instance_weights = np.full(len(train.labels), 2.0)
    estimator = LogisticRegression(max_iter=2000, tol=1e-8)
    scores = [Decoupled(estimator).fit(data).predict(test).scores for data in (doubled, weighted)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    nobody = train.copy()
    nobody.instance_weights = np.where(train.protected_attributes[:, 0] == 1, 1.0, 0.0)
    with pytest.warns(GroupFallbackWarning, match="0.0"):
        Decoupled().fit(nobody)


def test_scores_without_probabilities_are_decisions(train_test):
    train, test = train_test
    predicted = Decoupled(Perceptron(random_state=0)).fit(train).predict(test)
    assert (predicted.scores == predicted.labels).all()
    assert (predicted.labels != test.labels).any()


def test_routed_algorithms_say_who_is_served_by_what(train_test):
    train, test = train_test
    model = Decoupled().fit(train)
    by_group = model.predict_by_group(test)
    group = model.predict_group(test)
    assert (group == test.protected_attributes[:, 0]).all()
    own = np.where(group == 0, by_group[0.0].labels.ravel(), by_group[1.0].labels.ravel())
    assert (model.predict(test).labels.ravel() == own).all()
    pooled = model.predict_pooled(test)
    assert (pooled.labels.ravel() == model.estimator_.pooled_estimator_.predict(features_of(test))).all()
    assert pooled.metadata["transformer"] == "Decoupled.predict_pooled"


def test_one_model_has_its_baseline_as_pooled_and_no_groups_to_predict(train_test):
    train, test = train_test
    model = make("NoHarmReduction").fit(train)
    assert (
        model.predict_pooled(test).labels.ravel() == model.estimator_.baseline_.predict(features_of(test))
    ).all()
    assert not hasattr(model, "predict_group")


def test_selects_between_mitigated_and_baseline(train_test):
    """A pair of classifiers goes through as it does with the plain estimator."""
    train, test = train_test
    pair = (LogisticRegression(), KNeighborsClassifier())
    model = NoHarm(pair, random_state=0).fit(train)
    assert set(model.estimator_.selection_table_["choice"]) <= {"own", "pooled"}
    assert model.predict(test).labels.shape == test.labels.shape


def test_candidates_by_name_are_those_of_the_plain_estimator(train_test):
    train, test = train_test
    candidates = [("pooled", LogisticRegression()), ("neighbours", KNeighborsClassifier())]
    model = NoHarm(candidates, guarantee="release", random_state=0).fit(train)
    assert model.estimator_.selection_table_["candidate"].tolist() == ["neighbours"] * len(
        model.estimator_.groups_
    )
    assert model.predict(test).labels.shape == test.labels.shape


def frozen(dataset):
    """A fitted classifier that knows the labels of a data set."""
    return FrozenEstimator(LogisticRegression().fit(features_of(dataset), dataset.labels.ravel()))


@pytest.mark.parametrize(("favorable", "unfavorable"), [(1.0, 2.0), (0.0, 1.0)])
def test_fitted_classifiers_are_refused_where_labels_are_coded(favorable, unfavorable):
    """They would answer with other labels than those that they are judged by."""
    train = binary(favorable=favorable, unfavorable=unfavorable)
    known = frozen(train)
    for model, name in (
        (NoHarm((known, known), prefit=True), "estimator"),
        (NoHarm([("pooled", known), ("new", known)], prefit=True), "estimator"),
        (NoHarm((LogisticRegression(), {0.0: known})), "estimator"),
        (Decoupled(pooled_estimator=known), "pooled_estimator"),
        (algorithms.NoHarmReduction(baseline=known), "baseline"),
    ):
        with pytest.raises(ValueError, match=f"{name} holds a fitted classifier, which knows other labels"):
            model.fit(train)


def test_fitted_classifiers_are_used_where_labels_are_one_and_zero(train_test):
    train, test = train_test
    base = frozen(train)
    selector = NoHarm((base, base), prefit=True).fit(test)
    accuracy = (base.predict(features_of(test)) == test.labels.ravel()).mean()
    table = selector.estimator_.selection_table_
    assert np.average(table["pooled_score"], weights=table["n"]) == pytest.approx(accuracy)


def test_warm_start_goes_on_from_the_last_fit(train_test):
    train, test = train_test
    model = make("DAFH").set_params(warm_start=True).fit(train)
    first = model.predict(test).scores
    assert (model.fit(train).predict(test).scores != first).any()
    cold = make("DAFH").fit(train)
    assert (cold.fit(train).predict(test).scores == first).all()


def test_a_fitted_algorithm_goes_on_with_the_parameters_of_its_fit(train_test):
    train, test = train_test
    groups = [{"sex": 0}], [{"sex": 1}]
    model = Decoupled(unprivileged_groups=groups[0], privileged_groups=groups[1]).fit(train)
    before = model.predict(test).labels
    model.set_params(unprivileged_groups=groups[1], privileged_groups=groups[0], keep_protected=True)
    assert (model.predict(test).labels == before).all()


def test_missing_protected_attributes_are_refused_also_with_two_groups(dataset):
    attributes = dataset.protected_attributes.copy()
    attributes[:5] = np.nan
    broken = changed(dataset, protected_attributes=attributes)
    with pytest.raises(ValueError, match="'sex' is missing for 5 people"):
        Decoupled(unprivileged_groups=[{"sex": 0}], privileged_groups=[{"sex": 1}]).fit(broken)
    with pytest.raises(ValueError, match="sex"):
        Decoupled().fit(broken)


def test_unseen_value_gets_the_pooled_classifier_or_an_error(train_test):
    train, test = train_test
    strange = test.copy()
    strange.protected_attributes = test.protected_attributes.copy()
    strange.protected_attributes[:5] = 7.0
    with pytest.warns(GroupFallbackWarning, match="7.0"):
        predicted = Decoupled().fit(train).predict(strange)
    pooled = Decoupled().fit(train).predict_pooled(strange)
    assert (predicted.labels[:5] == pooled.labels[:5]).all()
    with pytest.raises(ValueError, match="7.0"):
        Decoupled(handle_unknown="error").fit(train).predict(strange)


def changed(dataset, **fields):
    new = dataset.copy()
    for name, value in fields.items():
        setattr(new, name, value)
    return new


@pytest.mark.parametrize(
    ("parameters", "fields", "error", "message"),
    [
        ({}, {"labels": np.full((1200, 1), 3.0)}, ValueError, r"dataset.labels must be favorable \[1.0\] or unfavorable \[0.0\]; got \[3.0\]"),
        ({}, {"instance_weights": np.zeros(1200)}, ValueError, "instance_weights are zero for everybody"),
        ({}, {"instance_weights": np.full(1200, -1.0)}, ValueError, "at least 0; got -1.0 in 1200 rows"),
        ({}, {"instance_weights": np.full(1200, np.nan)}, ValueError, "got nan in 1200 rows"),
        ({}, {"protected_attribute_names": []}, ValueError, "dataset has no protected attribute"),
        ({"protected_attribute_names": "race"}, {}, ValueError, r"protected_attribute_names names \['race'\], but the protected attributes of dataset are \['sex'\]"),
        ({"privileged_groups": [{"sex": 1}]}, {}, ValueError, "must be given together"),
        ({"privileged_groups": [{"race": 1}], "unprivileged_groups": [{"sex": 0}]}, {}, ValueError, "privileged_groups names"),
        ({"privileged_groups": [{"sex": 1}], "unprivileged_groups": [{"sex": 1}]}, {}, ValueError, "must be disjoint"),
        ({"privileged_groups": [{"sex": 5}], "unprivileged_groups": [{"sex": 0}]}, {}, ValueError, "privileged_groups match nobody"),
        ({"privileged_groups": [], "unprivileged_groups": []}, {}, ValueError, "unprivileged_groups match nobody"),
        ({"privileged_groups": 3, "unprivileged_groups": [{"sex": 0}]}, {}, TypeError, "privileged_groups must be a list of dicts"),
        ({"protected_attribute_names": []}, {}, ValueError, "protected_attribute_names must be a name, or a list"),
        ({"protected_attribute_names": ["sex", "sex"]}, {}, ValueError, "a list of different names"),
        ({"protected_attribute_names": 3}, {}, ValueError, "got 3"),
        ({"privileged_groups": {"sex": 1}, "unprivileged_groups": [{"sex": 0}]}, {}, TypeError, "privileged_groups must be a list of dicts"),
        ({"privileged_groups": [{"sex": 1}], "unprivileged_groups": [{"sex": 0}], "protected_attribute_names": "sex"}, {}, ValueError, "give one of them"),
        ({"min_group_size": 0}, {}, ValueError, "min_group_size"),
    ],
)  # fmt: skip
def test_bad_input_is_told_before_anything_is_fitted(dataset, parameters, fields, error, message):
    model = Decoupled(**parameters)
    with pytest.raises(error, match=message):
        model.fit(changed(dataset, **fields))
    assert not hasattr(model, "estimator_")


def test_data_sets_of_another_kind_are_refused(dataset):
    frame = people()
    regression = RegressionDataset(frame, "a", ["sex"], [[1.0]])
    with pytest.raises(TypeError, match="dataset must be a BinaryLabelDataset .* got RegressionDataset"):
        Decoupled().fit(regression)
    with pytest.raises(TypeError, match="got DataFrame"):
        Decoupled().fit(dataset).predict(frame)


def test_empty_data_sets_are_refused(dataset):
    with pytest.raises(ValueError, match="dataset has no rows"):
        Decoupled().fit(dataset.subset([]))


def test_only_protected_attributes_are_no_features():
    frame = people()[["sex", "label"]]
    with pytest.raises(ValueError, match="no features but its protected attributes"):
        Decoupled().fit(binary(frame))


def test_weights_are_refused_where_the_method_takes_none(dataset):
    with pytest.raises(ValueError, match="NoHarmReduction takes no weights"):
        make("NoHarmReduction").fit(changed(dataset, instance_weights=np.full(1200, 2.0)))


def test_predict_wants_a_fit_and_the_data_of_fit(dataset):
    with pytest.raises(NotFittedError):
        Decoupled().predict(dataset)
    model = Decoupled().fit(dataset)
    renamed = changed(dataset, feature_names=["a", "c", "sex", "old"])
    with pytest.raises(ValueError, match=r"it lacks \['b'\] and has \['c'\] besides"):
        model.predict(renamed)
    with pytest.raises(ValueError, match="another order"):
        model.predict(changed(dataset, feature_names=["b", "a", "sex", "old"]))
    with pytest.raises(
        ValueError, match=r"calls \[1.0\] favorable and \[2.0\] unfavorable; in fit these were"
    ):
        model.predict(binary(unfavorable=2.0))


def test_a_failed_fit_keeps_the_last_one(dataset, train_test):
    train, test = train_test
    model = Decoupled().fit(train)
    expected = model.predict(test).labels
    with pytest.raises(ValueError, match="zero for everybody"):
        model.fit(changed(dataset, instance_weights=np.zeros(1200)))
    assert (model.predict(test).labels == expected).all()
