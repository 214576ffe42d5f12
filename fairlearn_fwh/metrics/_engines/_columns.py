"""Columns of a frame by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Number
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from .._core._reading import check_what_is_given


@dataclass(frozen=True)
class Columns:
    """Names of the columns that a frame is measured by.

    Attributes
    ----------
    y_true, y_pred_pooled : str
    y_pred, sample_weight : str or None
    y_pred_by_group : dict from label of a group to str
    groups, sensitive_features, control_features, units : list of str
    """

    y_true: str
    y_pred_pooled: str
    y_pred: str | None
    sample_weight: str | None
    y_pred_by_group: dict[Any, str]
    groups: list[str]
    sensitive_features: list[str]
    control_features: list[str]
    units: list[str]

    @classmethod
    def read(
        cls,
        *,
        y_true: str,
        y_pred_pooled: str,
        y_pred: str | None,
        sample_weight: str | None,
        y_pred_by_group: Sequence[str] | Mapping[Any, str] | None,
        groups: str | Sequence[str] | None,
        sensitive_features: str | Sequence[str] | None,
        control_features: str | Sequence[str] | None,
        units: str | Sequence[str] | None = None,
    ) -> Columns:
        """Bring the ways in which columns can be named to one."""
        if isinstance(y_pred_by_group, str):
            y_pred_by_group = [y_pred_by_group]
        if y_pred_by_group is not None and not isinstance(y_pred_by_group, Mapping):
            y_pred_by_group = {name: name for name in y_pred_by_group}
        for name, value in {
            "groups": groups,
            "sensitive_features": sensitive_features,
            "control_features": control_features,
            "units": units,
        }.items():
            names = _names(value)
            if value is not None and not names:
                raise ValueError(f"{name} names no column; leave it out, or name at least one.")
            if repeated := [column for column in names if names.count(column) > 1]:
                raise ValueError(f"{name} names column {repeated[0]!r} more than once.")
        check_what_is_given(y_pred is not None, bool(y_pred_by_group), groups is not None)
        return cls(
            y_true=y_true,
            y_pred_pooled=y_pred_pooled,
            y_pred=y_pred,
            sample_weight=sample_weight,
            y_pred_by_group=dict(y_pred_by_group or {}),
            groups=_names(groups),
            sensitive_features=_names(sensitive_features),
            control_features=_names(control_features),
            units=_names(units),
        )

    @classmethod
    def of_one_model(
        cls, *, y_true: str, y_pred: str, sensitive_features: str | Sequence[str] | None
    ) -> Columns:
        """Columns of a model by itself, which stands for what it is compared with, too."""
        return cls(
            y_true=y_true,
            y_pred_pooled=y_pred,
            y_pred=None,
            sample_weight=None,
            y_pred_by_group={},
            groups=[],
            sensitive_features=_names(sensitive_features),
            control_features=[],
            units=[],
        )

    def by_role(self) -> dict[str, str]:
        """Name of the column for everything that has one, by a name that nothing else has."""
        roles = {"y_true": self.y_true, "y_pred_pooled": self.y_pred_pooled}
        roles |= {} if self.y_pred is None else {"y_pred": self.y_pred}
        roles |= {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
        roles |= {f"y_pred_by_group[{label!r}]": name for label, name in self.y_pred_by_group.items()}
        for role in ("groups", "sensitive_features", "control_features", "units"):
            roles |= {f"{role}[{name!r}]": name for name in getattr(self, role)}
        return roles

    def roles_of(self, argument: str) -> list[str]:
        """Roles of the columns of one argument."""
        return [f"{argument}[{name!r}]" for name in getattr(self, argument)]  # of a dict its labels

    def labels_and_predictions(self) -> list[str]:
        """Roles of the truth and of all predictions."""
        own = [] if self.y_pred is None else ["y_pred"]
        return ["y_true", *own, "y_pred_pooled", *self.roles_of("y_pred_by_group")]

    def groupings(self) -> list[str]:
        """Roles of all columns that say who belongs to which group."""
        arguments = ("groups", "sensitive_features", "control_features")
        return [role for argument in arguments for role in self.roles_of(argument)]

    @cached_property
    def keys(self) -> dict[str, str]:
        """What the column of each role is called in an engine: numbered names, which no name of the user's can meet."""
        return {role: f"role_{i}" for i, role in enumerate(self.by_role())}

    def keys_of(self, argument: str) -> list[str]:
        """Keys of the columns of one argument."""
        return [self.keys[role] for role in self.roles_of(argument)]


def _names(columns: str | Sequence[str] | None) -> list[str]:
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) or not isinstance(columns, Iterable) else list(columns)


def check_names(frame: Any) -> None:
    """Raise ValueError if a pandas frame has column names that name no column for certain."""
    if not isinstance(frame, pd.DataFrame):
        return
    names = frame.columns
    if isinstance(names, pd.MultiIndex):
        raise ValueError(
            "frame has column names of several levels; give it names of one level, as by "
            "frame.columns = ['_'.join(map(str, name)) for name in frame.columns]."
        )
    if not names.is_unique:
        raise ValueError(
            f"frame has several columns named {names[names.duplicated()][0]!r}; rename all but one."
        )


def check_columns(schema: Mapping[str, Any], columns: Columns) -> None:
    """Raise ValueError if a column is missing, or cannot hold one value per row or the labels of groups."""
    check_roles(columns)
    available = list(schema)
    for role, name in columns.by_role().items():
        if name not in available:
            raise ValueError(
                f"{role} is column {name!r}, which the frame does not have; it has {available[:20]!r}."
            )
        if schema[name].is_nested():
            raise ValueError(f"{role} must have one value per row; column {name!r} is {schema[name]}.")
    for label in columns.y_pred_by_group:
        parts = label if len(columns.groups) > 1 else (label,)
        if not isinstance(parts, tuple) or len(parts) != len(columns.groups):
            raise ValueError(
                f"y_pred_by_group needs a label of {len(columns.groups)} values for the columns {columns.groups!r} of groups; "
                f"got {label!r}."
            )
        for part, name in zip(parts, columns.groups, strict=True):
            if not _may_be_in(part, schema[name]):
                raise ValueError(
                    f"groups is column {name!r} of type {schema[name]}, but y_pred_by_group has the label {part!r}; "
                    "give a dict from labels of that type to columns."
                )


def _may_be_in(label: Any, dtype: Any) -> bool:
    """Whether a label may stand in a column of a type."""
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return isinstance(label, str)
    if dtype == nw.Boolean:
        return isinstance(label, bool | np.bool_)
    if dtype.is_numeric():
        return isinstance(label, Number) and not isinstance(label, bool | np.bool_)
    return not (dtype.is_temporal() and isinstance(label, str | Number))


def check_roles(columns: Columns) -> None:
    """Raise ValueError if one column is given two roles of which one makes nonsense of the other."""
    roles = columns.by_role()
    alone = [role for role in roles if role in ("y_true", "y_pred", "y_pred_pooled", "sample_weight")]
    by_group = columns.roles_of("y_pred_by_group")
    predictions = [role for role in columns.labels_and_predictions() if role != "y_true"]
    pairs = [(a, b) for i, a in enumerate(alone) for b in alone[i + 1 :]]
    pairs += [(a, b) for a in alone if a in ("y_true", "sample_weight") for b in by_group]
    pairs += [(a, b) for a in predictions for b in columns.groupings()]
    pairs += [(a, b) for a in columns.labels_and_predictions() for b in columns.roles_of("units")]
    for first, second in pairs:
        if roles[first] == roles[second]:
            raise ValueError(
                f"{first} and {second} are the same column {roles[first]!r}; give each its own column."
            )


def eager_parameters(frame: nw.DataFrame[Any], columns: Columns) -> dict[str, Any]:
    """Take the columns out of an eager frame, as the parameters of `PreferenceFrame`."""

    def column(name: str | None) -> Any:
        return None if name is None else frame.get_column(name).to_native()

    def several(names: list[str]) -> Any:
        return {name: column(name) for name in names} or None

    return {
        "y_true": column(columns.y_true),
        "y_pred": column(columns.y_pred),
        "y_pred_pooled": column(columns.y_pred_pooled),
        "y_pred_by_group": {label: column(name) for label, name in columns.y_pred_by_group.items()} or None,
        "sample_weight": column(columns.sample_weight),
        "groups": several(columns.groups),
        "sensitive_features": several(columns.sensitive_features),
        "control_features": several(columns.control_features),
        "units": several(columns.units),
    }
