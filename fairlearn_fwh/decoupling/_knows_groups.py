"""A pooled classifier that knows the group: groups as features beside the others."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.preprocessing import OneHotEncoder

from ..base._samples import numbers
from ..base._weights import weight_arguments


class KnowsGroups(ClassifierMixin, BaseEstimator):
    """A classifier that gets a column for each value of each sensitive feature, beside numeric features.

    Parameters
    ----------
    estimator : classifier
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any, *, sensitive_features: pd.DataFrame, sample_weight: Any = None) -> Self:
        """Fit the classifier.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
        y : array-like, shape (n,)
        sensitive_features : DataFrame, shape (n, q)
        sample_weight : array-like, shape (n,), optional

        Returns
        -------
        KnowsGroups
        """
        self.encoder_ = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        self.encoder_.fit(sensitive_features.astype(str))
        self.estimator_ = clone(self.estimator)
        given = weight_arguments(self.estimator_, sample_weight)
        self.estimator_.fit(self._with_groups(X, sensitive_features), y, **given)
        self.classes_ = self.estimator_.classes_
        return self

    def _with_groups(self, X: Any, sensitive_features: pd.DataFrame) -> Any:
        columns = self.encoder_.transform(sensitive_features.astype(str))
        values = numbers(X)
        if sparse.issparse(values):
            return sparse.hstack([values, sparse.csr_array(columns)], format="csr")
        return np.hstack([values, columns])

    def predict_proba(self, X: Any, *, sensitive_features: pd.DataFrame) -> np.ndarray:
        """Predict probabilities of people of these groups, shape (n, C)."""
        return np.asarray(self.estimator_.predict_proba(self._with_groups(X, sensitive_features)))

    def predict(self, X: Any, *, sensitive_features: pd.DataFrame) -> np.ndarray:
        """Predict labels of people of these groups, shape (n,)."""
        return np.asarray(self.estimator_.predict(self._with_groups(X, sensitive_features)))
