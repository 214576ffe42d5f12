"""AIF360's data sets and post-processing, and our guards around them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from .traps import trap


@pytest.fixture
def dataset(rng):
    pytest.importorskip("aif360")
    from aif360.datasets import BinaryLabelDataset

    n = 300
    table = pd.DataFrame(
        {
            "x": rng.standard_normal(n),
            "g": rng.integers(0, 3, n).astype(float),
            "y": rng.integers(0, 2, n).astype(float),
        }
    )
    return BinaryLabelDataset(df=table, label_names=["y"], protected_attribute_names=["g"])


def copy_with(dataset, labels):
    copy = dataset.copy(deepcopy=True)
    copy.labels = np.asarray(labels, dtype=float).reshape(-1, 1)
    copy.scores = copy.labels.copy()
    return copy


@trap("shared labels")
def test_predictions_that_share_memory_with_the_truth_are_refused(dataset):
    from fairlearn_fwh.aif360 import PreferenceMetric

    pooled = copy_with(dataset, np.ones(300))
    shallow = dataset.copy()
    assert np.shares_memory(shallow.labels, dataset.labels)
    with pytest.raises(
        ValueError, match=r"classified_dataset has the very array of labels .*copy\(deepcopy=True\)"
    ):
        PreferenceMetric(dataset, shallow, pooled)
    PreferenceMetric(dataset, dataset.copy(deepcopy=True), pooled)


@trap("outside both groups")
def test_everybody_outside_the_two_groups_refused_is_seen(dataset):
    from aif360.algorithms.postprocessing import EqOddsPostprocessing

    from fairlearn_fwh.aif360 import PreferenceMetric

    two = {"unprivileged_groups": [{"g": 0.0}], "privileged_groups": [{"g": 1.0}]}
    truth, outside = dataset, dataset.protected_attributes.ravel() == 2
    pooled = copy_with(dataset, np.arange(300) % 2)
    processed = EqOddsPostprocessing(**two, seed=0).fit(truth, pooled).predict(pooled)
    assert (processed.labels.ravel()[outside] == truth.unfavorable_label).all()
    processed.scores = processed.labels.copy()
    with pytest.raises(ValueError, match=r"people are in neither .* all of them the unfavorable label"):
        PreferenceMetric(truth, processed, pooled, **two)
    PreferenceMetric(truth, pooled, processed, **two)


@trap("split seeds numpy")
def test_our_adapters_leave_the_random_numbers_of_numpy_alone(dataset):
    from fairlearn_fwh.aif360 import Decoupled

    kept = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(5)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        dataset.split([0.5], shuffle=True, seed=1)
        assert (np.random.get_state()[1] != before).any()  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        Decoupled(random_state=0).fit(dataset).predict(dataset)
        assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    finally:
        np.random.set_state(kept)  # noqa: NPY002


@trap("post-processing of aif360.sklearn")
@pytest.mark.filterwarnings("ignore")
def test_predictions_stand_in_for_post_processing_that_cannot_be_fitted(rng):
    sklearn, processing = pytest.importorskip("sklearn"), pytest.importorskip("aif360.sklearn.postprocessing")
    if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 7):
        pytest.skip("older versions have what it asks for")
    index = pd.Index(rng.integers(0, 2, 200), name="g")
    X = pd.DataFrame({"x": rng.standard_normal(200)}, index=index)
    y = pd.Series(rng.integers(0, 2, 200), index=index)
    meta = processing.PostProcessingMeta(
        LogisticRegression(), processing.CalibratedEqualizedOdds("g", random_state=0)
    )
    with pytest.raises(AttributeError, match="_get_tags"):
        meta.fit(X, y)
    from fairlearn_fwh.postprocessing import NoHarmSelector

    answers = {"old": np.zeros(200, dtype=int), "post-processed": y.to_numpy()}
    selector = NoHarmSelector.from_predictions(y.to_numpy(), answers, sensitive_features=index.to_numpy())
    assert selector.selection_table_["choice"].tolist() == ["post-processed"] * 2
