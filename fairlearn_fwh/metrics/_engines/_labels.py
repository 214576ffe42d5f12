"""Small tables that come back from an engine: labels of groups, and numbers."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from .._core._groups import POOLED, Groups, encode_groups, intersect_groups, read_assigned_and_audit
from .._core._layout import Layout
from .._core._reading import make_layout, name_groups
from ._columns import Columns


def group_keys(columns: Columns) -> list[str]:
    return [columns.keys[role] for role in columns.groupings()]


def numbers_of(table: nw.DataFrame[Any], name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(), dtype=float)


def read_labels(
    table: nw.DataFrame[Any], columns: Columns, pooled_groups: frozenset[Any]
) -> tuple[Layout, np.ndarray, np.ndarray]:
    """Labels, and assigned and audit group of each row of a small table."""

    def read(argument: str) -> Groups | None:
        names = getattr(columns, argument)
        keys = columns.keys_of(argument)
        parts = {name: table[key].to_native() for name, key in zip(names, keys, strict=True)}
        return encode_groups(parts, argument) if parts else None

    groups = read("groups")
    assigned, audit = read_assigned_and_audit(groups, read("sensitive_features"), len(table))
    if (controls := read("control_features")) is not None:
        audit = intersect_groups(controls, audit)
    labels, codes = name_groups(assigned, list(columns.y_pred_by_group), is_given=groups is not None)
    wrong = numbers_of(table, "wrong_sum").sum()
    if wrong:
        if not columns.y_pred_by_group:
            raise ValueError(
                f"groups labels {int(wrong)} row(s) {POOLED!r} whose y_pred differs from y_pred_pooled; "
                f"{POOLED!r} means the pooled classifier. Rename the group if it is one of people."
            )
        raise ValueError(
            f"y_pred differs from the column of y_pred_by_group that groups names in {int(wrong)} row(s). "
            f"Label people who are served by the pooled classifier {POOLED!r} in groups."
        )
    has_envy = bool(columns.y_pred_by_group)
    layout = make_layout(assigned, audit, labels, columns.control_features, has_envy, pooled_groups)
    return layout, codes, audit.codes
