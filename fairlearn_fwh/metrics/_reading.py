"""Reading a sample of rows: arrays of any kind become loss cells and labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._arrays import (
    POOLED,
    Groups,
    as_column,
    as_weights,
    encode_groups,
    intersect_groups,
    match_groups,
    own_predictions,
    read_assigned_and_audit,
    read_predictions_by_group,
)
from ._cells import LossRows
from ._layout import Layout
from ._losses import Loss


def read_rows(
    *,
    y_true: Any,
    y_pred: Any,
    y_pred_pooled: Any,
    y_pred_by_group: Any,
    groups: Any,
    sensitive_features: Any,
    control_features: Any,
    loss: Loss,
    sample_weight: Any,
    pooled_groups: Iterable[Any],
) -> tuple[LossRows, Layout]:
    """Check and reduce rows; the parameters are those of `PreferenceFrame`.

    Returns
    -------
    rows : LossRows
    layout : Layout
    """
    y = as_column(y_true, "y_true")
    pooled = as_column(y_pred_pooled, "y_pred_pooled", len(y))
    own = None if y_pred is None else as_column(y_pred, "y_pred", len(y))
    weights = as_weights(sample_weight, len(y))
    check_what_is_given(own is not None, y_pred_by_group is not None, groups is not None)
    assigned, audit = read_assigned_and_audit(groups, sensitive_features, len(y))
    control_names: list[str] = []
    if control_features is not None:
        controls = encode_groups(control_features, "control_features", n_rows=len(y))
        audit, control_names = intersect_groups(controls, audit), controls.names
    by_group, labels = [], []
    if y_pred_by_group is not None:
        predictions = read_predictions_by_group(y_pred_by_group, len(y))
        by_group, labels = predictions.columns, predictions.labels
    if weights is not None and not (kept := weights > 0).all():
        assigned, audit = assigned.take(kept), audit.take(kept)
        y, pooled, weights = y[kept], pooled[kept], weights[kept]
        own = None if own is None else own[kept]
        by_group = [column[kept] for column in by_group]
    labels, codes = name_groups(assigned, labels, is_given=groups is not None)
    own = own_predictions(own, by_group, codes, pooled)
    layout = make_layout(assigned, audit, labels, control_names, bool(by_group), pooled_groups)
    names = ["y_pred", "y_pred_pooled", *(f"y_pred_by_group[{label!r}]" for label in labels)]
    losses = [loss(y, column, name) for column, name in zip([own, pooled, *by_group], names, strict=False)]
    return LossRows(losses, own != pooled, codes, audit.codes, weights, loss.is_binary), layout


def name_groups(assigned: Groups, labels: list[Any], *, is_given: bool) -> tuple[list[Any], np.ndarray]:
    """Labels of the group classifiers, and each row's position among them; -1 for people labelled "pooled".

    Parameters
    ----------
    assigned : Groups
        The group of each row.
    labels : list
        Labels of the columns of predictions by group; empty without them.
    is_given : bool
        Whether `groups` was given; audit groups that stand for them may have any name.
    """
    if not is_given:
        return assigned.labels, assigned.codes
    labels = labels or [label for label in assigned.labels if label != POOLED]
    return labels, match_groups(assigned, labels, "groups", "y_pred_by_group")


def make_layout(
    assigned: Groups,
    audit: Groups,
    labels: list[Any],
    control_names: list[str],
    has_envy: bool,
    pooled_groups: Iterable[Any],
) -> Layout:
    """Put the labels together.

    Raises
    ------
    ValueError
        If `pooled_groups` names a group that does not exist.
    """
    pooled_groups = frozenset(pooled_groups)
    if unknown := pooled_groups - set(labels):
        raise ValueError(f"pooled_groups names {sorted(map(str, unknown))}; the groups are {labels[:10]!r}.")
    return Layout(labels, assigned.names, audit.labels, audit.names, control_names, has_envy, pooled_groups)


def check_what_is_given(has_own: bool, has_by_group: bool, has_groups: bool) -> None:
    """Raise ValueError unless what each person got can be told."""
    if not has_own and not (has_groups and has_by_group):
        raise ValueError("y_pred is needed unless both y_pred_by_group and groups say what each person got.")
    if has_by_group and not has_groups:
        raise ValueError("groups is needed with y_pred_by_group: it says which column each person got.")
