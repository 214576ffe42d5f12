"""What the rows of a preference frame's tables are: assigned groups, audit groups, levels of control features."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ._groups import POOLED, as_tuple, flat_index, labels_index
from ._values import check_written_apart

#: Label of the one group that everybody is in where no groups are given.
EVERYBODY = "all"


@dataclass(frozen=True)
class Layout:
    """Labels of a frame's groups.

    Attributes
    ----------
    groups : list, length K
        Labels of the group classifiers.
    group_names : list of str
        Names of the columns that `groups` came from.
    audit : list, length A
        Labels of the audit groups; with control features tuples that begin with their levels.
    audit_names : list of str
        Names of the columns that `audit` came from.
    control_names : list of str
        Names of the control features, the first of `audit_names`.
    has_envy : bool
        Whether every group's classifier was asked about every row.
    pooled_groups : frozenset
        Groups whose classifier is the pooled one by construction.
    """

    groups: list[Any]
    group_names: list[str]
    audit: list[Any]
    audit_names: list[str]
    control_names: list[str] = field(default_factory=list)
    has_envy: bool = False
    pooled_groups: frozenset[Any] = frozenset()

    @cached_property
    def controls(self) -> list[Any]:
        """Levels of the control features (their combinations); a single one without control features."""
        if not self.control_names:
            return [EVERYBODY]
        return list(dict.fromkeys(self._control_of(label) for label in self.audit))

    @cached_property
    def control_of_audit(self) -> np.ndarray:
        """Position among `controls` of each audit group, shape (A,)."""
        if not self.control_names:
            return np.zeros(len(self.audit), dtype=np.intp)
        position = {level: i for i, level in enumerate(self.controls)}
        return np.array([position[self._control_of(label)] for label in self.audit], dtype=np.intp)

    def _control_of(self, label: tuple[Any, ...]) -> Any:
        n_controls = len(self.control_names)
        return label[0] if n_controls == 1 else label[:n_controls]

    @cached_property
    def own_column(self) -> np.ndarray:
        """Classifier of each row of the assigned tables, which hold K groups for each control level; shape (C * K,)."""
        return np.tile(np.arange(len(self.groups)), len(self.controls))

    @cached_property
    def is_own(self) -> np.ndarray:
        """Whether a column of the envy matrix is the classifier of its row, shape (C * K, K)."""
        return self.own_column[:, None] == np.arange(len(self.groups))

    @cached_property
    def assigned_labels(self) -> list[Any]:
        """Labels of the rows of the assigned tables."""
        if not self.control_names:
            return self.groups
        return [(*as_tuple(level), *as_tuple(group)) for level in self.controls for group in self.groups]

    def assigned_index(self) -> pd.Index:
        """Index of the risk and the envy matrix."""
        return labels_index(self.assigned_labels, [*self.control_names, *self.group_names])

    def audit_index(self) -> pd.Index:
        """Index of the table by audit group."""
        return labels_index(self.audit, self.audit_names)

    def control_index(self) -> pd.Index:
        """Index of the overall table where there are control features."""
        return labels_index(self.controls, self.control_names)

    def classifier_index(self, *, pooled: bool = False) -> pd.Index:
        """Columns of the envy matrix; with the pooled classifier those of the risk matrix."""
        return flat_index([*self.groups, POOLED] if pooled else self.groups)

    def assigned_is_pooled(self) -> np.ndarray:
        """Whether each row of the assigned tables is served by the pooled classifier by construction."""
        is_pooled = np.array([group in self.pooled_groups for group in self.groups], dtype=bool)
        return is_pooled[self.own_column]


def merge_layouts(a: Layout, b: Layout) -> Layout:
    """Labels of the concatenation of two samples.

    Raises
    ------
    ValueError
        If the samples were not measured alike.
    """
    for what in ("has_envy", "group_names", "audit_names", "control_names", "pooled_groups"):
        if (mine := getattr(a, what)) != (theirs := getattr(b, what)):
            raise ValueError(
                f"Frames can be added only if they have the same {what}; got {mine!r} and {theirs!r}."
            )
    if a.has_envy and set(a.groups) != set(b.groups):
        raise ValueError(
            f"Frames can be added only if they compare the same group classifiers; got {a.groups!r} and {b.groups!r}."
        )
    return Layout(
        groups=a.groups if a.has_envy else _merge_labels(a.groups, b.groups),
        group_names=a.group_names,
        audit=_merge_labels(a.audit, b.audit),
        audit_names=a.audit_names,
        control_names=a.control_names,
        has_envy=a.has_envy,
        pooled_groups=a.pooled_groups,
    )


def positions(labels: list[Any], among: list[Any]) -> np.ndarray:
    """Position of each label among others; -1, which means the pooled classifier, for none."""
    position = {label: i for i, label in enumerate(among)}
    return np.array([position.get(label, -1) for label in labels] + [-1], dtype=np.intp)


def _merge_labels(a: list[Any], b: list[Any]) -> list[Any]:
    """Return the labels of both in the order that they would have if they had come together."""
    check_written_apart([*a, *b], "Frames can be added only if their groups have one type")
    merged = list(dict.fromkeys([*a, *b]))
    try:
        return sorted(merged) if a == sorted(a) and b == sorted(b) else merged
    except TypeError:  # labels of different types have no order
        return merged
