"""What all routed ensembles share, of classifiers or of regressors: a pooled model, group models, and a router between them."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..exceptions import GroupFallbackWarning
from ..metrics import PreferenceFrame
from ..metrics._core._alignment import check_alignment
from ..metrics._core._groups import POOLED, flat_index
from ._answers import align_probabilities, to_numpy_labels
from ._features import check_columns
from ._mitigators import refuse_skops
from ._plain_state import full_state, plain_state
from ._samples import Sample, take_rows
from ._tasks import CLASSIFICATION, REGRESSION, Task
from ._weights import check_weights

Predictor = Callable[[Any, Any], np.ndarray]


class RoutedEstimator(MetaEstimatorMixin, BaseEstimator, ABC):
    """Base of ensembles in which each person is served by one of several models.

    A subclass says in `_task` what is predicted, sets in `fit`: `pooled_estimator_`, `group_estimators_` (dict from label to model; the
    pooled one where a group fell back), `fallback_groups_`, `group_sizes_`, and says in `_route` which group
    each row belongs to.
    """

    @property
    @abstractmethod
    def _task(self) -> Task:
        """What is predicted."""

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
        """Fit the pooled model, the group models and the router."""

    @abstractmethod
    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        """Route rows to models.

        Returns
        -------
        codes : ndarray of int, shape (n,)
            Position in `table` of each row, -1 for the pooled model.
        table : sequence of (label, model)
        """

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        refuse_skops(state)
        return plain_state(state)

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
        """Check features, target and weights."""
        X = self._check_features(X, reset=reset)
        target = self._task.check_target(y, X.shape[0], type(self).__name__)
        return Sample(X, target, check_weights(sample_weight, X))

    def _check_fit_input(self, X: Any, y: Any, sample_weight: Any) -> Sample:
        """Check features, target and weights, and remember the classes, if there are any."""
        sample = self._check_rows(X, y, sample_weight, reset=True)
        classes = self._task.classes_of(sample, type(self).__name__)
        if classes is not None:
            self.classes_ = classes
        return sample

    def _routed_output(self, X: Any, sensitive_features: Any, output: Predictor) -> np.ndarray:
        """Ask each model about the people that it serves."""
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
        """Predict with the model that serves each person.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            What the estimator routes by, if it routes by sensitive features. Without it, and for groups unseen
            in `fit`, the pooled model is used.

        Returns
        -------
        ndarray, shape (n,)
        """
        return self._routed_output(self._check_predict_input(X), sensitive_features, self._answers)

    def _has_probabilities(self) -> bool:
        """Whether all fitted classifiers predict probabilities; before `fit` that is not known."""
        if self._task is REGRESSION:
            return False
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
        """Say for each person the group whose model is used.

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
        """Ask every group's model about every row.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        response_method : {"predict", "predict_proba"}
            Predictions, or (two classes only) the probability of ``classes_[1]``.

        Returns
        -------
        DataFrame, shape (n, K)
            One column per group; that of a group that fell back holds the pooled model's predictions.

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
        if response_method == "predict_proba" and (self._task is REGRESSION or len(self.classes_) != 2):
            raise ValueError("response_method='predict_proba' needs two classes.")

        def output(model: Any) -> np.ndarray:
            return (
                self._answers(model, X)
                if response_method == "predict"
                else self._probabilities(model, X)[:, 1]
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
        """Score what people got: the accuracy of labels, R squared of amounts.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,)
            True labels or amounts.
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
        return self._task.score(y, self.predict(X, sensitive_features=sensitive_features), sample_weight)

    def preference_frame(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
        loss: Any = None,
        loss_limit: float | None = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Compare what each person gets with what the pooled and the other groups' models would give.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels or amounts.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            What the estimator routes by, if it does; in any case the audit groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            Whose rows belong together, as for `PreferenceFrame`.
        loss : str, callable, or several by name, optional
            As for `PreferenceFrame`; by default that in which the estimator decides.
        loss_limit, pos_label : optional
            As for `PreferenceFrame`.

        Returns
        -------
        PreferenceFrame
        """
        check_is_fitted(self)
        return PreferenceFrame.from_estimator(
            self,
            X,
            y,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            loss=self._loss() if loss is None else loss,
            loss_limit=loss_limit,
            pos_label=pos_label,
            units=units,
        )

    def _loss(self) -> Any:
        """In which loss the estimator is compared with the pooled model."""
        return self._task.loss

    def _answers(self, model: Any, X: Any) -> np.ndarray:
        return self._task.answers(model, X, getattr(self, "classes_", None))

    def _probabilities(self, classifier: Any, X: Any) -> np.ndarray:
        return align_probabilities(classifier, X, self.classes_)

    def _warn_of_fallback(self) -> None:
        if self.fallback_groups_:
            listed = "; ".join(
                f"{label!r}: {reason}" for label, reason in list(self.fallback_groups_.items())[:5]
            )
            more = len(self.fallback_groups_) - 5
            warnings.warn(
                f"{len(self.fallback_groups_)} of {len(self.group_estimators_)} groups have no {self._task.estimator_type} of their own. "
                f"{listed}{f'; and {more} more' if more > 0 else ''}",
                GroupFallbackWarning,
                stacklevel=3,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        self._task.set_tags(tags)
        return tags


class RoutedClassifier(ClassifierMixin, RoutedEstimator):
    """Base of routed ensembles of classifiers."""

    score = RoutedEstimator.score  # that of the mixin knows no sensitive features

    @property
    def _task(self) -> Task:
        return CLASSIFICATION


class RoutedRegressor(RegressorMixin, RoutedEstimator):
    """Base of routed ensembles of regressors."""

    score = RoutedEstimator.score  # that of the mixin knows no sensitive features

    @property
    def _task(self) -> Task:
        return REGRESSION
