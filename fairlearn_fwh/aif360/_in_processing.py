"""Estimators of this package as AIF360's in-processing algorithms."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from aif360.algorithms import Transformer
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ._adapter import Adapter
from ._label_coding import LabelCoding
from ._reading import (
    check_both_occur,
    check_conditions,
    check_dataset,
    check_same_features,
    read_attributes,
    read_features,
    read_two_groups,
    read_weights,
)

_KEEP_PROTECTED = """bool
    Whether the data set's protected attributes stay among the features. By default they leave them."""

_GROUPS = {
    "unprivileged_groups": """list of dict, optional
        Whom AIF360 calls unprivileged, such as ``[{'sex': 0}]``. Given with `privileged_groups`, the groups are
        "privileged", "unprivileged" and, if there are others, "neither".""",
    "privileged_groups": """list of dict, optional
        Whom AIF360 calls privileged.""",
    "protected_attribute_names": """str or list of str, optional
        Protected attributes whose values (of several: whose combinations) are the groups; by default all of the data
        set. Not together with `privileged_groups`.""",
}


class InProcessing(Transformer, Adapter):
    """Base of algorithms that are fitted on one data set and predict the labels of others."""

    __metadata_request__fit = {"dataset": UNUSED}
    __metadata_request__predict = {"dataset": UNUSED}
    __metadata_request__transform = {"dataset": UNUSED}

    _defaults = {"keep_protected": False}
    _keywords = {"keep_protected": _KEEP_PROTECTED}
    _attributes = """
        estimator_ : classifier
            The fitted estimator. Two labels are 0 (unfavorable) and 1 (favorable) to it, in this order also where a parameter
            goes by the order of classes; more labels are as in the data set. The features come as a data frame."""
    _example = """
        >>> from fairlearn_fwh.aif360 import {name}, as_binary_label_dataset
        >>> from fairlearn_fwh.datasets import make_intersectional
        >>> dataset = as_binary_label_dataset(make_intersectional(2000, random_state=0))
        >>> train, test = dataset.split([0.7], shuffle=True, seed=0)
        >>> predicted = {name}({arguments}).fit(train).predict(test)
        >>> predicted.metadata["transformer"], predicted.labels.shape
        ('{name}.predict', (600, 1))"""

    @property
    def _params(self) -> dict[str, Any]:
        """What AIF360 writes into the metadata of predicted data sets."""
        return self.get_params(deep=False)

    def fit(self, dataset: Any) -> Self:
        """Fit the estimator.

        Parameters
        ----------
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            Instance weights other than 1 are the estimator's sample weights.

        Returns
        -------
        Transformer
            The fitted algorithm.

        Raises
        ------
        TypeError
            If `dataset` is not such a data set.
        ValueError
            If it lacks a protected attribute or people's values of it, a label is neither favorable nor unfavorable, weights are
            negative or all zero, a parameter is out of range, or a classifier that is fitted already knows other labels.
        """
        return self._fit(dataset, {})

    def _fit(self, dataset: Any, more: dict[str, Any]) -> Self:
        """Fit the estimator with more arguments than a data set holds."""
        check_dataset(dataset)
        own, parameters, coding = self._own_parameters(), self._adapted_parameters(), LabelCoding.of(dataset)
        coding.check_nothing_is_fitted(parameters)
        X = read_features(dataset, own.keep_protected)
        y = coding.encode(dataset.labels, "dataset.labels")
        arguments = self._fit_arguments(dataset, own) | more
        estimator = self._make_estimator(parameters)
        if (weights := read_weights(dataset)) is not None:
            if not has_fit_parameter(estimator, "sample_weight"):
                raise ValueError(
                    f"dataset.instance_weights are not all 1, but {type(self).__name__} takes no weights."
                )
            arguments["sample_weight"] = weights
        self.estimator_ = estimator.fit(X, y, **arguments)
        self._fitted_with, self._coding, self._feature_names = own, coding, list(dataset.feature_names)
        return self

    def predict(self, dataset: Any) -> Any:
        """Predict labels and scores.

        Parameters
        ----------
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            With the features of `fit`.

        Returns
        -------
        Dataset
            A copy with predicted `labels` and, as `scores`, the probability of a favorable label (0 or 1 if the classifier
            has no probabilities).

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If features, protected attributes or labels are not those of `fit`.
        """
        X = self._check_predict_input(dataset)
        return self._classify(dataset, self.estimator_, X, **self._route_arguments(dataset))

    def _fit_arguments(self, dataset: Any, own: Any) -> dict[str, Any]:
        """Arguments of `fit` that say who is in which group."""
        return {}

    def _route_arguments(self, dataset: Any) -> dict[str, Any]:
        """Arguments of `predict` that say who is in which group."""
        return {}

    def _check_predict_input(self, dataset: Any) -> Any:
        check_is_fitted(self, "estimator_")
        check_dataset(dataset)
        check_same_features(self._feature_names, dataset)
        if (coding := LabelCoding.of(dataset)) != self._coding:
            raise ValueError(
                f"dataset calls {list(coding.favorable)} favorable and {list(coding.unfavorable)} unfavorable; in fit these were "
                f"{list(self._coding.favorable)} and {list(self._coding.unfavorable)}."
            )
        return read_features(dataset, self._fitted_with.keep_protected)

    def _classify(self, dataset: Any, classifier: Any, X: Any, **arguments: Any) -> Any:
        """Copy a data set with a classifier's labels and scores."""
        codes = np.asarray(classifier.predict(X, **arguments))
        new = dataset.copy()
        new.labels = np.asarray(self._coding.decode(codes), dtype=float).reshape(-1, 1)
        if hasattr(classifier, "predict_proba"):
            favorable = self._coding.is_favorable(np.asarray(classifier.classes_))
            scores = classifier.predict_proba(X, **arguments)[:, favorable].sum(axis=1)
        else:
            scores = self._coding.is_favorable(codes).astype(float)
        new.scores = scores.reshape(-1, 1)
        return new


class WithGroups(InProcessing):
    """Base of algorithms that are told the groups in `fit`."""

    _note = ""
    _defaults = dict.fromkeys(_GROUPS) | InProcessing._defaults
    _keywords = _GROUPS | InProcessing._keywords

    def _fit_arguments(self, dataset: Any, own: Any) -> dict[str, Any]:
        groups = self._read_groups(dataset, own)
        if own.privileged_groups is not None:
            check_both_occur(groups)
        return {"sensitive_features": groups}

    def _read_groups(self, dataset: Any, own: Any) -> Any:
        """Read who is in which group, as the parameters say."""
        check_conditions(own.unprivileged_groups, own.privileged_groups)
        if (own.unprivileged_groups is None) != (own.privileged_groups is None):
            raise ValueError(
                "unprivileged_groups and privileged_groups must be given together, or neither of them."
            )
        if own.privileged_groups is None:
            return read_attributes(dataset, own.protected_attribute_names)
        if own.protected_attribute_names is not None:
            raise ValueError(
                f"protected_attribute_names={own.protected_attribute_names!r} and privileged_groups both say who the groups are; "
                "give one of them."
            )
        return read_two_groups(dataset, own.unprivileged_groups, own.privileged_groups)


class RoutedInProcessing(InProcessing):
    """Base of algorithms that serve each person by one of several classifiers."""

    def predict_group(self, dataset: Any) -> np.ndarray:
        """Say for each person the group whose classifier is used.

        Parameters
        ----------
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            People, with the features of `fit`.

        Returns
        -------
        ndarray, shape (n,)
            ``"pooled"`` for people of no group.
        """
        X = self._check_predict_input(dataset)
        return self.estimator_.predict_group(X, **self._route_arguments(dataset))

    def predict_pooled(self, dataset: Any) -> Any:
        """Predict by the pooled classifier, whoever it is.

        Parameters
        ----------
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            People, with the features of `fit`.

        Returns
        -------
        Dataset
        """
        return self._classify(dataset, self.estimator_.pooled_estimator_, self._check_predict_input(dataset))

    def predict_by_group(self, dataset: Any) -> dict[Any, Any]:
        """Ask every group's classifier about everybody, as `PreferenceMetric` needs it for envy.

        Parameters
        ----------
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            People, with the features of `fit`.

        Returns
        -------
        dict from group to Dataset
        """
        X = self._check_predict_input(dataset)
        classifiers = self.estimator_.group_estimators_
        answers = {id(model): self._classify(dataset, model, X) for model in classifiers.values()}
        return {label: answers[id(model)] for label, model in classifiers.items()}


class RoutedByGroups(WithGroups, RoutedInProcessing):
    """Base of algorithms that serve each known group by its classifier."""

    def _route_arguments(self, dataset: Any) -> dict[str, Any]:
        return {"sensitive_features": self._read_groups(dataset, self._fitted_with)}


class ToldGroups(WithGroups):
    """Base of algorithms that fit one model, which is told the groups, and compare it with a baseline."""

    def predict_pooled(self, dataset: Any) -> Any:
        """Predict by the baseline.

        Parameters
        ----------
        dataset : BinaryLabelDataset or StandardDataset
            People, with the features of `fit`.

        Returns
        -------
        Dataset
        """
        return self._classify(dataset, self.estimator_.baseline_, self._check_predict_input(dataset))
