"""Estimators of this package with the calling conventions of `aif360.sklearn`."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ...base._features import check_columns
from ...base._fitting import unchanged_on_error
from ...exceptions import GroupFallbackWarning
from ...metrics import PreferenceFrame
from ...metrics._core._alignment import check_alignment
from ...metrics._core._values import to_numpy
from .._adapter import Adapter
from .._label_coding import LabelCoding
from ._index_attributes import drop_protected, read_protected_attributes


def _has_probabilities(classifier: Any) -> bool:
    """Whether the fitted estimator has probabilities; before `fit` that is not known."""
    return not hasattr(classifier, "estimator_") or hasattr(classifier.estimator_, "predict_proba")


def _features(X: Any, own: Any) -> Any:
    return X if own.keep_protected else drop_protected(X, getattr(own, "prot_attr", None))


def _code_labels(pos_label: Any, y: Any) -> LabelCoding:
    """Code two labels so that the favorable one is the greater."""
    classes = np.unique(to_numpy(y))
    if len(classes) != 2 or pos_label not in classes:
        raise ValueError(f"pos_label={pos_label!r} must be one of two labels; y has {classes[:5].tolist()}.")
    positive = int(classes[1] == pos_label)
    return LabelCoding((classes[positive],), (classes[1 - positive],), binary=True)


def _turns(coding: LabelCoding) -> bool:
    """Whether the favorable label is the smaller one, so that codes are in another order than `classes_`."""
    return bool(coding.favorable[0] < coding.unfavorable[0])


def _in_order_of_codes(parameters: dict[str, Any], coding: LabelCoding) -> dict[str, Any]:
    """Costs are given in the order of `classes_`; the estimator needs them in that of the codes."""
    costs = parameters.get("cost_matrix")
    if costs is None or not _turns(coding):
        return parameters
    return parameters | {"cost_matrix": np.asarray(costs)[::-1, ::-1]}


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
            If lengths differ, a protected attribute is not there or missing for somebody, `pos_label` is not a label, a parameter is
            out of range, or a classifier that is fitted already knows other labels.
        """
        check_alignment({"X": X, "y": y, "sample_weight": sample_weight})
        with unchanged_on_error(self):
            return self._fit(X, y, {} if sample_weight is None else {"sample_weight": sample_weight})

    def _fit(self, X: Any, y: Any, weights: dict[str, Any]) -> Self:
        X = self._check_features(X, reset=True)
        own, parameters = self._own_parameters(), self._adapted_parameters()
        coding = None if own.pos_label is None else _code_labels(own.pos_label, y)
        if coding is not None:
            coding.check_nothing_is_fitted(parameters)
            parameters = _in_order_of_codes(parameters, coding)
        arguments = self._fit_arguments(X, own) | weights
        codes = y if coding is None else coding.encode(to_numpy(y), "y")
        self.estimator_ = self._make_estimator(parameters).fit(_features(X, own), codes, **arguments)
        known = self.estimator_.classes_ if coding is None else np.unique(coding.decode(np.array([0, 1])))
        self.classes_ = np.asarray(known)
        self._fitted_with, self._coding = own, coding
        return self

    @property
    def n_iter_(self) -> Any:
        """Iterations of the fitted estimator, if it counts them."""
        return self.estimator_.n_iter_

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        return check_columns(self, X, reset=reset, accept_sparse=True)

    def _fit_arguments(self, X: Any, own: Any) -> dict[str, Any]:
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
        labels = self.estimator_.predict(_features(X, self._fitted_with), **self._route_arguments(X))
        if self._coding is not None:
            labels = self._coding.decode(labels)
        return pd.Series(labels, index=X.index) if isinstance(X, pd.DataFrame) else labels

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
        probabilities = self.estimator_.predict_proba(
            _features(X, self._fitted_with), **self._route_arguments(X)
        )
        return probabilities[:, ::-1] if self._coding is not None and _turns(self._coding) else probabilities

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features.
        y : array-like, shape (n,)
            True labels.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        float
        """
        check_alignment({"X": X, "y": y, "sample_weight": sample_weight})
        return float(super().score(X, y, sample_weight))

    def preference_frame(
        self, X: Any, y: Any, *, sample_weight: Any = None, loss: Any = None, pos_label: Any = None
    ) -> PreferenceFrame:
        """Compare what each group gets with what the pooled classifier would give.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        loss : str, callable, or several by name, optional
            As for `PreferenceFrame`; by default that in which the method decides.
        pos_label : label, optional
            As for `PreferenceFrame`.

        Returns
        -------
        PreferenceFrame
            Audit groups are those of `prot_attr`.
        """
        check_alignment({"X": X, "y": y, "sample_weight": sample_weight})
        X = self._check_predict_input(X)
        groups = read_protected_attributes(X, getattr(self._fitted_with, "prot_attr", None))
        labels = y if self._coding is None else self._coding.encode(to_numpy(y), "y")
        if pos_label is not None and self._coding is not None:
            pos_label = self._coding.encode(np.asarray([pos_label]), "pos_label").tolist()[0]
        asked = {"loss": loss} if loss is not None else {}
        return self.estimator_.preference_frame(
            _features(X, self._fitted_with), labels, sensitive_features=groups, sample_weight=sample_weight, pos_label=pos_label, **asked,
        )  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        tags, adapted = (
            super().__sklearn_tags__(),
            self._estimator_class(**self._adapted_parameters()).__sklearn_tags__(),
        )
        tags.input_tags, tags.classifier_tags = adapted.input_tags, adapted.classifier_tags
        return tags


class GroupsInIndex(IndexedClassifier):
    """Base of classifiers that are told the groups in `fit`."""

    _note = ""
    _positional = {
        "prot_attr": """label, array of shape (n,) or list of these, optional
            Levels of the index (or explicit values, by position) whose combinations are the groups; by default all named
            levels."""
    }

    def _fit_arguments(self, X: Any, own: Any) -> dict[str, Any]:
        groups = read_protected_attributes(X, own.prot_attr)
        if groups is None:
            warnings.warn(
                "prot_attr is None and the index of X has no named levels: there are no groups, and everybody gets the pooled "
                "classifier.",
                GroupFallbackWarning,
                stacklevel=5,
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
        labels = self.estimator_.predict_group(_features(X, self._fitted_with), **self._route_arguments(X))
        return pd.Series(labels, index=X.index) if isinstance(X, pd.DataFrame) else labels


class RoutedByIndex(GroupsInIndex, Routed):
    """Base of classifiers that serve each group of the index by its own."""

    def _route_arguments(self, X: Any) -> dict[str, Any]:
        return {"sensitive_features": read_protected_attributes(X, self._fitted_with.prot_attr)}


class ToldByIndex(GroupsInIndex):
    """Base of classifiers that fit one model, which is told the groups; they take no weights."""

    def fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]  # it takes no weights
        """Fit the estimator.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features, of which those named like an index level or a protected attribute are left out.
        y : array-like, shape (n,)
            Labels of two classes.

        Returns
        -------
        ClassifierMixin
            The fitted classifier.

        Raises
        ------
        ValueError
            If lengths differ, a protected attribute is not there or missing for somebody, `pos_label` is not a label, y has not two
            classes, or a parameter is out of range.
        """
        return super().fit(X, y)
