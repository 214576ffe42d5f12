"""Models that the user has, as a routed ensemble."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from .._group_routed import GroupRoutedClassifier
from .._routed import Sample, clone_seeded, weight_arguments
from ..metrics._arrays import Groups, as_tuple


def takes(function: Any, argument: str) -> bool:
    """Whether a function has an argument of this name."""
    return argument in inspect.signature(function).parameters


class ModelOfGroup(ClassifierMixin, BaseEstimator):
    """A mitigated model as it treats one group: asked with the group's sensitive features, always with the same seed.

    Parameters
    ----------
    model : fitted classifier
        Its `predict` takes `sensitive_features`, or `random_state` because it decides at random, or both.
    names : list of str
        Names of the sensitive features.
    label : scalar or tuple
        The group.
    seed : int
        A person's decision should not change when it is asked for twice.
    """

    def __init__(self, model: Any, names: list[str], label: Any, seed: int) -> None:
        self.model = model
        self.names = names
        self.label = label
        self.seed = seed

    def predict(self, X: Any) -> np.ndarray:
        """Predict for members of the group."""
        arguments: dict[str, Any] = {}
        if takes(self.model.predict, "random_state"):
            arguments["random_state"] = self.seed
        if takes(self.model.predict, "sensitive_features"):
            values = dict(zip(self.names, as_tuple(self.label), strict=True))
            arguments["sensitive_features"] = pd.DataFrame(values, index=range(X.shape[0]))
        return np.asarray(self.model.predict(X, **arguments))


class ModelTable(GroupRoutedClassifier):
    """A pooled classifier and one model per group, or one mitigated model for all groups.

    Parameters
    ----------
    pooled : classifier
    models : dict from group to classifier, or classifier
    prefit : bool
        Whether the models are fitted already; then `fit` only reads the groups.
    random_state : int, RandomState or None
    """

    def __init__(self, pooled: Any, models: Any, *, prefit: bool = False, random_state: Any = None) -> None:
        self.pooled = pooled
        self.models = models
        self.prefit = prefit
        self.random_state = random_state

    handle_unknown = "pooled"
    missing_group = "error"

    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit what is not fitted, and give every group its model."""
        if sensitive_features is None:
            raise ValueError(
                "sensitive_features is needed in fit: they say which of the models serves each person."
            )
        sample = self._check_fit_input(X, y, sample_weight)
        groups = self._read_groups(sensitive_features, len(sample))
        assert groups is not None
        seed = np.random.RandomState(0) if self.random_state is None else self.random_state
        self.group_sizes_ = dict(
            zip(groups.labels, np.bincount(groups.codes, minlength=len(groups)).tolist(), strict=True)
        )
        self.pooled_estimator_ = self.pooled if self.prefit else sample.fit(clone_seeded(self.pooled, seed))
        self.fallback_groups_: dict[Any, str] = {}
        if isinstance(self.models, Mapping):
            self.group_estimators_ = self._models_by_group(sample, groups, seed)
        else:
            self.group_estimators_ = self._mitigated(sample, groups, sensitive_features, seed)
        if self.prefit:
            self.classes_ = _classes(self.pooled_estimator_, self.classes_)
        return self

    def _models_by_group(self, sample: Sample, groups: Groups, seed: np.random.RandomState) -> dict[Any, Any]:
        if self.prefit:
            return dict(self.models)
        fitted = {}
        for label, model in self.models.items():
            members = (
                sample.take(groups.codes == groups.labels.index(label)) if label in groups.labels else None
            )
            if members is not None and members.has_several_classes():
                fitted[label] = members.fit(clone_seeded(model, seed))
            else:
                fitted[label] = self.pooled_estimator_
                self.fallback_groups_[label] = "fewer than two classes among its people"
        return fitted

    def _mitigated(
        self, sample: Sample, groups: Groups, sensitive_features: Any, seed: np.random.RandomState
    ) -> dict[Any, Any]:
        model = self.models
        if not self.prefit:
            model = clone_seeded(model, seed)
            arguments = weight_arguments(model, sample.weights)
            if _learns_from_groups(model):
                arguments = {**arguments, "sensitive_features": sensitive_features}
            model.fit(sample.X, sample.y, **arguments)
        draw = int(seed.randint(np.iinfo(np.int32).max))
        if takes(model.predict, "sensitive_features"):
            return {label: ModelOfGroup(model, groups.names, label, draw) for label in groups.labels}
        if takes(model.predict, "random_state"):
            model = ModelOfGroup(model, [], (), draw)
        return dict.fromkeys(groups.labels, model)


def _learns_from_groups(model: Any) -> bool:
    """Whether `fit` takes sensitive features, by name or, as fairlearn's reductions, among any keywords."""
    kinds = {parameter.kind for parameter in inspect.signature(model.fit).parameters.values()}
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds and not isinstance(model, Pipeline)
    return takes(model.fit, "sensitive_features") or takes_any


def _classes(model: Any, seen: np.ndarray) -> np.ndarray:
    """Classes of a fitted model, or those that were seen in the data."""
    return np.asarray(getattr(model, "classes_", seen))
