"""Data sets in AIF360's form that the tests of this folder share."""

import numpy as np
import pandas as pd
import pytest
from aif360.datasets import BinaryLabelDataset
from aif360.datasets.multiclass_label_dataset import MulticlassLabelDataset

from ..conftest import opposite_rules


def people(n=1200, seed=0):
    """A frame of two features, a protected attribute by which rules are opposite, another that means nothing, and labels."""
    X, y, group = opposite_rules(n, seed=seed)
    noise = np.random.default_rng(seed + 1).integers(0, 2, n)
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "sex": group, "old": noise, "label": y}).astype(float)


def binary(frame=None, favorable=1.0, unfavorable=0.0, names=("sex",), **arguments):
    frame = people() if frame is None else frame
    frame = frame.assign(label=np.where(frame["label"] == 1, favorable, unfavorable))
    return BinaryLabelDataset(
        favorable_label=favorable,
        unfavorable_label=unfavorable,
        df=frame,
        label_names=["label"],
        protected_attribute_names=list(names),
        **arguments,
    )


def several_labels(n=1500):
    frame = people(n)
    frame["label"] += 2.0 * (frame["a"] > 0.5)
    return MulticlassLabelDataset(
        favorable_label=[1.0, 3.0],
        unfavorable_label=[0.0, 2.0],
        df=frame,
        label_names=["label"],
        protected_attribute_names=["sex"],
    )


@pytest.fixture
def dataset():
    return binary()


@pytest.fixture
def train_test(dataset):
    return dataset.split([0.7], shuffle=True, seed=0)
