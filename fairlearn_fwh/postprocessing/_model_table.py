"""Models that the user has, as a routed ensemble."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from fairlearn.reductions import ExponentiatedGradient, GridSearch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from ..base._group_routed import GroupRoutedClassifier
from ..base._inner_fits import clone_seeded, try_to_fit
from ..base._samples import Sample
from ..base._weights import weight_arguments
from ..metrics._core._groups import Groups, as_tuple


def takes(model: Any, method: str, argument: str) -> bool:
    """Whether a method has an argument of this name; a pipeline hands it on to its last step."""
    final = model.steps[-1][1] if isinstance(model, Pipeline) else model
    return hasattr(final, method) and argument in inspect.signature(getattr(final, method)).parameters


class ModelOfGroup(ClassifierMixin, BaseEstimator):
    """A mitigated model as it treats one group: asked with the group's sensitive features, and with our random numbers.

    Parameters
    ----------
    model : fitted classifier
        Its `predict` takes `sensitive_features`, or `random_state` because it decides at random, or both.
    names : list of str
        Names of the sensitive features.
    label : scalar or tuple
        The group.
    random_state : RandomState
        Draws anew in every call: with the same draws in each call people who are served one by one would all get the first.
    """

    def __init__(self, model: Any, names: list[str], label: Any, random_state: np.random.RandomState) -> None:
        self.model = model
        self.names = names
        self.label = label
        self.random_state = random_state

    def predict(self, X: Any) -> np.ndarray:
        """Predict for members of the group."""
        return np.asarray(self.model.predict(X, **self._arguments("predict", X)))

    @available_if(lambda self: hasattr(self.model, "predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities for members of the group."""
        return np.asarray(self.model.predict_proba(X, **self._arguments("predict_proba", X)))

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return self.model.classes_

    def _arguments(self, method: str, X: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if takes(self.model, method, "random_state"):
            arguments["random_state"] = self.random_state
        if takes(self.model, method, "sensitive_features"):
            values = dict(zip(self.names, as_tuple(self.label), strict=True))
            arguments["sensitive_features"] = pd.DataFrame(
                values, index=X.index if isinstance(X, pd.DataFrame) else range(X.shape[0])
            )
        return arguments


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
        seed = check_random_state(self.random_state)
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
            given = self.models.values() if isinstance(self.models, Mapping) else [self.models]
            self.classes_ = _known_classes([self.pooled_estimator_, *given], self.classes_)
        return self

    def _models_by_group(self, sample: Sample, groups: Groups, seed: np.random.RandomState) -> dict[Any, Any]:
        if not set(self.models) & set(groups.labels):
            raise ValueError(
                f"estimator has classifiers for the groups {list(self.models)[:5]!r}, of which none is among those of "
                f"sensitive_features: {groups.labels[:5]!r}."
            )
        without = [label for label in groups.labels if label not in self.models]
        self.fallback_groups_ |= dict.fromkeys(without, "no classifier was given for it")
        others = dict.fromkeys(without, self.pooled_estimator_)
        if self.prefit:
            return {**self.models, **others}
        fitted = {}
        for label, model in self.models.items():
            members = (
                sample.take(groups.codes == groups.labels.index(label)) if label in groups.labels else None
            )
            own, reason = None, "nobody of the group is in the data for fitting"
            if members is not None:
                reason = "one class among its people"
                if members.has_several_classes():
                    own, reason = try_to_fit(members.fit, clone_seeded(model, seed))
            if own is None:
                self.fallback_groups_[label] = reason
            fitted[label] = self.pooled_estimator_ if own is None else own
        return fitted | others

    def _mitigated(
        self, sample: Sample, groups: Groups, sensitive_features: Any, seed: np.random.RandomState
    ) -> dict[Any, Any]:
        model = self.models
        if not self.prefit:
            model = clone_seeded(model, seed)
            arguments = weight_arguments(model, sample.weights)
            if name := _groups_argument(model):
                arguments = {**arguments, name: sensitive_features}
            model.fit(sample.X, sample.y, **arguments)
        draws = np.random.RandomState(seed.randint(np.iinfo(np.int32).max))
        if takes(model, "predict", "sensitive_features"):
            return {label: ModelOfGroup(model, groups.names, label, draws) for label in groups.labels}
        if takes(model, "predict", "random_state"):
            model = ModelOfGroup(model, [], (), draws)
        return dict.fromkeys(groups.labels, model)


def _groups_argument(model: Any) -> str:
    """Name the argument by which `fit` takes sensitive features; empty if it does not."""
    if isinstance(model, ExponentiatedGradient | GridSearch):
        return "sensitive_features"  # among any keywords
    if not takes(model, "fit", "sensitive_features"):
        return ""
    return (
        f"{model.steps[-1][0]}__sensitive_features" if isinstance(model, Pipeline) else "sensitive_features"
    )


def _known_classes(models: list[Any], seen: np.ndarray) -> np.ndarray:
    """Classes of fitted models, or of the data if they do not say.

    Raises
    ------
    ValueError
        If the models have labels of different types.
    """
    known = [np.asarray(model.classes_) for model in models if hasattr(model, "classes_")]
    if len({classes.dtype.kind in "biuf" for classes in known}) > 1:
        raise ValueError(
            f"The classifiers of estimator predict labels of different types: {[c[:2].tolist() for c in known[:5]]!r}."
        )
    return np.unique(np.concatenate(known)) if known else seen
