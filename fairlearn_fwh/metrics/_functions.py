"""Preference metrics as functions that work on their own and in `fairlearn.metrics.MetricFrame`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ._core._alignment import check_alignment
from ._core._groups import encode_groups, match_groups, read_predictions_by_group, without_rounding
from ._core._losses import Loss, resolve_loss
from ._core._values import as_column, as_weights, check_comparable

LossLike = str | Callable[..., Any] | Loss


def _read(
    y_true: Any, y_pred: Any, y_pred_pooled: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Return labels, what people got and what the pooled classifier says, the same where rounding alone differs, and weights."""
    check_alignment(
        {"y_true": y_true, "y_pred": y_pred, "y_pred_pooled": y_pred_pooled, "sample_weight": sample_weight}
    )
    y = as_column(y_true, "y_true")
    own = as_column(y_pred, "y_pred", len(y))
    pooled = as_column(y_pred_pooled, "y_pred_pooled", len(y))
    return y, without_rounding(own, pooled), pooled, as_weights(sample_weight, len(y))


def _losses(
    y_true: Any, y_pred: Any, y_pred_pooled: Any, loss: LossLike, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return own losses, pooled losses and weights."""
    loss_of = resolve_loss(loss)
    y, own, pooled, weights = _read(y_true, y_pred, y_pred_pooled, sample_weight)
    return loss_of(y, own), loss_of(y, pooled, "y_pred_pooled"), weights


def _mean(values: np.ndarray, weights: np.ndarray | None) -> float:
    return float(np.average(values, weights=weights))


def rationality_gain(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_pooled: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
    pos_label: Any = None,
) -> float:
    """Gain of what people got over the pooled classifier: mean of ``loss(pooled) - loss(own)``.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels.
    y_pred : array-like, shape (n,)
        What people got.
    y_pred_pooled : array-like, shape (n,)
        What the pooled classifier, or any baseline, says.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.
    pos_label : label, optional
        The positive label, for "missed" and "false_alarm", which are about the people whom they concern; by default 1.

    Returns
    -------
    float
        In units of the loss; positive is good, NaN where the loss concerns nobody. For the 0-1 loss the rationality term of arXiv 2509.24077, eq. (1).

    Raises
    ------
    ValueError
        If lengths differ, a value is missing, or weights are negative or all zero.

    Examples
    --------
    >>> from fairlearn.metrics import MetricFrame
    >>> from fairlearn_fwh.metrics import rationality_gain
    >>> frame = MetricFrame(metrics=rationality_gain, y_true=[1, 0, 1, 0], y_pred=[1, 0, 1, 1],
    ...                     sensitive_features=["a", "a", "b", "b"],
    ...                     sample_params={"y_pred_pooled": [0, 0, 1, 0]})
    >>> frame.by_group.tolist()
    [0.5, -0.5]
    """
    loss_of = resolve_loss(loss, None, pos_label)
    y, own, pooled, weights = _read(y_true, y_pred, y_pred_pooled, sample_weight)
    if loss_of.concerns is not None:
        loss_of = loss_of if pos_label is not None else replace(loss_of, pos_label=1)
        is_positive = np.equal(y, loss_of.pos_label)
        concerned = is_positive if loss_of.concerns == "positives" else ~is_positive
        if not concerned.any() or (weights is not None and not weights[concerned].any()):
            return float("nan")
        y, own, pooled = y[concerned], own[concerned], pooled[concerned]
        weights = None if weights is None else weights[concerned]
    return _mean(loss_of(y, pooled, "y_pred_pooled").astype(float) - loss_of(y, own), weights)


def envy_gain(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_by_group: Any,
    groups: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
) -> float:
    """Smallest gain of a group's own classifier over another group's: min of mean ``loss(other) - loss(own)``.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels.
    y_pred : array-like, shape (n,)
        What people got.
    y_pred_by_group : DataFrame, dict, array of shape (n, K), or the result of `pack_predictions`
        What every group's classifier says.
    groups : array-like, shape (n,)
        Each person's own column of `y_pred_by_group` (0 to K - 1 for arrays and packed predictions). People of
        several groups: the smallest gain of any of them.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        In units of the loss; negative: somebody would do better with another group's classifier (envy). NaN if
        there is no other classifier. For the 0-1 loss the envy term of arXiv 2509.24077, eq. (1).

    Raises
    ------
    ValueError
        If lengths differ, a value is missing, or `groups` names a column that does not exist.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import envy_gain
    >>> envy_gain([1, 0, 1, 0], [1, 0, 0, 0], y_pred_by_group=[[1, 0], [0, 1], [1, 0], [0, 0]], groups=[0, 0, 1, 1])
    -0.5
    """
    check_alignment(
        {
            "y_true": y_true,
            "y_pred": y_pred,
            "y_pred_by_group": y_pred_by_group,
            "groups": groups,
            "sample_weight": sample_weight,
        }
    )
    loss_of = resolve_loss(loss)
    y = as_column(y_true, "y_true")
    own = loss_of(y, as_column(y_pred, "y_pred", len(y))).astype(float)
    predictions = read_predictions_by_group(y_pred_by_group, len(y))
    membership = encode_groups(groups, "groups", n_rows=len(y))
    codes = match_groups(membership, predictions.labels, "groups", "y_pred_by_group")
    weights = as_weights(sample_weight, len(y))
    weights = np.ones(len(y)) if weights is None else weights
    size = np.bincount(codes[codes >= 0], weights[codes >= 0], len(predictions.labels))
    smallest = np.nan
    for j, column in enumerate(predictions.columns):
        others = (codes >= 0) & (codes != j)
        difference = (loss_of(y, column, "y_pred_by_group") - own)[others] * weights[others]
        gains = np.bincount(codes[others], difference, len(size))[size > 0] / size[size > 0]
        gains = np.delete(gains, int((size[:j] > 0).sum())) if size[j] > 0 else gains
        smallest = np.fmin(smallest, gains.min()) if len(gains) else smallest
    return float(smallest)


def _all_losses(
    y_true: Any, y_pred: Any, y_pred_pooled: Any, y_pred_by_group: Any, loss: LossLike, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return own losses, losses of the pooled and of all K group classifiers (K + 1, n), and weights."""
    check_alignment(
        {
            "y_true": y_true,
            "y_pred": y_pred,
            "y_pred_pooled": y_pred_pooled,
            "y_pred_by_group": y_pred_by_group,
            "sample_weight": sample_weight,
        }
    )
    loss_of = resolve_loss(loss)
    y, own, pooled, weights = _read(y_true, y_pred, y_pred_pooled, sample_weight)
    by_group = read_predictions_by_group(y_pred_by_group, len(y))
    others = [loss_of(y, without_rounding(column, pooled), "y_pred_by_group") for column in by_group.columns]
    return loss_of(y, own), np.array([loss_of(y, pooled, "y_pred_pooled"), *others]), weights


def fairness_without_harm_rate(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_pooled: Any,
    y_pred_by_group: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
) -> float:
    """Share of people for whom no classifier would have been better than the one they got (ties count).

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, what the pooled classifier says.
    y_pred_by_group : DataFrame, dict, array of shape (n, K), or the result of `pack_predictions`
        What every group's classifier says.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        Pr-FWH of arXiv 2509.24077, section 6.3. For the 0-1 loss it is the accuracy plus the share of people for
        whom all classifiers are wrong; copies of the pooled classifier reach 1. Never read it alone.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import fairness_without_harm_rate
    >>> fairness_without_harm_rate([1, 0, 1, 0], [1, 0, 0, 0], y_pred_pooled=[1, 1, 0, 0],
    ...                            y_pred_by_group=[[1, 0], [0, 1], [1, 0], [0, 0]])
    0.75
    """
    own, others, weights = _all_losses(y_true, y_pred, y_pred_pooled, y_pred_by_group, loss, sample_weight)
    return _mean(own <= others.min(axis=0), weights)


def strict_preference_rate(
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_pooled: Any,
    y_pred_by_group: Any,
    loss: LossLike = "zero_one",
    sample_weight: Any = None,
) -> float:
    """Share of people for whom no classifier would have been better and at least one would have been worse.

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, what the pooled classifier says.
    y_pred_by_group : DataFrame, dict, array of shape (n, K), or the result of `pack_predictions`
        What every group's classifier says.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        For the 0-1 loss: own classifier right, some other wrong. Copies of the pooled classifier have 0.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import strict_preference_rate
    >>> strict_preference_rate([1, 0, 1, 0], [1, 0, 0, 0], y_pred_pooled=[1, 1, 0, 0],
    ...                        y_pred_by_group=[[1, 0], [0, 1], [1, 0], [0, 0]])
    0.5
    """
    own, others, weights = _all_losses(y_true, y_pred, y_pred_pooled, y_pred_by_group, loss, sample_weight)
    return _mean((own <= others.min(axis=0)) & (own < others.max(axis=0)), weights)


def negative_flip_rate(
    y_true: Any, y_pred: Any, *, y_pred_pooled: Any, loss: LossLike = "zero_one", sample_weight: Any = None
) -> float:
    """Share of people whose loss is larger under what they got than under the pooled classifier.

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, what the pooled classifier says.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        For the 0-1 loss: pooled right, own wrong.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import negative_flip_rate
    >>> negative_flip_rate([1, 0, 1, 0], [1, 1, 1, 0], y_pred_pooled=[0, 0, 1, 0])
    0.25
    """
    own, pooled, weights = _losses(y_true, y_pred, y_pred_pooled, loss, sample_weight)
    return _mean(own > pooled, weights)


def positive_flip_rate(
    y_true: Any, y_pred: Any, *, y_pred_pooled: Any, loss: LossLike = "zero_one", sample_weight: Any = None
) -> float:
    """Share of people whose loss is smaller under what they got than under the pooled classifier.

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, what the pooled classifier says.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        For the 0-1 loss: pooled wrong, own right.

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import positive_flip_rate
    >>> positive_flip_rate([1, 0, 1, 0], [1, 1, 1, 0], y_pred_pooled=[0, 0, 1, 0])
    0.25
    """
    own, pooled, weights = _losses(y_true, y_pred, y_pred_pooled, loss, sample_weight)
    return _mean(own < pooled, weights)


def disagreement_rate(y_true: Any, y_pred: Any, *, y_pred_pooled: Any, sample_weight: Any = None) -> float:
    """Share of people who got another prediction than the pooled classifier's.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        Ignored; metrics of fairlearn have it.
    y_pred, y_pred_pooled : array-like, shape (n,)
        What people got, and what the pooled classifier says.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If lengths differ or a value is missing.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import disagreement_rate
    >>> disagreement_rate([1, 0, 1, 0], [1, 1, 1, 0], y_pred_pooled=[0, 0, 1, 0])
    0.5
    """
    _, own, pooled, weights = _read(y_true, y_pred, y_pred_pooled, sample_weight)
    check_comparable(pooled, own, "y_pred", "y_pred_pooled")
    return _mean(own != pooled, weights)
