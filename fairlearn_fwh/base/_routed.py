"""What all routed ensembles share: a pooled classifier, group classifiers, and a router between them."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..exceptions import GroupFallbackWarning
from ..metrics import PreferenceFrame
from ..metrics._core._alignment import check_alignment
from ..metrics._core._groups import POOLED, flat_index
from ._answers import align_probabilities, ask_labels, to_numpy_labels
from ._features import check_columns
from ._plain_state import full_state, plain_state
from ._samples import Sample, check_labels, take_rows
from ._weights import check_weights

Predictor = Callable[[Any, Any], np.ndarray]


class RoutedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator, ABC):
    """Base of ensembles in which each person is served by one of several classifiers.

    A subclass sets in `fit`: `pooled_estimator_`, `group_estimators_` (dict from label to classifier; the
    pooled one where a group fell back), `fallback_groups_`, `group_sizes_`, and says in `_route` which group
    each row belongs to.
    """

    __metadata_request__fit = {"sensitive_features": True}
    __metadata_request__predict = {"sensitive_features": True}
    __metadata_request__predict_proba = {"sensitive_features": True}
    __metadata_request__score = {"sensitive_features": True}

    classes_: np.ndarray
    pooled_estimator_: Any
    group_estimators_: dict[Any, Any]
    group_sizes_: dict[Any, int]
    fallback_groups_: dict[Any, str]

    @abstractmethod
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit the pooled classifier, the group classifiers and the router."""

    @abstractmethod
    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        """Route rows to classifiers.

        Returns
        -------
        codes : ndarray of int, shape (n,)
            Position in `table` of each row, -1 for the pooled classifier.
        table : sequence of (label, classifier)
        """

    def __getstate__(self) -> dict[str, Any]:
        return plain_state(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(full_state(state))

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there are group classifiers."""
        return hasattr(self, "group_estimators_")

    @property
    def groups_(self) -> list[Any]:
        """Labels of the groups."""
        return list(self.group_estimators_)

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        """Check the shape of X and its feature names; data frames and values are left to the classifiers to check."""
        return check_columns(self, X, reset=reset, accept_sparse=True, allow_nd=True)

    def _check_rows(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Sample:
        """Check features, labels and weights."""
        X = self._check_features(X, reset=reset)
        labels = check_labels(y, X.shape[0], type(self).__name__)
        return Sample(X, labels, check_weights(sample_weight, X))

    def _check_fit_input(self, X: Any, y: Any, sample_weight: Any) -> Sample:
        """Check features, labels and weights, and remember the classes."""
        sample = self._check_rows(X, y, sample_weight, reset=True)
        self.classes_ = np.unique(sample.y)
        if not sample.has_several_classes():
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes in y; got one class: {self.classes_[:1].tolist()!r}."
            )
        return sample

    def _routed_output(self, X: Any, sensitive_features: Any, output: Predictor) -> np.ndarray:
        """Ask each classifier about the people that it serves."""
        check_alignment({"X": X, "sensitive_features": sensitive_features})
        codes, table = self._route(X, sensitive_features)
        return self._output_of(codes, [classifier for _, classifier in table], X, output)

    def _output_of(self, codes: np.ndarray, classifiers: list[Any], X: Any, output: Predictor) -> np.ndarray:
        served: dict[int, tuple[Any, list[int]]] = {}
        for code in np.unique(codes):
            classifier = self.pooled_estimator_ if code < 0 else classifiers[code]
            served.setdefault(id(classifier), (classifier, []))[1].append(code)
        result: np.ndarray | None = None
        for classifier, its_codes in served.values():
            rows = np.isin(codes, its_codes)
            if rows.all():
                return output(classifier, X)
            part = output(classifier, take_rows(X, rows))
            if result is None:
                result = np.empty((len(codes), *part.shape[1:]), dtype=part.dtype)
            result = result.astype(np.result_type(result, part), copy=False)
            result[rows] = part
        assert result is not None
        return result

    def _check_predict_input(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._check_features(X, reset=False)

    def predict(self, X: Any, *, sensitive_features: Any = None) -> np.ndarray:
        """Predict with the classifier that serves each person.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            What the estimator routes by, if it routes by sensitive features. Without it, and for groups unseen
            in `fit`, the pooled classifier is used.

        Returns
        -------
        ndarray, shape (n,)
        """
        return self._routed_output(self._check_predict_input(X), sensitive_features, self._labels)

    def _has_probabilities(self) -> bool:
        """Whether all fitted classifiers predict probabilities; before `fit` that is not known."""
        models = [getattr(self, "pooled_estimator_", None), *getattr(self, "group_estimators_", {}).values()]
        return all(hasattr(model, "predict_proba") for model in models if model is not None)

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any, *, sensitive_features: Any = None) -> np.ndarray:
        """Predict class probabilities with the classifier that serves each person.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            As for `predict`.

        Returns
        -------
        ndarray, shape (n, n_classes)
            Columns in the order of `classes_`.
        """
        return self._routed_output(self._check_predict_input(X), sensitive_features, self._probabilities)

    def predict_group(self, X: Any, *, sensitive_features: Any = None) -> np.ndarray:
        """Say for each person the group whose classifier is used.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            As for `predict`.

        Returns
        -------
        ndarray, shape (n,)
            Labels of groups; ``"pooled"`` for people of no group. A group that fell back keeps its label.
        """
        check_alignment({"X": X, "sensitive_features": sensitive_features})
        codes, table = self._route(self._check_predict_input(X), sensitive_features)
        labels = [label for label, _ in table]
        if (codes < 0).any() or not labels:
            labels, codes = [*labels, POOLED], np.where(codes < 0, len(labels), codes)
        return to_numpy_labels(labels)[codes]

    def predict_by_group(self, X: Any, *, response_method: str = "predict") -> pd.DataFrame:
        """Ask every group's classifier about every row.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        response_method : {"predict", "predict_proba"}
            Labels, or (two classes only) the probability of ``classes_[1]``.

        Returns
        -------
        DataFrame, shape (n, K)
            One column per group; that of a group that fell back holds the pooled classifier's predictions.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than in `fit`, `response_method` is unknown, or probabilities of more than two classes are asked for.
        """
        X = self._check_predict_input(X)
        if response_method not in ("predict", "predict_proba"):
            raise ValueError(
                f"response_method must be 'predict' or 'predict_proba'; got {response_method!r}."
            )
        if response_method == "predict_proba" and len(self.classes_) != 2:
            raise ValueError("response_method='predict_proba' needs two classes.")

        def output(classifier: Any) -> np.ndarray:
            return (
                self._labels(classifier, X)
                if response_method == "predict"
                else self._probabilities(classifier, X)[:, 1]
            )

        answers: dict[int, np.ndarray] = {}
        for classifier in self.group_estimators_.values():
            if id(classifier) not in answers:
                answers[id(classifier)] = output(classifier)
        columns = [answers[id(classifier)] for classifier in self.group_estimators_.values()]
        index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(X.shape[0])
        frame = pd.DataFrame(dict(enumerate(columns)), index=index)
        frame.columns = flat_index(self.groups_)
        return frame

    def score(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy of what people got.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,)
            True labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            As for `predict`.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        float
        """
        check_alignment(
            {"X": X, "y": y, "sensitive_features": sensitive_features, "sample_weight": sample_weight}
        )
        return float(
            accuracy_score(
                y, self.predict(X, sensitive_features=sensitive_features), sample_weight=sample_weight
            )
        )

    def preference_frame(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
        loss: Any = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Compare what each person gets with what the pooled and the other groups' classifiers would give.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            What the estimator routes by, if it does; in any case the audit groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            Whose rows belong together, as for `PreferenceFrame`.
        loss : str, callable, or several by name, optional
            As for `PreferenceFrame`; by default that in which the estimator decides.
        pos_label : optional
            As for `PreferenceFrame`.

        Returns
        -------
        PreferenceFrame
        """
        return PreferenceFrame.from_estimator(
            self,
            X,
            y,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            loss=self._loss() if loss is None else loss,
            pos_label=pos_label,
            units=units,
        )

    def _loss(self) -> Any:
        """In which loss the estimator is compared with the pooled classifier."""
        return "zero_one"

    def _labels(self, classifier: Any, X: Any) -> np.ndarray:
        return ask_labels(classifier, X, self.classes_)

    def _probabilities(self, classifier: Any, X: Any) -> np.ndarray:
        return align_probabilities(classifier, X, self.classes_)

    def _warn_of_fallback(self) -> None:
        if self.fallback_groups_:
            listed = "; ".join(
                f"{label!r}: {reason}" for label, reason in list(self.fallback_groups_.items())[:5]
            )
            more = len(self.fallback_groups_) - 5
            warnings.warn(
                f"{len(self.fallback_groups_)} of {len(self.group_estimators_)} groups have no classifier of their own. "
                f"{listed}{f'; and {more} more' if more > 0 else ''}",
                GroupFallbackWarning,
                stacklevel=3,
            )
