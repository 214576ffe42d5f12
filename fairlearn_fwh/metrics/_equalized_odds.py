"""Differential equalized odds: how far apart are the rates of answers of different groups, given the label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._core._alignment import check_alignment
from ._core._groups import Groups, encode_groups
from ._core._values import as_column, as_weights


def differential_equalized_odds(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    concentration: float = 1.0,
    sample_weight: Any = None,
) -> float:
    """Compute epsilon of differential equalized odds, 0 if no group gets an answer more often than another, given the label.

    ``epsilon = max over y, c of (max_g log P(c | g, y) - min_g log P(c | g, y))``: no group with a label gets an answer more than
    ``exp(epsilon)`` times as often as another with the same label (arXiv 2305.12671, eq. 1). Rates are smoothed,
    ``P(c | g, y) = (N_gyc + a / C) / (N_gy + a)`` with the concentration a and C classes; without smoothing an answer that a group never
    gets makes epsilon infinite.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels.
    y_pred : array-like, shape (n,)
        Predicted labels.
    sensitive_features : array-like, shape (n,), DataFrame or dict
        Groups; several columns make their intersections.
    concentration : float
        Rows that smoothing adds to every group and label; 0 for none.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    float
        0 for one group. A small group can make it large by chance: see `differential_equalized_odds_by_cell`.

    Raises
    ------
    ValueError
        If lengths differ, groups are missing, or the concentration is negative.

    References
    ----------
    Aguirre and Dredze, "Transferring Fairness using Multi-Task Learning with Limited Demographic Information", arXiv 2305.12671;
    Foulds et al., "An Intersectional Definition of Fairness", ICDE 2020.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import differential_equalized_odds
    >>> sex = ["f", "f", "f", "f", "m", "m", "m", "m"]
    >>> differential_equalized_odds([1] * 8, [1, 1, 0, 0, 1, 1, 1, 1], sensitive_features=sex, concentration=0)
    inf
    >>> round(differential_equalized_odds([1] * 8, [1, 1, 0, 0, 1, 1, 1, 1], sensitive_features=sex), 3)
    1.609
    """
    cells = differential_equalized_odds_by_cell(
        y_true,
        y_pred,
        sensitive_features=sensitive_features,
        concentration=concentration,
        sample_weight=sample_weight,
    )
    return float(cells["epsilon"].max())


def differential_equalized_odds_by_cell(
    y_true: Any,
    y_pred: Any,
    *,
    sensitive_features: Any,
    concentration: float = 1.0,
    sample_weight: Any = None,
) -> pd.DataFrame:
    """Say for every label and answer how far apart groups are, and which ones; see `differential_equalized_odds`.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels.
    y_pred : array-like, shape (n,)
        Predicted labels.
    sensitive_features : array-like, shape (n,), DataFrame or dict
        Groups; several columns make their intersections.
    concentration : float
        Rows that smoothing adds to every group and label; 0 for none.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.

    Returns
    -------
    DataFrame
        One row per true label that occurs (`label`) and answer (`prediction`), the largest epsilon first: `epsilon`, the groups that get
        the answer most and least often (`highest_group`, `lowest_group`), how often (`highest_rate`, `lowest_rate`, smoothed), and the
        number of people with the label in the smallest group that has any (`smallest_cell`). Groups that nobody with the label belongs
        to have no say.

    Raises
    ------
    ValueError
        If lengths differ, groups are missing, or the concentration is negative.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import differential_equalized_odds_by_cell
    >>> sex = ["f", "f", "f", "f", "m", "m", "m", "m"]
    >>> cells = differential_equalized_odds_by_cell([1] * 8, [1, 1, 0, 0, 1, 1, 1, 1], sensitive_features=sex)
    >>> cells[["label", "prediction", "highest_group", "lowest_group", "smallest_cell"]]
       label  prediction highest_group lowest_group  smallest_cell
    0      1           0             f            m              4
    1      1           1             m            f              4
    """
    if not 0 <= concentration < np.inf:
        raise ValueError(f"concentration must be at least 0 and finite; got {concentration!r}.")
    check_alignment(
        {
            "y_true": y_true,
            "y_pred": y_pred,
            "sensitive_features": sensitive_features,
            "sample_weight": sample_weight,
        }
    )
    labels = as_column(y_true, "y_true")
    answers = as_column(y_pred, "y_pred", len(labels))
    if isinstance(labels[0], str) != isinstance(answers[0], str):
        raise ValueError(
            f"y_true and y_pred must have labels of one kind; got {labels[0]!r} and {answers[0]!r}."
        )
    groups = encode_groups(sensitive_features, n_rows=len(labels))
    weights = as_weights(sample_weight, len(labels))
    classes, codes = np.unique(np.concatenate([labels, answers]), return_inverse=True)
    y, predicted = codes[: len(labels)], codes[len(labels) :]
    counts = _count(groups, y, predicted, len(classes), weights)
    sizes = _count(groups, y, predicted, len(classes), None if weights is None else weights > 0).sum(axis=2)
    log_rates = _log_rates(counts, concentration)
    rows = [
        _cell(groups, classes, log_rates[:, label], sizes[:, label], label, answer)
        for label in np.flatnonzero(counts.sum(axis=(0, 2))).tolist()
        for answer in range(len(classes))
    ]
    return pd.DataFrame(rows).sort_values("epsilon", ascending=False, kind="stable", ignore_index=True)


def _count(
    groups: Groups, y: np.ndarray, predicted: np.ndarray, n_classes: int, weights: np.ndarray | None
) -> np.ndarray:
    """Weight of people by group, label and answer, shape (G, C, C)."""
    cells = (groups.codes * n_classes + y) * n_classes + predicted
    counts = np.bincount(cells, weights, minlength=len(groups) * n_classes**2)
    return counts.reshape(len(groups), n_classes, n_classes).astype(float)


def _log_rates(counts: np.ndarray, concentration: float) -> np.ndarray:
    """Logarithms of smoothed rates, shape (G, C, C); NaN for groups that nobody with the label belongs to."""
    n_classes = counts.shape[2]
    totals = counts.sum(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.log((counts + concentration / n_classes) / (totals + concentration))
    return np.where(totals > 0, rates, np.nan)


def _cell(
    groups: Groups, classes: np.ndarray, log_rates: np.ndarray, sizes: np.ndarray, label: int, answer: int
) -> dict[str, Any]:
    rates = log_rates[:, answer]
    high, low = np.nanargmax(rates), np.nanargmin(rates)
    return {
        "label": classes[label],
        "prediction": classes[answer],
        # Two rates of 0 are equal.
        "epsilon": 0.0 if rates[high] == rates[low] else rates[high] - rates[low],
        "highest_group": groups.labels[high],
        "lowest_group": groups.labels[low],
        "highest_rate": np.exp(rates[high]),
        "lowest_rate": np.exp(rates[low]),
        "smallest_cell": int(sizes[sizes > 0].min()),
    }
