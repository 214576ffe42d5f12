"""What the transfer is worth: the target beside the same network that was learned on the target alone."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...metrics import PreferenceFrame
from ._learner import LEAST_SHARE_OF_F1
from ._report import TransferReport


class HasSingleTask(Protocol):
    """What is needed of the estimator."""

    single_task_estimator_: Any

    def predict(self, X: Any) -> np.ndarray: ...
    def preference_frame(
        self, X: Any, y: Any, *, baseline: Any, sensitive_features: Any = None, sample_weight: Any = None
    ) -> PreferenceFrame: ...
    def _kept(self) -> dict[str, Any]: ...


class ComparesWithSingleTask:
    """Says who is better and worse off than with the single task."""

    def compare_with_single_task(
        self: HasSingleTask, X: Any, y: Any, *, sensitive_features: Any, sample_weight: Any = None
    ) -> TransferReport:
        """Say whether the target has become fairer than when learned alone, and who is worse off by it.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            Labels of the target.
        sensitive_features : array-like, shape (n,), DataFrame or dict
            Their groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        TransferReport
            Epsilon and macro F1 of both, the `PreferenceFrame` of the change, and what it means in words.

        Raises
        ------
        ValueError
            If the model itself was learned on the target alone.
        """
        check_is_fitted(self)
        if sensitive_features is None:
            raise ValueError("sensitive_features is None; fairness is compared between groups.")
        if not hasattr(self, "single_task_estimator_"):
            raise ValueError("There was no auxiliary and no fairness term: this is the single task.")
        frame = self.preference_frame(
            X,
            y,
            baseline=self.single_task_estimator_,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
        )
        return TransferReport.of(
            frame,
            np.asarray(y),
            self.predict(X),
            self.single_task_estimator_.predict(X),
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
        )

    def _warn_of_harm(self: HasSingleTask) -> None:
        if not hasattr(self, "single_task_estimator_"):
            return
        own, alone = (model._kept()["macro_f1"] for model in (self, self.single_task_estimator_))
        if own < LEAST_SHARE_OF_F1 * alone:
            warnings.warn(
                f"The target has become worse: macro F1 {own:.3f} on validation rows, {alone:.3f} when learned alone "
                "(single_task_estimator_). Lower fairness_weight, or use another auxiliary.",
                UserWarning,
                stacklevel=3,
            )
