"""Preference metrics of the worst-off group, made by fairlearn from the functions of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fairlearn.metrics import make_derived_metric

from ._core._alignment import check_alignment
from ._core._groups import pack_predictions
from ._functions import LossLike, envy_gain, negative_flip_rate, rationality_gain


def _of_groups(metric: Callable[..., float], transform: str, y_true: Any, y_pred: Any, **given: Any) -> float:
    """Measure every group and reduce; what has an entry for each row goes with the rows."""
    check_alignment({"y_true": y_true, "y_pred": y_pred, **given})
    whole = {name: given.pop(name) for name in ("sensitive_features", "loss")}
    rows = {name: values for name, values in given.items() if values is not None}
    derived = make_derived_metric(metric=metric, transform=transform, sample_param_names=list(rows))
    return float(derived(y_true, y_pred, **whole, **rows))


def _packed(y_pred_by_group: Any) -> np.ndarray:
    is_packed = isinstance(y_pred_by_group, np.ndarray) and y_pred_by_group.dtype == object
    return y_pred_by_group if is_packed and y_pred_by_group.ndim == 1 else pack_predictions(y_pred_by_group)


def rationality_gain_group_min(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_pooled: Any,
    sensitive_features: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
) -> float:
    """Smallest rationality gain of a group: how much the worst-off gains over the pooled classifier.

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, what the pooled classifier says.
    sensitive_features : array-like, shape (n,) or (n, q)
        Groups that are compared; several columns are an intersection.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        In units of the loss; negative if and only if some group is harmed in this sample.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import rationality_gain_group_min
    >>> rationality_gain_group_min([1, 0, 1, 0], [1, 0, 1, 1], y_pred_pooled=[0, 0, 1, 0],
    ...                            sensitive_features=["a", "a", "b", "b"])
    -0.5
    """
    return _of_groups(
        rationality_gain,
        "group_min",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        loss=loss,
        y_pred_pooled=y_pred_pooled,
        sample_weight=sample_weight,
    )


def envy_gain_group_min(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_by_group: Any,
    groups: Any,
    sensitive_features: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
) -> float:
    """Smallest envy gain of a group: how much the most envious would lose by another group's classifier.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n,)
        True labels, what people got.
    y_pred_by_group : DataFrame, dict, array of shape (n, K), or the result of `pack_predictions`
        What every group's classifier says.
    groups : array-like, shape (n,)
        Each person's own column of `y_pred_by_group`, 0 to K - 1.
    sensitive_features : array-like, shape (n,) or (n, q)
        Groups that are compared; several columns are an intersection.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        In units of the loss; negative if and only if some group envies another in this sample.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import envy_gain_group_min, pack_predictions
    >>> by_group = pack_predictions({"a": [1, 0, 0, 0], "b": [0, 0, 1, 0]})
    >>> envy_gain_group_min([1, 0, 1, 0], [1, 0, 1, 0], y_pred_by_group=by_group, groups=[0, 0, 1, 1],
    ...                     sensitive_features=["a", "a", "b", "b"])
    0.5
    """
    check_alignment({"y_true": y_true, "y_pred": y_pred, "y_pred_by_group": y_pred_by_group})
    return _of_groups(
        envy_gain,
        "group_min",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        loss=loss,
        y_pred_by_group=_packed(y_pred_by_group),
        groups=groups,
        sample_weight=sample_weight,
    )


def negative_flip_rate_group_max(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_pooled: Any,
    sensitive_features: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
) -> float:
    """Largest share of a group that loses: for whom the pooled classifier would have done better.

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, what the pooled classifier says.
    sensitive_features : array-like, shape (n,) or (n, q)
        Groups that are compared; several columns are an intersection.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        A share of people.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import negative_flip_rate_group_max
    >>> negative_flip_rate_group_max([1, 0, 1, 0], [1, 0, 1, 1], y_pred_pooled=[0, 0, 1, 0],
    ...                              sensitive_features=["a", "a", "b", "b"])
    0.5
    """
    return _of_groups(
        negative_flip_rate,
        "group_max",
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        loss=loss,
        y_pred_pooled=y_pred_pooled,
        sample_weight=sample_weight,
    )
