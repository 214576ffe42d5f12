"""The algorithm, its twin for aif360.sklearn and the plain estimator are one thing, to the last bit, on real data."""

import numpy as np
import pandas as pd
import pytest
from aif360.datasets import BinaryLabelDataset
from sklearn.linear_model import LogisticRegression

import fairlearn_fwh.aif360 as algorithms
import fairlearn_fwh.aif360.sklearn as twins
from fairlearn_fwh._methods import ADAPTED, Kind
from fairlearn_fwh.aif360 import as_binary_label_dataset
from fairlearn_fwh.datasets import fetch_adult, fetch_arrest, fetch_german_credit

DATA = {
    "adult": (fetch_adult, ["sex"]),
    "german": (fetch_german_credit, ["sex"]),
    "arrest": (fetch_arrest, ["race", "sex"]),
}

#: Short trainings; equality does not hang on their length. The transfer is called with other data, see test_transfer.
SETTINGS = {
    name: method.quick | ({"max_epochs": 5} if "max_epochs" in method.quick else {})
    for name, method in ADAPTED.items()
    if method.kind is not Kind.TASKS
} | {
    "DRO": {"max_epochs": 5, "objective": "cvar", "alpha": 0.5},
    "DAFH": {"n_init": 2, "max_epochs": 3, "batch_size": 2048},
    "NoHarmReduction": {"tolerance": 0.05, "max_iter": 5},
    "GroupStacking": {"n_folds": 2, "estimators": [("logistic", LogisticRegression())]},
    "PreferredTreatment": {"regularization": 0.01},
}

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::fairlearn_fwh.exceptions.{name}")
    for name in ("GroupCollapseWarning", "GroupFallbackWarning", "ConstraintsNotSatisfiedWarning")
] + [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


def german_as_aif360_has_it(dataset):
    """German credit with AIF360's labels: 1 is good, 2 is bad."""
    table = pd.DataFrame(dataset.features, columns=dataset.feature_names)
    return BinaryLabelDataset(
        favorable_label=1.0,
        unfavorable_label=2.0,
        df=table.assign(credit=2.0 - dataset.labels.ravel()),
        label_names=["credit"],
        protected_attribute_names=dataset.protected_attribute_names,
    )


@pytest.fixture(scope="module", params=DATA)
def data(request, real_data):
    fetch, attributes = DATA[request.param]
    dataset = as_binary_label_dataset(fetch(data_home=real_data), protected_attribute_names=attributes)
    if request.param == "german":
        dataset = german_as_aif360_has_it(dataset)
    scale = dataset.features.std(axis=0)
    dataset.features = (dataset.features - dataset.features.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    rows = np.random.default_rng(0).permutation(len(dataset.labels))[:1200]
    return dataset.subset(rows).split([0.7], shuffle=False)


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize("name", SETTINGS)
def test_algorithm_twin_and_plain_estimator_are_equal(name, data):
    train, test = data
    model = getattr(algorithms, name)(random_state=0, **SETTINGS[name]).fit(train)
    predicted = model.predict(test)

    def frame(dataset):
        groups = pd.DataFrame(dataset.protected_attributes, columns=dataset.protected_attribute_names)
        X = pd.DataFrame(dataset.features, columns=dataset.feature_names)
        return X.set_axis(pd.MultiIndex.from_frame(groups), axis=0), groups

    (X, groups), (X_test, groups_test) = frame(train), frame(test)
    twin = getattr(twins, name)(pos_label=1.0, random_state=0, **SETTINGS[name]).fit(X, train.labels.ravel())
    assert (twin.predict(X_test).to_numpy() == predicted.labels.ravel()).all()
    favorable = list(twin.classes_).index(1.0)
    assert (twin.predict_proba(X_test)[:, favorable] == predicted.scores.ravel()).all()

    plain = model._estimator_class(random_state=0, **SETTINGS[name])
    X, X_test = (table.drop(columns=train.protected_attribute_names) for table in (X, X_test))
    plain.fit(X, (train.labels.ravel() == 1.0).astype(int), sensitive_features=groups)
    routed = {"sensitive_features": groups_test} if hasattr(plain, "predict_group") else {}
    assert (plain.predict(X_test, **routed) == (predicted.labels.ravel() == 1.0)).all()
    assert (plain.predict_proba(X_test, **routed)[:, 1] == predicted.scores.ravel()).all()
