"""A scorer for scikit-learn that tells the estimator and the metric who belongs to which group."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.metadata_routing import UNUSED

from .._sklearn_compat import MetadataRequester
from ..exceptions import GroupFallbackWarning
from ._core._alignment import check_alignment
from ._estimators import pooled_answers, positive_column, unwrap

_RESPONSE_METHODS = ("predict", "predict_proba", "decision_function")


class GroupScorer(MetadataRequester):
    """A callable ``scorer(estimator, X, y, *, sensitive_features=None, sample_weight=None)``; see `make_group_scorer`."""

    __metadata_request__score = {"sensitive_features": True, "estimator": UNUSED}

    def __init__(self, score_func: Callable[..., float], response_method: str, sign: int) -> None:
        self.score_func = score_func
        self.response_method = response_method
        self.sign = sign

    def __call__(self, estimator: Any, X: Any, y: Any, **metadata: Any) -> float:
        return self.score(estimator, X, y, **metadata)

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> float:
        """Score an estimator; larger is better. scikit-learn reads from it which metadata there may be."""
        if sensitive_features is None:
            raise ValueError(
                f"The scorer of {self._name()} got no sensitive_features. Give them to the call, or turn metadata routing "
                "on: sklearn.set_config(enable_metadata_routing=True), and pass params={'sensitive_features': ...}."
            )
        check_alignment(
            {"X": X, "y": y, "sensitive_features": sensitive_features, "sample_weight": sample_weight}
        )
        groups = {"sensitive_features": sensitive_features}
        predictions = _respond(estimator, self.response_method, X, groups)
        more: dict[str, Any] = {k: v for k, v in groups.items() if _takes(self.score_func, k)}
        if sample_weight is not None:
            more["sample_weight"] = sample_weight
        if _takes(self.score_func, "y_pred_pooled"):
            model, features = unwrap(estimator, X)
            more["y_pred_pooled"] = positive_column(pooled_answers(model, self.response_method, features))
        return self.sign * float(self.score_func(y, predictions, **more))

    def _name(self) -> str:
        return getattr(self.score_func, "__name__", repr(self.score_func))

    def __repr__(self) -> str:
        better = "" if self.sign > 0 else ", greater_is_better=False"
        return f"make_group_scorer({self._name()}, response_method={self.response_method!r}{better})"


def make_group_scorer(
    score_func: Callable[..., float], *, response_method: str = "predict", greater_is_better: bool = True
) -> GroupScorer:
    """Make a scorer that gives `sensitive_features` to prediction and metric alike.

    Scorers of scikit-learn never give metadata to `predict`: an estimator that chooses a classifier by group then
    answers for everybody with the pooled one, and the wrong number is reported. This one does, in `cross_validate`,
    `GridSearchCV` and their like with metadata routing (no `set_score_request` is needed), and without it when it
    is called with `sensitive_features`. Without them it raises rather than score something else.

    Parameters
    ----------
    score_func : callable (y_true, y_pred, ...) -> float
        A metric. It gets `sensitive_features` if it has such a parameter, and `y_pred_pooled`, the predictions of the
        estimator's pooled classifier, likewise.
    response_method : {"predict", "predict_proba", "decision_function"}
        What the metric compares with `y_true`. Of two columns of probabilities the second is taken.
    greater_is_better : bool
        Whether more of the metric is better; otherwise the score is its negative.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, *, sensitive_features, sample_weight=None)``.

    Raises
    ------
    ValueError
        If `response_method` is unknown, or `score_func` is not callable.

    Examples
    --------
    >>> from sklearn.metrics import accuracy_score
    >>> from fairlearn_fwh.decoupling import DecoupledClassifier
    >>> from fairlearn_fwh.metrics import make_group_scorer
    >>> X, y, sex = [[0], [1], [0], [1]] * 50, [0, 1, 1, 0] * 50, ["f", "f", "m", "m"] * 50
    >>> model = DecoupledClassifier().fit(X, y, sensitive_features=sex)
    >>> make_group_scorer(accuracy_score)(model, X, y, sensitive_features=sex)
    1.0
    """
    if not callable(score_func):
        raise ValueError(f"score_func must be callable; got {score_func!r}.")
    if response_method not in _RESPONSE_METHODS:
        raise ValueError(
            f"response_method must be one of {list(_RESPONSE_METHODS)}; got {response_method!r}."
        )
    return GroupScorer(score_func, response_method, 1 if greater_is_better else -1)


def _respond(estimator: Any, response_method: str, X: Any, groups: dict[str, Any]) -> np.ndarray:
    """Predict, with groups where the estimator that predicts in the end takes them."""
    inner = getattr(estimator, "best_estimator_", estimator)
    last = inner.steps[-1][1] if hasattr(inner, "steps") else inner
    if _takes(getattr(last, response_method), "sensitive_features"):
        return positive_column(np.asarray(getattr(inner, response_method)(X, **groups)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GroupFallbackWarning)
        try:
            return positive_column(np.asarray(getattr(estimator, response_method)(X)))
        except GroupFallbackWarning as warning:
            raise ValueError(
                f"{type(estimator).__name__} does not pass sensitive_features on to the estimator inside it, which was "
                "fitted with groups. Score that estimator."
            ) from warning


def _takes(function: Callable[..., Any], parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters
