"""Estimators of this package with the calling conventions of `aif360.sklearn`."""

from __future__ import annotations

import warnings
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ...exceptions import GroupFallbackWarning
from ...metrics import PreferenceFrame
from ...metrics._arrays import to_numpy
from .._adapter import Adapter
from ._index_attributes import drop_protected, read_protected_attributes


def _has_probabilities(classifier: Any) -> bool:
    """Whether the fitted estimator has probabilities; before `fit` that is not known."""
    return not hasattr(classifier, "estimator_") or hasattr(classifier.estimator_, "predict_proba")


class IndexedClassifier(ClassifierMixin, MetaEstimatorMixin, Adapter):
    """Base of classifiers whose data frames carry protected attributes in the index."""

    _defaults = {"pos_label": None, "keep_protected": False}
    _keywords = {
        "pos_label": """label, optional
            The favorable one of two labels; by default the greater one.""",
        "keep_protected": """bool
            Whether features that are named like a level of the index stay. By default they are left out.""",
    }
    _attributes = """
        estimator_ : classifier
            The fitted estimator. With `pos_label` labels are 1 (favorable) and 0 to it.
        classes_ : ndarray
            Labels of the classes.
        n_features_in_, feature_names_in_
            Number and names of the features of `fit`."""
    _example = """
        >>> import pandas as pd
        >>> from fairlearn_fwh.aif360.sklearn import {name}
        >>> from fairlearn_fwh.datasets import make_intersectional
        >>> bunch = make_intersectional(2000, random_state=0)
        >>> X = bunch.data.set_axis(pd.MultiIndex.from_frame(bunch.sensitive_features), axis=0)
        >>> model = {name}({arguments}).fit(X[:1400], bunch.target[:1400])
        >>> model.predict(X[1400:]).index.names
        FrozenList(['s1', 's2'])"""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the estimator.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features, of which those named like a level of the index or a protected attribute are left out.
        y : array-like, shape (n,)
            Labels.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        ClassifierMixin
            The fitted classifier.

        Raises
        ------
        ValueError
            If lengths differ, a protected attribute is not there or missing for somebody, `pos_label` is no label, or a
            parameter is out of range.
        """
        X = self._check_features(X, reset=True)
        arguments = self._group_arguments(X) | (
            {} if sample_weight is None else {"sample_weight": sample_weight}
        )
        classes, codes = self._encode(y)
        self.estimator_ = self._make_estimator().fit(self._features(X), codes, **arguments)
        self.classes_ = np.asarray(self.estimator_.classes_ if self.pos_label is None else classes)
        return self

    @property
    def n_iter_(self) -> Any:
        """Iterations of the fitted estimator, if it counts them."""
        return self.estimator_.n_iter_

    @property
    def _names(self) -> Any:
        """What `prot_attr` says, if there is such a parameter."""
        return getattr(self, "prot_attr", None)

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        if isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, reset=reset, accept_sparse=True, dtype=None, ensure_all_finite=False)

    def _features(self, X: Any) -> Any:
        return X if self.keep_protected else drop_protected(X, self._names)

    def _encode(self, y: Any) -> tuple[np.ndarray, Any]:
        """Code two labels so that the favorable one is the greater."""
        if self.pos_label is None:
            return np.array([]), y
        labels = to_numpy(y)
        classes = np.unique(labels)
        if len(classes) != 2 or self.pos_label not in classes:
            raise ValueError(
                f"pos_label={self.pos_label!r} must be one of two labels; y has {classes[:5].tolist()}."
            )
        return classes, (labels == self.pos_label).astype(int)

    def _group_arguments(self, X: Any) -> dict[str, Any]:
        """Arguments of `fit` that say who is in which group."""
        return {}

    def _route_arguments(self, X: Any) -> dict[str, Any]:
        """Arguments of `predict` that say who is in which group."""
        return {}

    def _check_predict_input(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._check_features(X, reset=False)

    def predict(self, X: Any) -> Any:
        """Predict labels.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features.

        Returns
        -------
        Series or ndarray, shape (n,)
            For a data frame a Series with its index, which AIF360's metrics need.
        """
        X = self._check_predict_input(X)
        labels = self.estimator_.predict(self._features(X), **self._route_arguments(X))
        if self.pos_label is not None:
            labels = self._coded_labels()[labels]
        return pd.Series(labels, index=X.index) if isinstance(X, pd.DataFrame) else labels

    def _coded_labels(self) -> np.ndarray:
        """Labels that 0 and 1 stand for."""
        return self.classes_ if self.classes_[1] == self.pos_label else self.classes_[::-1]

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n, n_classes)
            Columns in the order of `classes_`.
        """
        X = self._check_predict_input(X)
        probabilities = self.estimator_.predict_proba(self._features(X), **self._route_arguments(X))
        if self.pos_label is not None and self.classes_[1] != self.pos_label:
            return probabilities[:, ::-1]
        return probabilities

    def preference_frame(self, X: Any, y: Any, *, sample_weight: Any = None) -> PreferenceFrame:
        """Compare what each group gets with what the pooled classifier would give.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        PreferenceFrame
            Audit groups are those of `prot_attr`.
        """
        X = self._check_predict_input(X)
        groups = read_protected_attributes(X, self._names)
        labels = y if self.pos_label is None else (to_numpy(y) == self.pos_label).astype(int)
        return self.estimator_.preference_frame(
            self._features(X), labels, sensitive_features=groups, sample_weight=sample_weight
        )

    def __sklearn_tags__(self) -> Any:
        tags, adapted = super().__sklearn_tags__(), self._make_estimator().__sklearn_tags__()
        tags.input_tags, tags.classifier_tags = adapted.input_tags, adapted.classifier_tags
        return tags


class GroupsInIndex(IndexedClassifier):
    """Base of classifiers that are told the groups in `fit`."""

    _positional = {
        "prot_attr": """label, array of shape (n,) or list of these, optional
            Levels of the index (or explicit values) whose combinations are the groups; by default all named levels."""
    }

    def _group_arguments(self, X: Any) -> dict[str, Any]:
        groups = read_protected_attributes(X, self.prot_attr)
        if groups is None:
            warnings.warn(
                "prot_attr is None and the index of X has no named levels: there are no groups, and everybody gets the pooled "
                "classifier.",
                GroupFallbackWarning,
                stacklevel=3,
            )
        return {"sensitive_features": groups}


class Routed(IndexedClassifier):
    """Base of classifiers that serve each person by one of several."""

    def predict_group(self, X: Any) -> Any:
        """Say for each person the group whose classifier is used.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features.

        Returns
        -------
        Series or ndarray, shape (n,)
            ``"pooled"`` for people of no group.
        """
        X = self._check_predict_input(X)
        labels = self.estimator_.predict_group(self._features(X), **self._route_arguments(X))
        return pd.Series(labels, index=X.index) if isinstance(X, pd.DataFrame) else labels


class RoutedByIndex(GroupsInIndex, Routed):
    """Base of classifiers that serve each group of the index by its own."""

    def _route_arguments(self, X: Any) -> dict[str, Any]:
        return {"sensitive_features": read_protected_attributes(X, self.prot_attr)}
