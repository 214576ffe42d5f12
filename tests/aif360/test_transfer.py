"""A related data set with known groups, given to the multi-task transfer in both APIs."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.aif360 import MultiTaskTransfer
from fairlearn_fwh.aif360.sklearn import MultiTaskTransfer as Twin
from fairlearn_fwh.inprocessing import MultiTaskTransferClassifier

from .conftest import binary

SETTINGS = {"max_epochs": 4, "random_state": 0}

pytestmark = [
    pytest.mark.filterwarnings("ignore:The epoch is chosen without groups of the target"),
    pytest.mark.filterwarnings("ignore:The target has become worse"),
]


@pytest.fixture(scope="module")
def datasets():
    target, auxiliary, test = binary().split([0.4, 0.7], shuffle=True, seed=0)
    return target, auxiliary, test


def plain(dataset):
    names = dataset.protected_attribute_names
    X = pd.DataFrame(dataset.features, columns=dataset.feature_names).drop(columns=names, errors="ignore")
    groups = pd.DataFrame(dataset.protected_attributes, columns=names)
    return X, (dataset.labels.ravel() == dataset.favorable_label).astype(int), groups


def indexed(dataset):
    X, _, groups = plain(dataset)
    return X.set_axis(pd.MultiIndex.from_frame(groups), axis=0), dataset.labels.ravel()


@pytest.mark.long(but_every=2)
@pytest.mark.parametrize("chosen", [False, True])
def test_algorithm_twin_and_plain_estimator_are_equal(datasets, chosen):
    target, auxiliary, test = datasets
    model = MultiTaskTransfer(**SETTINGS, choose_by_protected=chosen).fit(target, auxiliary)
    predicted = model.predict(test)
    (X, y), other, (X_test, _) = (indexed(dataset) for dataset in datasets)
    twin = Twin(**SETTINGS, choose_by_protected=chosen).fit(X, y, auxiliary=other)
    assert (twin.predict(X_test).to_numpy() == predicted.labels.ravel()).all()
    X, y, groups = plain(target)
    direct = MultiTaskTransferClassifier(**SETTINGS).fit(
        X, y, auxiliary=plain(auxiliary), validation_sensitive_features=groups if chosen else None
    )
    assert (direct.predict_proba(plain(test)[0])[:, 1] == predicted.scores.ravel()).all()
    alone = MultiTaskTransfer(**SETTINGS).fit(target).predict(test)
    assert (alone.scores != predicted.scores).any()


def test_several_related_tasks_and_what_cannot_be_used(datasets):
    target, auxiliary, _ = datasets
    model = MultiTaskTransfer(**SETTINGS).fit(target, {"one": auxiliary, "two": target})
    assert list(model.estimator_.classes_by_task_) == ["target", "one", "two"]
    with pytest.raises(TypeError, match="auxiliary must be a BinaryLabelDataset"):
        MultiTaskTransfer().fit(target, np.zeros(3))
    X, y = indexed(target)
    with pytest.raises(ValueError, match=r"auxiliary must be a tuple \(X, y\)"):
        Twin().fit(X, y, auxiliary=X)
