"""The choice between the pooled network and the experts, on rows that neither has seen."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ...base._group_routed import why_no_model
from ...base._samples import Sample, take_rows
from ...exceptions import GroupFallbackWarning
from ...metrics._core._groups import Groups, as_tuple
from ...postprocessing import NoHarmSelector
from ._network_classifiers import NetworkClassifier


def why_no_experts(
    sample: Sample, groups: Groups, rows: np.ndarray, min_group_size: int, *, interrupted: bool
) -> dict[Any, str]:
    """Groups for which no expert is trained, and why.

    Parameters
    ----------
    sample : Sample
    groups : Groups
    rows : ndarray of int
        Independent people among those for fitting.
    min_group_size : int
    interrupted : bool
        Whether the training of the pooled network was interrupted: against half a network experts would look good.

    Returns
    -------
    dict from group to str
    """
    reasons = {}
    for k, label in enumerate(groups.labels):
        reason = why_no_model(sample.take(rows[groups.codes[rows] == k]), min_group_size)
        if reason or interrupted:
            reasons[label] = reason or "training was interrupted before its expert's turn"
    if len(reasons) == len(groups.labels) - 1:
        (alone,) = (label for label in groups.labels if label not in reasons)
        reasons[alone] = "it is the only group that is large enough, and the pooled network is its own"
    return reasons


def select_experts(
    pooled: NetworkClassifier,
    experts: Mapping[Any, NetworkClassifier],
    sample: Sample,
    groups: Groups,
    rows: np.ndarray,
    **settings: Any,
) -> NoHarmSelector:
    """Choose for each group.

    Parameters
    ----------
    pooled : NetworkClassifier
    experts : dict from group to NetworkClassifier
    sample : Sample
    groups : Groups
    rows : ndarray of int
        Of the sample, on which to choose.
    **settings
        Of `NoHarmSelector`.

    Returns
    -------
    NoHarmSelector
        The fitted selector.
    """
    selecting = sample.take(rows)
    asked = {label: _AskedByNumber(expert, selecting.X) for label, expert in experts.items()}
    selector = NoHarmSelector((_AskedByNumber(pooled, selecting.X), asked), prefit=True, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return selector.fit(
            np.arange(len(rows))[:, None],
            selecting.y,
            sensitive_features=_columns_of(groups, rows),
            sample_weight=selecting.weights,
            units=selecting.units,
        )


class _AskedByNumber(ClassifierMixin, BaseEstimator):
    """A classifier that is asked about people by their numbers, so that nobody copies or checks their images again."""

    def __init__(self, classifier: NetworkClassifier, X: Any) -> None:
        self.classifier = classifier
        self.X = X

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return self.classifier.classes_

    def predict_proba(self, numbers: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, shape (n, C)."""
        return self.classifier.predict_proba(take_rows(self.X, numbers[:, 0]))

    def predict(self, numbers: np.ndarray) -> np.ndarray:
        """Predict labels."""
        return self.classifier.predict(take_rows(self.X, numbers[:, 0]))


def _columns_of(groups: Groups, rows: np.ndarray) -> pd.DataFrame:
    """Sensitive features of some rows, a column each."""
    values = pd.DataFrame([as_tuple(label) for label in groups.labels], columns=groups.names, dtype=object)
    return values.iloc[groups.codes[rows]].reset_index(drop=True)


#: How many people's representations groups are told apart by.
MOST_SEPARATED = 1000


def separability(z: np.ndarray, codes: np.ndarray) -> float:
    """Cross-validated balanced accuracy of a linear classifier of groups; NaN where a group has fewer than five people."""
    sizes = np.bincount(codes)
    if len(sizes) < 2 or sizes.min() < 5:
        return float("nan")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(cross_val_score(model, z, codes, cv=5, scoring="balanced_accuracy").mean())
