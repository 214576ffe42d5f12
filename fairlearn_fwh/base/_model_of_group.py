"""Models of others as they treat the people of one group."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.reductions import ExponentiatedGradient, GridSearch
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

from ..metrics._core._groups import Groups, as_tuple
from ._mitigators import predicting, unknown_groups
from ._tasks import task_of


def takes(model: Any, method: str, argument: str) -> bool:
    """Whether a method has an argument of this name; a pipeline hands it on to its last step."""
    final = model.steps[-1][1] if isinstance(model, Pipeline) else model
    return hasattr(final, method) and argument in inspect.signature(getattr(final, method)).parameters


class ModelOfGroup(BaseEstimator):
    """A mitigated model as it treats one group: asked with the group's sensitive features, and with our random numbers.

    Parameters
    ----------
    model : fitted classifier or regressor
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
        with predicting(self.model):
            return np.asarray(self.model.predict(X, **self._arguments("predict", X)))

    @available_if(lambda self: hasattr(self.model, "predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities for members of the group."""
        return np.asarray(self.model.predict_proba(X, **self._arguments("predict_proba", X)))

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes; a regressor has none."""
        return self.model.classes_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        task_of(self.model).set_tags(tags)
        return tags

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


def groups_argument(model: Any) -> str:
    """Name the argument by which `fit` takes sensitive features; empty if it does not."""
    if isinstance(model, ExponentiatedGradient | GridSearch):
        return "sensitive_features"  # among any keywords
    if not takes(model, "fit", "sensitive_features"):
        return ""
    return (
        f"{model.steps[-1][0]}__sensitive_features" if isinstance(model, Pipeline) else "sensitive_features"
    )


def as_they_treat(model: Any, groups: Groups, seed: np.random.RandomState) -> dict[Any, Any]:
    """Give a fitted model as it treats each group.

    Parameters
    ----------
    model : fitted classifier
    groups : Groups
    seed : RandomState
        Seeds the draws of models that decide at random.

    Returns
    -------
    dict from group to classifier
        Without groups that the model does not know.

    Raises
    ------
    ValueError
        If it knows none of them, or knows one by another type.
    """
    draws = np.random.RandomState(seed.randint(np.iinfo(np.int32).max))
    if takes(model, "predict", "sensitive_features"):
        unknown = unknown_groups(model, groups)
        known = [label for label in groups.labels if label not in unknown]
        return {label: ModelOfGroup(model, groups.names, label, draws) for label in known}
    if takes(model, "predict", "random_state"):
        model = ModelOfGroup(model, [], (), draws)
    return dict.fromkeys(groups.labels, model)
