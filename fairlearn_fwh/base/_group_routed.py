"""Routed ensembles whose router is known: people say by `sensitive_features` which group they belong to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import Groups, find_groups, select_columns
from ._routed import RoutedClassifier, RoutedEstimator, RoutedRegressor
from ._samples import Sample, read_groups
from ._tasks import CLASSIFICATION, Task


def why_no_model(members: Sample, min_group_size: int, task: Task = CLASSIFICATION) -> str:
    """Say why a group's model cannot be fitted on these people; empty if it can."""
    n = int(members.present().sum())
    if n < min_group_size:
        return f"{n} people, fewer than min_group_size={min_group_size}"
    return task.why_not_fitted_on(members)


class GroupRouted(RoutedEstimator):
    """Base of routed ensembles whose groups are those of `sensitive_features`.

    A subclass has the parameters `handle_unknown` and `missing_group`, reads groups in `fit` by `_read_groups` and
    labels `group_estimators_` by them.
    """

    handle_unknown: str
    missing_group: str
    _sensitive_names: list[str]

    def _read_groups(self, sensitive_features: Any, n_rows: int) -> Groups | None:
        """Read the groups of `fit`, and remember their names; without any there are no groups."""
        self._sensitive_names = []
        if sensitive_features is None:
            return None
        groups = read_groups(sensitive_features, n_rows, self.missing_group)
        self._sensitive_names = groups.names
        return groups

    def _is_routed_by(self, groups: Groups) -> bool:
        """Whether these groups are those of `fit`: by attributes of the same names, in the same order, and none that is new."""
        names = getattr(self, "_sensitive_names", [])
        return bool(names) and names == groups.names and set(groups.labels) <= set(self.groups_)

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        table = list(self.group_estimators_.items())
        groups = self._read_again(sensitive_features, X.shape[0]) if table else None
        if groups is None:
            return np.full(X.shape[0], -1), table
        unseen = [label for label in groups.labels if label not in self.group_estimators_]
        if unseen:
            self._report_unseen(unseen, groups)
        return find_groups(groups, self.groups_), table

    def _read_again(self, sensitive_features: Any, n_rows: int) -> Groups | None:
        """Read the columns of fit, found by name where both have names; further ones may be there for an audit.

        Returns
        -------
        Groups or None
            None, after a warning, if there are no sensitive features: then everybody gets the pooled classifier.
        """
        if sensitive_features is None:
            warnings.warn(
                f"The estimator was fitted with sensitive_features and got none now: the pooled {self._task.estimator_type} is used "
                "for everybody. Scorers and cross_val_predict do not forward them by themselves.",
                GroupFallbackWarning,
                stacklevel=5,
            )
            return None
        groups = read_groups(sensitive_features, n_rows, self.missing_group)
        if set(self._sensitive_names) <= set(groups.names):
            return select_columns(groups, self._sensitive_names)
        unnamed = all(name.startswith("sensitive_features") for name in groups.names) or all(
            name.startswith("sensitive_features") for name in self._sensitive_names
        )
        if not unnamed or len(groups.names) != len(self._sensitive_names):
            raise ValueError(
                f"sensitive_features has {len(groups.names)} column(s) {groups.names}; the estimator was fitted with "
                f"{len(self._sensitive_names)}: {self._sensitive_names}."
            )
        return groups

    def _report_unseen(self, unseen: list[Any], groups: Groups) -> None:
        codes = [groups.labels.index(label) for label in unseen]
        n = int(np.isin(groups.codes, codes).sum())
        message = f"sensitive_features has {len(unseen)} group(s) that did not occur in fit: {unseen[:5]!r} ({n} people)"
        pooled = f"the pooled {self._task.estimator_type}"
        if self.handle_unknown == "error":
            raise ValueError(f"{message}; handle_unknown='pooled' would serve them by {pooled}.")
        warnings.warn(f"{message}: {pooled} is used.", GroupFallbackWarning, stacklevel=5)


class GroupRoutedClassifier(GroupRouted, RoutedClassifier):
    """Base of routed ensembles of classifiers whose groups are those of `sensitive_features`."""


class GroupRoutedRegressor(GroupRouted, RoutedRegressor):
    """Base of routed ensembles of regressors whose groups are those of `sensitive_features`."""
