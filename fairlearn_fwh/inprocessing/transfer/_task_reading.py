"""Reading tasks: their people, features, groups, and the rows to learn from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from ...base._features import check_no_text
from ...base._samples import Sample, check_labels
from ...base._splits import hold_out
from ...metrics._core._groups import Groups, encode_groups, group_columns
from ...metrics._core._values import to_numpy
from .._training._inputs import TableInputs, TokenInputs, are_tokens, check_tokens
from ._tasks import TaskRows

TARGET_NAME = "target"

#: Name of an auxiliary task that was given without one.
AUXILIARY_NAME = "auxiliary"


class TaskFeatures(BaseEstimator):
    """Remembers number and names of the features of a task."""

    def check(self, X: Any, *, reset: bool) -> Any:
        """Check features, shape (n, d); those of `reset` are remembered."""
        if are_tokens(X):
            return check_tokens(self, X, reset=reset)
        check_no_text(X, "MultiTaskTransferClassifier")
        return validate_data(self, X, reset=reset, accept_sparse="csr")


@dataclass(frozen=True)
class Task:
    """People of one task.

    Attributes
    ----------
    name : str
    sample : Sample
    groups : Groups or None
    classes : ndarray
    fitting, validation : ndarray of int
        Positions of rows.
    features : TaskFeatures or None
        Of a task that has other features than the target.
    """

    name: str
    sample: Sample
    groups: Groups | None
    classes: np.ndarray
    fitting: np.ndarray
    validation: np.ndarray
    features: TaskFeatures | None = None

    @property
    def codes(self) -> np.ndarray:
        """Classes as numbers, shape (n,)."""
        return np.searchsorted(self.classes, self.sample.y)

    def rows(self, inputs: TableInputs | TokenInputs, positions: np.ndarray) -> TaskRows:
        """Rows as the network needs them."""
        part = self.sample.take(positions)
        weights = np.ones(len(positions)) if part.weights is None else part.weights
        groups = np.full(len(self.sample), -1) if self.groups is None else self.groups.codes
        return TaskRows(
            inputs.column(part.X), self.codes[positions], groups[positions], weights / weights.mean()
        )


def read_task(
    name: str,
    sample: Sample,
    sensitive_features: Any,
    validation_fraction: float,
    seed: int,
    features: TaskFeatures | None = None,
) -> Task:
    """Read a task and split its rows.

    Raises
    ------
    ValueError
        If it has one class, or groups of another length or with missing values.
    """
    if not sample.has_several_classes():
        raise ValueError(
            f"MultiTaskTransferClassifier needs at least 2 classes in y of the task {name!r}, among rows of weight above 0; got one class: "
            f"{np.unique(sample.y[sample.present()])[:1].tolist()!r}."
        )
    groups = None
    if sensitive_features is not None:
        groups = read_groups_or_missing(
            sensitive_features, f"sensitive_features of the task {name!r}", len(sample)
        )
        if (groups.codes < 0).any():
            raise ValueError(
                f"sensitive_features of the task {name!r} have missing values; leave these people out, or give them a group of their own."
            )
    classes = np.unique(sample.y)
    present = np.flatnonzero(sample.present())
    codes = np.searchsorted(classes, sample.y)[present]
    strata = np.zeros_like(codes) if groups is None else groups.codes[present]
    fitting, validation = hold_out(codes, strata, validation_fraction, check_random_state(seed))
    return Task(
        name=name,
        sample=sample,
        groups=groups,
        classes=classes,
        fitting=present[fitting],
        validation=present[validation if len(validation) else fitting],
        features=features,
    )


def read_auxiliary_tasks(
    auxiliary: Any,
    target: Any,
    with_own_features: Collection[str],
    validation_fraction: float,
    random_state: np.random.RandomState,
) -> list[Task]:
    """Read the auxiliary tasks.

    Parameters
    ----------
    auxiliary : tuple (X, y, groups), dict of these, or None
    target
        Has the features of the target as `n_features_in_` and, if they have names, `feature_names_in_`.
    with_own_features : collection of str
        Tasks that may have other features.
    validation_fraction : float
    random_state : RandomState

    Returns
    -------
    list of Task

    Raises
    ------
    ValueError
        If one is not a tuple of three, has the name of the target, no rows, or other features; if a task that was named does not exist.
    """
    auxiliary = {} if auxiliary is None else auxiliary
    given = auxiliary if isinstance(auxiliary, Mapping) else {AUXILIARY_NAME: auxiliary}
    if unknown := set(with_own_features) - {TARGET_NAME, *given}:
        raise ValueError(f"input_modules names {sorted(unknown)}, but the tasks are {[TARGET_NAME, *given]}.")
    tasks = []
    for name, task in given.items():
        if name == TARGET_NAME:
            raise ValueError(f"An auxiliary task is named {TARGET_NAME!r}, which means X and y; rename it.")
        if not isinstance(task, tuple | list) or len(task) != 3:
            raise ValueError(
                f"auxiliary must be a tuple (X, y, sensitive_features), or a dict of such tuples; {name!r} is {_describe(task)}."
            )
        X, y, sensitive_features = task
        features = TaskFeatures()
        try:
            X = features.check(X, reset=True)
        except ValueError as error:
            raise ValueError(f"The auxiliary task {name!r}: {error}") from error
        own = name in with_own_features
        if not own:
            X = _in_order_of(target, features, X, name)
        sample = Sample(X, check_labels(y, X.shape[0], f"The auxiliary task {name!r}"), None)
        tasks.append(
            read_task(
                name,
                sample,
                sensitive_features,
                validation_fraction,
                random_state.randint(2**31),
                features if own else None,
            )
        )
    return tasks


def _in_order_of(target: Any, features: TaskFeatures, X: Any, name: str) -> Any:
    """Put columns that have names into the order of the target's.

    Raises
    ------
    ValueError
        If they are others.
    """
    expected, own = (getattr(task, "feature_names_in_", None) for task in (target, features))
    if expected is not None and own is not None:
        missing, other = (sorted(set(a) - set(b)) for a, b in ((expected, own), (own, expected)))
        if missing or other:
            raise ValueError(
                f"The auxiliary task {name!r} must have the features of the target: missing {missing[:5]!r}, unknown {other[:5]!r}."
            )
        return X[:, [list(own).index(column) for column in expected]]
    if features.n_features_in_ != target.n_features_in_:
        raise ValueError(
            f"The auxiliary task {name!r} has {features.n_features_in_} features, but the target has {target.n_features_in_}; give "
            "input_modules where features differ."
        )
    return X


def read_groups_or_missing(sensitive_features: Any, name: str, n_rows: int) -> Groups:
    """Read groups; -1 for people of whom a value is missing."""
    if isinstance(sensitive_features, Groups):
        return sensitive_features
    columns = group_columns(sensitive_features, name)
    missing = np.zeros(n_rows, dtype=bool)
    for values in columns.values():
        if len(values) == n_rows:
            missing |= np.asarray(pd.isna(to_numpy(values)), dtype=bool)
    groups = encode_groups(sensitive_features, name, n_rows=n_rows, missing_group="separate")
    return (
        Groups(np.where(missing, -1, groups.codes), groups.labels, groups.names) if missing.any() else groups
    )


def _describe(value: Any) -> str:
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, tuple | list) else "")


def read_validation_groups(
    sensitive_features: Any, target: Task, validation_fraction: float, *, target_is_fair: bool
) -> Groups | None:
    """Read groups of the target's validation rows, -1 for those that are missing; those by which it is to be fair if no others are given.

    Raises
    ------
    ValueError
        If there are no validation rows of their own, or fewer than two groups among them.
    """
    name = "validation_sensitive_features"
    if sensitive_features is None:
        groups = target.groups if target_is_fair else None
    elif len(target.validation) == len(target.fitting) and (target.validation == target.fitting).all():
        raise ValueError(
            f"{name} needs validation rows, of which there are none; validation_fraction is {validation_fraction}."
        )
    else:
        groups = read_groups_or_missing(sensitive_features, name, len(target.sample))
    if groups is None:
        return None
    codes = groups.codes[target.validation]
    if sensitive_features is not None and len(np.unique(codes[codes >= 0])) < 2:
        raise ValueError(
            f"{name} has fewer than 2 groups among the validation rows; nothing can be compared."
        )
    return Groups(codes, groups.labels, groups.names)
