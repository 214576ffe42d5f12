"""The methods that the experiments compare, each fitted and asked in the same way."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ..decoupling import DecoupledClassifier, DecoupledRegressor, PreferenceTreeClassifier
from ..exceptions import GroupCollapseWarning, GroupFallbackWarning, UnstableGroupsWarning
from ..inprocessing import DAFHClassifier
from ..inprocessing.dafh._router import make_router_inputs
from ._data import Split


@dataclass(frozen=True)
class Answers:
    """What a fitted method says about the test rows.

    Attributes
    ----------
    y_pred : ndarray, shape (n,)
    groups : ndarray, shape (n,), or None
        Group whose classifier is used; None for a single model.
    y_pred_by_group : DataFrame, shape (n, K), or None
    share_of_own : float
        Share of the groups that keep a classifier of their own.
    pooled_groups : tuple
        Groups that are served by the very classifier with which all methods are compared.
    n_models : int
        Number of different classifiers.
    """

    y_pred: np.ndarray
    groups: np.ndarray | None = None
    y_pred_by_group: pd.DataFrame | None = None
    share_of_own: float = np.nan
    pooled_groups: tuple[Any, ...] = ()
    n_models: int = 1


Method = Callable[[Split, int], Answers]


class SkippedMethodError(Exception):
    """A method of another package cannot be run here; the message says why."""


def converged_model() -> Any:
    """Make the pooled classifier of the strict protocol: a logistic regression that is trained until it converges."""
    return LogisticRegression(max_iter=2000)


def _ask(model: Any, split: Split, attributes: Any = None) -> Answers:
    fallen = tuple(label for label, m in model.group_estimators_.items() if m is model.pooled_estimator_)
    n_groups = len(model.groups_)
    # DAFH's pooled classifier has seen all training rows, as the one of the comparison has, only if all groups fell back.
    same_pooled = isinstance(model, DecoupledClassifier | DecoupledRegressor) or len(fallen) == n_groups
    return Answers(
        model.predict(split.X_test, sensitive_features=attributes),
        model.predict_group(split.X_test, sensitive_features=attributes),
        model.predict_by_group(split.X_test),
        1 - len(fallen) / n_groups,
        fallen if same_pooled else (),
        len({id(m) for m in model.group_estimators_.values()}),
    )


def _quietly_fit(model: Any, split: Split, **arguments: Any) -> Any:
    """Fit without warnings about groups that fall back: the tables have a column for that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        warnings.simplefilter("ignore", GroupCollapseWarning)
        warnings.simplefilter("ignore", UnstableGroupsWarning)
        return model.fit(split.X, split.y, **arguments)


def pooled(estimator: Any) -> Method:
    """One classifier for all, which does not know the attribute."""
    return lambda split, seed: Answers(clone(estimator).fit(split.X, split.y).predict(split.X_test))


def pooled_with_attribute(estimator: Any) -> Method:
    """One classifier for all, with the attribute among its features."""

    def run(split: Split, seed: int) -> Answers:
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(split.attribute.to_frame())
        X, X_test = (
            np.hstack([features, encoder.transform(attribute.to_frame())])
            for features, attribute in ((split.X, split.attribute), (split.X_test, split.attribute_test))
        )
        return Answers(clone(estimator).fit(X, split.y).predict(X_test))

    return run


def pooled_with_bins(estimator: Any) -> Method:
    """One classifier for all that sees numeric features in bins, as DAFH's router does: what the bins alone are worth."""

    def run(split: Split, seed: int) -> Answers:
        scaler, bins = make_router_inputs(split.X)
        assert bins is not None  # features of the experiments are dense
        X, X_test = (
            np.hstack([scaler.transform(features), bins.indicators(bins.codes(features))])
            for features in (split.X, split.X_test)
        )
        return Answers(clone(estimator).fit(X, split.y).predict(X_test))

    return run


def trivial_partition(estimator: Any) -> Method:
    """One classifier per value of the attribute."""
    return lambda split, seed: _partition_by(
        DecoupledClassifier(estimator, random_state=seed), split, split.attribute, split.attribute_test
    )


def lr_all(estimator: Any) -> Method:
    """One classifier per cell of all sensitive features (LR-All, Ustun et al. 2019)."""
    return lambda split, seed: _partition_by(
        DecoupledClassifier(estimator, random_state=seed), split, split.sensitive, split.sensitive_test
    )


def tree_lr(estimator: Any) -> Method:
    """A tree of sensitive features with a classifier in each leaf, as published (TreeLR, Ustun et al. 2019)."""
    return lambda split, seed: _partition_by(
        PreferenceTreeClassifier(estimator, fallback=None, random_state=seed),
        split,
        split.sensitive,
        split.sensitive_test,
    )


def _partition_by(model: Any, split: Split, attributes: Any, attributes_test: Any) -> Answers:
    _quietly_fit(model, split, sensitive_features=attributes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return _ask(model, split, attributes_test)


def clustering(estimator: Any, n_groups: int = 2) -> Method:
    """One classifier per cluster of the features (k-means)."""

    def run(split: Split, seed: int) -> Answers:
        clusterer = make_pipeline(StandardScaler(), KMeans(n_groups, n_init=10))
        model = DecoupledClassifier(estimator, partition=clusterer, random_state=seed)
        return _ask(_quietly_fit(model, split), split)

    return run


def dafh(make_model: Callable[[int], DAFHClassifier]) -> Method:
    """Groups learned together with their classifiers."""
    return lambda split, seed: _ask(_quietly_fit(make_model(seed), split), split)


def dafh_chosen(settings: Sequence[dict[str, Any]], estimator: Any) -> Method:
    """DAFH with the settings that gain most over the pooled classifier on the validation rows, which all settings share."""

    def run(split: Split, seed: int) -> Answers:
        models = [_quietly_fit(DAFHClassifier(estimator, random_state=seed, **s), split) for s in settings]
        return _ask(max(models, key=validation_gain), split)

    return run


def validation_gain(model: DAFHClassifier) -> float:
    """Gain over the pooled classifier on the rows that chose the epoch."""
    return model.validation_history_[model.best_epoch_ - 1]["rationality_gain"]


#: What "DAFH, chosen" chooses from.
CHOICES: tuple[dict[str, Any], ...] = ({}, {"objective": "ce", "n_groups": 4})


def default_methods() -> dict[str, Method]:
    """Make the methods that a user would compare, at their defaults."""
    estimator = converged_model()
    return {
        "pooled": pooled(estimator),
        "pooled, knows the attribute": pooled_with_attribute(estimator),
        "trivial partition": trivial_partition(estimator),
        "clustering": clustering(estimator),
        "DAFH, no fallback": dafh(lambda seed: DAFHClassifier(estimator, fallback=None, random_state=seed)),
        "DAFH, certified": dafh(lambda seed: DAFHClassifier(estimator, random_state=seed)),
    }


#: What to try first: a pooled classifier that knows the groups, and a stronger one.
FIRST_TO_TRY = ("pooled, knows the attribute", "pooled, gradient boosting")


def compared_methods() -> dict[str, Method]:
    """Make the methods of `compare_methods`: first what to try first, then those with groups."""
    methods = default_methods()
    boosting = {FIRST_TO_TRY[1]: pooled(HistGradientBoostingClassifier(random_state=0))}
    simple = {name: methods.pop(name) for name in ("pooled", FIRST_TO_TRY[0])}
    return simple | boosting | methods


def strict_methods() -> dict[str, Method]:
    """Make the methods of Table 4 in the strict protocol: those that a user would compare, DAFH with chosen settings, and a pooled classifier with DAFH's bins."""
    estimator = converged_model()
    return default_methods() | {
        "DAFH, chosen": dafh_chosen(CHOICES, estimator),
        "pooled, sees the bins": pooled_with_bins(estimator),
    }
