"""Pairs of tasks: a target whose groups are for testing only, and an auxiliary whose groups are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from torch import nn

from ...datasets import (
    default_preprocessor,
    fetch_adult,
    fetch_arrest,
    fetch_bank_marketing,
    fetch_german_credit,
    fetch_violent,
)
from ...inprocessing._training._seeding import seeded
from .._data import DataSpec

#: Of large data sets as many people are drawn for each task.
MOST_PEOPLE = 6000

#: Inputs of the encoder where features of tasks differ.
_COMMON_INPUTS = 32


@dataclass(frozen=True)
class TransferSplit:
    """One random split of a pair.

    Attributes
    ----------
    X, y : ndarray
        Of the target, to learn from.
    groups : Series
        Its audit groups, which only the upper bounds know.
    known : Series or None
        One attribute of the target that is known, where groups are intersections.
    auxiliary : tuple (X, y, groups)
    X_test, y_test : ndarray
    groups_test : Series
    input_modules : dict from task to torch module, or None
    """

    X: np.ndarray
    y: np.ndarray
    groups: pd.Series
    known: pd.Series | None
    auxiliary: tuple[np.ndarray, np.ndarray, pd.Series]
    X_test: np.ndarray
    y_test: np.ndarray
    groups_test: pd.Series
    input_modules: dict[str, nn.Module] | None = None


def _load_pair(
    fetch: Callable[..., Any], other: Callable[..., Any], attribute: str
) -> Callable[[Any], Bunch]:
    def load(home: Any) -> Bunch:
        target, auxiliary = fetch(data_home=home), other(data_home=home)
        return Bunch(target=target, auxiliary=auxiliary, attribute=attribute)

    return load


def _split_pair(pair: Bunch, attribute: str, *, test_size: float, random_state: int) -> TransferSplit:
    """Hold out rows of the target; all rows of the auxiliary are for learning."""
    rng = np.random.default_rng(random_state)
    rows = rng.permutation(len(pair.target.target))
    n_test = int(test_size * len(rows))
    test, train = rows[:n_test], rows[n_test:][:MOST_PEOPLE]
    other = rng.permutation(len(pair.auxiliary.target))[:MOST_PEOPLE]
    target, auxiliary = pair.target.data, pair.auxiliary.data.iloc[other]
    shared = list(target.columns) == list(auxiliary.columns)
    first = pd.concat([target.iloc[train], auxiliary]) if shared else target.iloc[train]
    preprocessor = default_preprocessor(target).fit(first)
    X, X_test = (np.asarray(preprocessor.transform(target.iloc[part])) for part in (train, test))
    own = preprocessor if shared else default_preprocessor(pair.auxiliary.data).fit(auxiliary)
    X_auxiliary = np.asarray(own.transform(auxiliary))
    groups, others = (
        task.sensitive_features[attribute].astype(str) for task in (pair.target, pair.auxiliary)
    )
    labels = pair.target.target.to_numpy()
    return TransferSplit(
        X=X,
        y=labels[train],
        groups=groups.iloc[train],
        known=None,
        auxiliary=(
            X_auxiliary,
            pair.auxiliary.target.to_numpy()[other],
            others.iloc[other],
        ),
        X_test=X_test,
        y_test=labels[test],
        groups_test=groups.iloc[test],
        input_modules=None if shared else _input_modules(X.shape[1], X_auxiliary.shape[1], random_state),
    )


def _input_modules(n_features: int, n_others: int, random_state: int) -> dict[str, nn.Module]:
    with seeded(random_state):  # their first weights are part of the model
        return {
            "target": nn.Linear(n_features, _COMMON_INPUTS),
            "auxiliary": nn.Linear(n_others, _COMMON_INPUTS),
        }


def _load_adult(home: Any) -> Bunch:
    bunch = fetch_adult(data_home=home)
    age = pd.qcut(bunch.data["age"], 4).astype(str)
    return Bunch(
        data=bunch.data,
        income=bunch.target.to_numpy(),
        long_hours=(bunch.data["hours-per-week"] > 40).astype(int).to_numpy(),
        attributes=bunch.sensitive_features.astype(str).assign(age_quarter=age),
    )


def _split_adult(bunch: Bunch, attribute: str, *, test_size: float, random_state: int) -> TransferSplit:
    """Other people for each task; with two attributes (``a x b``) the target knows the first and the auxiliary the second."""
    rows = np.random.default_rng(random_state).permutation(len(bunch.income))
    n_test = int(test_size * len(rows))
    test, train, other = (
        rows[:n_test],
        rows[n_test:][:MOST_PEOPLE],
        rows[n_test:][MOST_PEOPLE : 2 * MOST_PEOPLE],
    )
    left_out = ["hours-per-week"] + (["age"] if attribute == "age_quarter" else [])
    table = bunch.data.drop(columns=left_out)
    preprocessor = default_preprocessor(table).fit(table.iloc[np.concatenate([train, other])])
    X, X_other, X_test = (
        np.asarray(preprocessor.transform(table.iloc[part])) for part in (train, other, test)
    )
    names = attribute.split(" x ")
    groups = bunch.attributes[names].agg(" x ".join, axis=1)
    return TransferSplit(
        X=X,
        y=bunch.income[train],
        groups=groups.iloc[train],
        known=bunch.attributes[names[0]].iloc[train] if len(names) > 1 else None,
        auxiliary=(X_other, bunch.long_hours[other], bunch.attributes[names[-1]].iloc[other]),
        X_test=X_test,
        y_test=bunch.income[test],
        groups_test=groups.iloc[test],
    )


def _pair(fetch: Callable[..., Any], other: Callable[..., Any], attribute: str) -> DataSpec:
    split: Any = _split_pair
    return DataSpec(_load_pair(fetch, other, attribute), attribute, split=split)


def _adult(attribute: str) -> DataSpec:
    split: Any = _split_adult
    return DataSpec(_load_adult, attribute, split=split)


#: Target and auxiliary.
PAIRS = {
    "arrest-violent": _pair(fetch_arrest, fetch_violent, "race"),
    "violent-arrest": _pair(fetch_violent, fetch_arrest, "race"),
    "adult-hours": _adult("sex"),
    "adult-age": _adult("age_quarter"),
    "adult-intersectional": _adult("sex x race"),
    "german-bank": _pair(fetch_german_credit, fetch_bank_marketing, "age_group"),
}


@dataclass(frozen=True)
class People:
    """Generated people of one task.

    Attributes
    ----------
    X : ndarray, shape (n, 5)
    y, a, b : ndarray of int, shape (n,)
        Label and two attributes.
    """

    X: np.ndarray
    y: np.ndarray
    a: np.ndarray
    b: np.ndarray


def draw_people(
    n: int,
    rng: np.random.Generator,
    *,
    signal: float = 1.2,
    similarity: float = 1.0,
    shift: float = 0.0,
    two: bool = False,
) -> People:
    """Draw people whose label is more frequent in a group that features tell.

    Parameters
    ----------
    n : int
    rng : Generator
    signal : float
        How far the label shifts the first feature.
    similarity : float
        Cosine between the direction in which the first attribute shifts features and the second feature; the rest is the last one.
    shift : float
        Of the second feature for everybody.
    two : bool
        Whether the second attribute matters, too: for the label, and for the third feature.

    Returns
    -------
    People
    """
    a, b = (rng.integers(0, 2, n) for _ in range(2))
    rate = 0.25 + (0.25 * (a + b) if two else 0.5 * a)
    y = (rng.random(n) < rate).astype(int)
    X = rng.standard_normal((n, 5))
    X[:, 0] += signal * y
    X[:, 1] += 2 * similarity * a + shift
    X[:, 4] += 2 * np.sqrt(1 - similarity**2) * a
    if two:
        X[:, 2] += 2 * b
    return People(X, y, a, b)
