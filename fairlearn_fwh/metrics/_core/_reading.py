"""Reading a sample of rows: arrays of any kind become loss cells and labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._alignment import check_alignment
from ._groups import (
    POOLED,
    Groups,
    encode_groups,
    intersect_groups,
    match_groups,
    own_predictions,
    read_assigned_and_audit,
    read_predictions_by_group,
    without_rounding,
)
from ._label_sets import LabelSets, check_kinds, read_stated
from ._layout import Layout
from ._losses import Loss
from ._names import group_name
from ._sample import Sample
from ._unit_hashes import UnitHashes
from ._values import as_column, as_weights, weight_exponent


def read_sample(
    *,
    y_true: Any,
    y_pred: Any,
    y_pred_pooled: Any,
    y_pred_by_group: Any,
    groups: Any,
    sensitive_features: Any,
    control_features: Any,
    losses: Iterable[Loss],
    sample_weight: Any,
    pooled_groups: Iterable[Any],
    labels: Any,
    units: Any = None,
    unit_key: bytes | None = None,
) -> Sample:
    """Check and read rows; the parameters are those of `PreferenceFrame`, and all losses that will be asked for."""
    check_alignment(
        {
            "y_true": y_true,
            "y_pred": y_pred,
            "y_pred_pooled": y_pred_pooled,
            "y_pred_by_group": y_pred_by_group,
            "groups": groups,
            "sensitive_features": sensitive_features,
            "control_features": control_features,
            "sample_weight": sample_weight,
            "units": units,
        }
    )
    pooled_groups = read_pooled_groups(pooled_groups)
    compared = [loss for loss in losses if loss.predicts == "labels"] or list(losses)
    stated = read_labels_for(compared[0], labels)
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
    found = None if units is None else encode_groups(units, "units", n_rows=len(y))
    unit_codes = None if found is None else found.codes
    by_group, group_labels = [], []
    if y_pred_by_group is not None:
        predictions = read_predictions_by_group(y_pred_by_group, len(y))
        by_group, group_labels = predictions.columns, predictions.labels
    if weights is not None and not (kept := weights > 0).all():
        everybody = audit
        assigned, audit = assigned.take(kept), audit.take(kept)
        if len(audit) < len(everybody):
            gone = next(label for label in everybody.labels if label not in audit.labels)
            raise ValueError(all_weightless(gone))
        y, pooled, weights = y[kept], pooled[kept], weights[kept]
        own = None if own is None else own[kept]
        unit_codes = None if unit_codes is None else unit_codes[kept]
        by_group = [column[kept] for column in by_group]
    names_of_groups, codes = name_groups(assigned, group_labels, is_given=groups is not None)
    own = without_rounding(own_predictions(own, by_group, codes, pooled), pooled)
    by_group = [without_rounding(column, pooled) for column in by_group]
    layout = make_layout(assigned, audit, names_of_groups, control_names, bool(by_group), pooled_groups)
    names = ["y_pred", "y_pred_pooled", *(f"y_pred_by_group[{label!r}]" for label in names_of_groups)]
    columns = dict(zip(names, [own, pooled, *by_group], strict=False))
    disagrees = np.asarray(own != pooled, dtype=bool)
    if layout.pooled_groups:
        check_pooled_groups(layout, codes[disagrees])
    sets = None
    if compared[0].predicts == "labels":
        check_kinds(stated, y)
        sets = LabelSets.of_columns(y, columns, stated)
    exponent = 0 if weights is None else weight_exponent(float(weights.max()))
    if exponent and weights is not None:
        weights = np.ldexp(weights, -exponent)
    hashes = None
    if found is not None and unit_codes is not None and unit_key is not None:
        hashes = UnitHashes.of([found.labels[code] for code in np.unique(unit_codes)], unit_key)
    return Sample(
        y, columns, disagrees, codes, audit.codes, weights, unit_codes, hashes, layout, sets, exponent
    )


def all_weightless(group: Any) -> str:
    """Say that a group would disappear without a word."""
    return f"All rows of the group {group_name(group)} have weight 0, so nothing can be said of it. Leave its rows out, or give it weights."


def read_labels_for(loss: Loss, labels: Any) -> frozenset[Any] | None:
    """Read the labels that the user says there are.

    Raises
    ------
    ValueError
        If they are not a list of labels, or the loss compares no labels.
    """
    if labels is not None and loss.predicts != "labels":
        raise ValueError(
            f"labels applies to loss='zero_one', which compares labels; the loss is {loss.name!r}."
        )
    return read_stated(labels)


def read_pooled_groups(pooled_groups: Iterable[Any]) -> frozenset[Any]:
    """Read labels of groups; one text is not a list of them.

    Raises
    ------
    ValueError
        If `pooled_groups` is one text, or not iterable.
    """
    if isinstance(pooled_groups, str | bytes) or not isinstance(pooled_groups, Iterable):
        raise ValueError(f"pooled_groups must be a list of labels of groups; got {pooled_groups!r}.")
    return frozenset(pooled_groups)


def check_pooled_groups(layout: Layout, groups_that_differ: np.ndarray) -> None:
    """Raise ValueError if people of a group that is said to be served by the pooled classifier got another prediction.

    Parameters
    ----------
    layout : Layout
    groups_that_differ : ndarray of int
        Assigned groups (positions) of people whose own and pooled prediction differ.
    """
    if not layout.pooled_groups:
        return
    contradicted = [layout.groups[k] for k in np.unique(groups_that_differ) if k >= 0]
    if wrong := [group for group in contradicted if group in layout.pooled_groups]:
        raise ValueError(
            f"pooled_groups names {wrong[:5]!r}, but people of that group got other predictions than those of the pooled classifier. "
            "Leave the group out of pooled_groups."
        )


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
    pooled_groups: frozenset[Any],
) -> Layout:
    """Put the labels together.

    Raises
    ------
    ValueError
        If `pooled_groups` names a group that does not exist.
    """
    if unknown := pooled_groups - set(labels):
        raise ValueError(f"pooled_groups names {sorted(map(str, unknown))}; the groups are {labels[:10]!r}.")
    return Layout(
        groups=labels,
        group_names=assigned.names,
        audit=audit.labels,
        audit_names=audit.names,
        control_names=control_names,
        has_envy=has_envy,
        pooled_groups=pooled_groups,
    )


def check_what_is_given(has_own: bool, has_by_group: bool, has_groups: bool) -> None:
    """Raise ValueError unless what each person got can be told."""
    if not has_own and not (has_groups and has_by_group):
        raise ValueError("y_pred is needed unless both y_pred_by_group and groups say what each person got.")
    if has_by_group and not has_groups:
        raise ValueError("groups is needed with y_pred_by_group: it says which column each person got.")
