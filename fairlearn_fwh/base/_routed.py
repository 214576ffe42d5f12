"""What all routed ensembles share: a pooled classifier, group classifiers, and a router between them."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from .._sklearn_compat import check_sample_weight
from ..exceptions import GroupFallbackWarning
from ..metrics import PreferenceFrame
from ..metrics._core._alignment import check_alignment
from ..metrics._core._groups import POOLED, Groups, encode_groups, flat_index
from ..metrics._core._values import check_spread, to_numpy
from ..metrics._estimators import aligned_probabilities, check_classes
from ._plain_state import full_state, plain_state

#: How the reason of a fallback begins where a group's classifier could not be fitted.
FIT_FAILED = "its fit failed"

Predictor = Callable[[Any, Any], np.ndarray]


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Take rows (positions or a mask) of an array, a sparse matrix or a data frame."""
    if sparse.issparse(X):
        return X.tocsr()[rows]
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        positions = np.flatnonzero(rows) if rows.dtype == bool else rows
        return frame[positions].to_native()
    # Pictures of a torch Dataset take rows without being read.
    return X.take_rows(rows) if hasattr(X, "take_rows") else np.asarray(X)[rows]


def numbers(X: Any) -> Any:
    """Take the values of a checked frame, array or sparse matrix (as CSR)."""
    values = check_array(X, dtype=np.float64, ensure_min_samples=0, accept_sparse="csr")
    return values if sparse.issparse(values) else values.view(np.ndarray)


def takes_weights(estimator: Any) -> bool:
    """Whether an estimator's fit takes sample weights, or passes them on to estimators that do."""
    return weight_parameter(estimator) is not None


def weight_parameter(estimator: Any) -> str | None:
    """Name the fit parameter by which an estimator takes sample weights.

    Parameters
    ----------
    estimator : estimator
        A Pipeline takes them for its last step; a search over an estimator, and a vote or stack of estimators, pass them on.

    Returns
    -------
    str or None
        None if it takes none.
    """
    if isinstance(estimator, Pipeline):
        step, final = estimator.steps[-1]
        name = weight_parameter(final)
        return None if name is None else f"{step}__{name}"
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    parameters = inspect.signature(estimator.fit).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    members = getattr(estimator, "estimators", None)
    if members is not None:
        names = {weight_parameter(model) for _, model in members if not isinstance(model, str)}
        return "sample_weight" if names == {"sample_weight"} else None
    inner = getattr(estimator, "estimator", None)
    return None if inner is None else weight_parameter(inner)


def weight_arguments(estimator: Any, sample_weight: np.ndarray | None) -> dict[str, np.ndarray]:
    """Name the fit argument by which an estimator takes sample weights.

    Raises
    ------
    ValueError
        If there are weights and the estimator does not take any.
    """
    if sample_weight is None:
        return {}
    if (name := weight_parameter(estimator)) is None:
        final = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
        raise ValueError(f"sample_weight was given, but {type(final).__name__} does not take sample weights.")
    return {name: sample_weight}


def align_probabilities(estimator: Any, X: Any, classes: np.ndarray) -> np.ndarray:
    """Predict probabilities with a column for every class, also for those that the estimator never saw."""
    own_classes = getattr(estimator, "classes_", classes)
    probabilities = aligned_probabilities(
        estimator.predict_proba(X), own_classes, classes, type(estimator).__name__
    )
    _check_rows_of(probabilities, X, estimator)
    return probabilities


def clone_seeded(estimator: Any, random_state: np.random.RandomState) -> Any:
    """Clone an estimator and seed it (and what is nested in it) where the user has not."""
    copy = clone(estimator)
    names = [name for name in copy.get_params() if name == "random_state" or name.endswith("__random_state")]
    seeds = {name: random_state.randint(np.iinfo(np.int32).max) for name in sorted(names)}
    copy.set_params(**{name: seed for name, seed in seeds.items() if copy.get_params()[name] is None})
    return copy


@dataclass(frozen=True)
class Sample:
    """Features, labels and weights of the same people."""

    X: Any
    y: np.ndarray
    weights: np.ndarray | None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> Sample:
        """Take rows (positions or a mask)."""
        return Sample(
            take_rows(self.X, rows), self.y[rows], None if self.weights is None else self.weights[rows]
        )

    def present(self) -> np.ndarray:
        """Rows with positive weight, as a mask."""
        return np.ones(len(self), dtype=bool) if self.weights is None else self.weights > 0

    def has_several_classes(self) -> bool:
        """Whether at least two classes occur among the rows with positive weight."""
        labels = self.y[self.present()]
        return len(labels) > 0 and bool((labels != labels[0]).any())

    def numbers(self) -> Any:
        """Features as an array or a CSR matrix of numbers."""
        return numbers(self.X)

    def fit(self, estimator: Any) -> Any:
        """Fit an estimator on the sample."""
        return estimator.fit(self.X, self.y, **weight_arguments(estimator, self.weights))


def try_to_fit(fit: Callable[..., Any], *arguments: Any) -> tuple[Any, str]:
    """Fit a classifier of a group, whose people may be too few or too much alike for it.

    Parameters
    ----------
    fit : callable
        Fits and returns a classifier.
    *arguments
        What it is called with.

    Returns
    -------
    model : estimator or None
        None if the fit failed.
    reason : str
        Why it failed.
    """
    try:
        return fit(*arguments), ""
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        return None, f"{FIT_FAILED} ({type(error).__name__}: {first_line})"


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

    @property
    def groups_(self) -> list[Any]:
        """Labels of the groups."""
        return list(self.group_estimators_)

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        """Check the shape of X and its feature names; data frames and values are left to the classifiers to check."""
        if isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(
            self, X, reset=reset, accept_sparse=True, dtype=None, ensure_all_finite=False, allow_nd=True
        )

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
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
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

        Returns
        -------
        PreferenceFrame
        """
        return PreferenceFrame.from_estimator(
            self, X, y, sensitive_features=sensitive_features, sample_weight=sample_weight, loss=self._loss()
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


def check_labels(y: Any, n_rows: int, estimator: str) -> np.ndarray:
    """Check labels of classes, shape (n,)."""
    if y is None:
        raise ValueError(f"{estimator} requires y to be passed, but the target y is None.")
    labels = column_or_1d(check_array(to_numpy(y), ensure_2d=False, dtype=None, input_name="y"), warn=True)
    check_classification_targets(labels)
    if len(labels) != n_rows:
        raise ValueError(f"X has {n_rows} rows, but y has {len(labels)}; they must be the same people.")
    return labels


def check_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Check weights of rows, if there are any, shape (n,)."""
    if sample_weight is None:
        return None
    weights = check_sample_weight(sample_weight, X, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; at least one row needs a positive weight.")
    check_spread(float(weights[weights > 0].min()), float(weights.max()))
    return weights


def ask_labels(classifier: Any, X: Any, classes: np.ndarray | None = None) -> np.ndarray:
    """Predict labels, one per row.

    Parameters
    ----------
    classifier : fitted classifier
    X : array-like, shape (n, d)
    classes : ndarray, optional
        Sorted labels that there are.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If there is not one answer per row, or an answer is none of the classes.
    """
    labels = np.asarray(classifier.predict(X))
    if labels.ndim == 2 and labels.shape[1] == 1:  # as CatBoost answers where there are more than two classes
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(
            f"{type(classifier).__name__} must predict one label per row; it predicts an array of shape {labels.shape}."
        )
    _check_rows_of(labels, X, classifier)
    if classes is not None:
        check_classes(labels, classes, type(classifier).__name__)
    return labels


def _check_rows_of(answers: np.ndarray, X: Any, classifier: Any) -> None:
    """Raise ValueError unless there is an answer for each row."""
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(answers) != n_rows:
        raise ValueError(
            f"{type(classifier).__name__} must answer for each of {n_rows} rows; it answers for {len(answers)}."
        )


def to_numpy_labels(labels: Sequence[Any]) -> np.ndarray:
    """Make a one-dimensional array of labels, of which each may be a tuple."""
    if labels and len({type(label) for label in labels}) == 1 and not isinstance(labels[0], tuple):
        return np.asarray(labels)
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array


def read_groups(sensitive_features: Any, n_rows: int, missing_group: str) -> Groups:
    """Read sensitive features, one row per person.

    Raises
    ------
    ValueError
        If lengths differ, values are missing (unless they are separate) or a group has the reserved name "pooled".
    """
    groups = encode_groups(sensitive_features, n_rows=n_rows, missing_group=missing_group)
    if POOLED in groups.labels:
        raise ValueError(
            f"A group of sensitive_features is named {POOLED!r}, which means the pooled classifier; rename it."
        )
    return groups
