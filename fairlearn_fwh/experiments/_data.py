"""The data sets of the experiments, as numbers, split and ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from ..datasets import (
    default_preprocessor,
    fetch_adult,
    fetch_arrest,
    fetch_bank_marketing,
    fetch_german_credit,
    fetch_ham10000,
    fetch_violent,
    load_diabetes_progression,
    make_intersectional,
)


@dataclass(frozen=True)
class DataSpec:
    """A data set and the attribute by which people are partitioned where groups are known.

    Parameters
    ----------
    load : callable (data_home, **options of fetch) -> Bunch
    attribute : str
        The sensitive feature of the DAFH paper's trivial partition (its section 6.2).
    load_as_published : callable (data_home) -> Bunch, optional
        With leakage that the paper has used.
    split : callable (bunch, attribute, test_size, random_state) -> Split, optional
        By default `make_split`.
    loss : str
        In which models are compared.
    loss_limit : float, optional
        Where losses of amounts are cut off.
    """

    load: Callable[..., Any]
    attribute: str
    load_as_published: Callable[[Any], Any] | None = None
    split: Callable[..., Split] | None = None
    loss: str = "zero_one"
    loss_limit: float | None = None


REAL_DATA = {
    "adult": DataSpec(lambda home, **more: fetch_adult(data_home=home, **more), "race"),
    "arrest": DataSpec(lambda home, **more: fetch_arrest(data_home=home, **more), "race"),
    "violent": DataSpec(lambda home, **more: fetch_violent(data_home=home, **more), "race"),
    "german": DataSpec(lambda home, **more: fetch_german_credit(data_home=home, **more), "sex"),
    "bank": DataSpec(
        lambda home, **more: fetch_bank_marketing(data_home=home, **more),
        "age_group",
        lambda home: fetch_bank_marketing(data_home=home, include_leakage=True),
    ),
}

EMBEDDED_DATA = {
    "diabetes": DataSpec(lambda home: load_diabetes_progression(), "sex"),
    "intersectional": DataSpec(lambda home: make_intersectional(random_state=0), "s1"),
}

#: What the DAFH paper's tables are about, and Bank as the paper has it.
PAPER_DATA = REAL_DATA | {
    "synthetic": DataSpec(lambda home: make_intersectional(random_state=0), "s1"),
    "bank_as_published": DataSpec(
        lambda home: fetch_bank_marketing(data_home=home, include_leakage=True), "age_group"
    ),
}


@dataclass(frozen=True)
class Split:
    """Training and test rows of one random split, features as numbers fitted on the training rows.

    Attributes
    ----------
    X, X_test : ndarray
    y, y_test : ndarray
    attribute, attribute_test : Series
        The sensitive feature of the trivial partition.
    sensitive, sensitive_test : DataFrame
        All sensitive features.
    feature_names : list of str
    units : ndarray, optional
        What belongs together among the training rows.
    """

    X: np.ndarray
    y: np.ndarray
    attribute: pd.Series
    X_test: np.ndarray
    y_test: np.ndarray
    attribute_test: pd.Series
    sensitive: pd.DataFrame
    sensitive_test: pd.DataFrame
    feature_names: list[str]
    units: np.ndarray | None = None


def groups_of(bunch: Any, attribute: str) -> pd.Series:
    """Return a sensitive feature, or the intersection of several whose names are separated by commas.

    Raises
    ------
    ValueError
        If there is no such feature.
    """
    names = [name.strip() for name in attribute.split(",")]
    if unknown := [name for name in names if name not in bunch.sensitive_features]:
        raise ValueError(
            f"attribute must be among {list(bunch.sensitive_features)}, several separated by commas; got {unknown!r}."
        )
    if len(names) == 1:
        return bunch.sensitive_features[names[0]]
    return bunch.sensitive_features[names].astype(str).agg(" x ".join, axis=1)


def make_split(bunch: Any, attribute: str, *, test_size: float, random_state: int) -> Split:
    """Split a data set at random and preprocess it."""
    rows = np.arange(len(bunch.target))
    train, test = train_test_split(rows, test_size=test_size, random_state=random_state)
    preprocessor = default_preprocessor(bunch.data).fit(bunch.data.iloc[train])
    groups, y = groups_of(bunch, attribute), bunch.target.to_numpy()
    return Split(
        X=preprocessor.transform(bunch.data.iloc[train]),
        y=y[train],
        attribute=groups.iloc[train],
        X_test=preprocessor.transform(bunch.data.iloc[test]),
        y_test=y[test],
        attribute_test=groups.iloc[test],
        sensitive=bunch.sensitive_features.iloc[train],
        sensitive_test=bunch.sensitive_features.iloc[test],
        feature_names=[str(name) for name in preprocessor.get_feature_names_out()],
    )


def split_by_lesion(bunch: Any, attribute: str, *, test_size: float, random_state: int) -> Split:
    """Split images of skin lesions so that all images of a lesion are on one side; one of each is for testing.

    People of unknown groups are left out.
    """
    groups = groups_of(bunch, attribute)
    known = np.flatnonzero(groups.notna())
    y, lesions = bunch.target.to_numpy(), bunch.lesion_id.to_numpy()
    splitter = GroupShuffleSplit(1, test_size=test_size, random_state=random_state)
    train, test = (known[rows] for rows in next(splitter.split(known, groups=lesions[known])))
    test = test[np.sort(np.unique(lesions[test], return_index=True)[1])]
    return Split(
        X=bunch.data[train],
        y=y[train],
        attribute=groups.iloc[train],
        X_test=bunch.data[test],
        y_test=y[test],
        attribute_test=groups.iloc[test],
        sensitive=bunch.sensitive_features.iloc[train],
        sensitive_test=bunch.sensitive_features.iloc[test],
        feature_names=["image"],
        units=lesions[train],
    )


#: Images, which only networks take.
IMAGE_DATA = {
    name: DataSpec(lambda home: fetch_ham10000(data_home=home), attribute, split=split_by_lesion)
    for name, attribute in (("ham10000", "sex"), ("ham10000-age", "age_group"))
}
