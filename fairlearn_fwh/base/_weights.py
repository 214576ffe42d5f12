"""Weights of rows, and whether an estimator takes them."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from .._sklearn_compat import check_sample_weight
from ..metrics._core._values import check_spread


def takes_weights(estimator: Any) -> bool:
    """Whether an estimator's fit takes sample weights, or passes them on to estimators that do."""
    return weight_parameter(estimator) is not None


def weight_parameter(estimator: Any) -> str | None:
    """Name the fit parameter by which an estimator takes sample weights.

    Parameters
    ----------
    estimator : estimator
        A Pipeline takes them for its last step; a search over an estimator, and a vote or stack of estimators, pass them on.

    Returns
    -------
    str or None
        None if it takes none.
    """
    if isinstance(estimator, Pipeline):
        step, final = estimator.steps[-1]
        name = weight_parameter(final)
        return None if name is None else f"{step}__{name}"
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    parameters = inspect.signature(estimator.fit).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    members = getattr(estimator, "estimators", None)
    if members is not None:
        names = {weight_parameter(model) for _, model in members if not isinstance(model, str)}
        return "sample_weight" if names == {"sample_weight"} else None
    inner = getattr(estimator, "estimator", None)
    return None if inner is None else weight_parameter(inner)


def weight_arguments(estimator: Any, sample_weight: np.ndarray | None) -> dict[str, np.ndarray]:
    """Name the fit argument by which an estimator takes sample weights.

    Raises
    ------
    ValueError
        If there are weights and the estimator does not take any.
    """
    if sample_weight is None:
        return {}
    if (name := weight_parameter(estimator)) is None:
        final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
        raise ValueError(f"sample_weight was given, but {type(final).__name__} does not take sample weights.")
    return {name: sample_weight}


def check_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Check weights of rows, if there are any, shape (n,)."""
    if sample_weight is None:
        return None
    weights = check_sample_weight(sample_weight, X, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; at least one row needs a positive weight.")
    check_spread(float(weights[weights > 0].min()), float(weights.max()))
    return weights
