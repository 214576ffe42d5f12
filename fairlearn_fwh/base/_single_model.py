"""What all single models share: no router, no pooled classifier; harm is measured against a baseline."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ..metrics import PreferenceFrame
from ..metrics._core._alignment import check_alignment
from ..metrics._core._groups import encode_groups
from ..metrics._core._losses import Loss
from ..metrics._core._named_losses import kind_of_all, resolve_losses
from ..metrics._estimators import known_labels
from ._answers import ask_labels
from ._plain_state import full_state, plain_state


class SingleModel(BaseEstimator):
    """Base of estimators that serve everybody by one model."""

    def __getstate__(self) -> dict[str, Any]:
        return plain_state(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(full_state(state))

    def preference_frame(
        self,
        X: Any,
        y: Any,
        *,
        baseline: Any,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
        loss: Any = "zero_one",
        loss_limit: float | None = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Compare what each group gets with what a baseline would give.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels, or amounts.
        baseline : fitted model
            For instance one of the same kind that was trained for everybody alike.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Audit groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            Whose rows belong together, as for `PreferenceFrame`.
        loss : str, callable, or several by name, optional
            As for `PreferenceFrame`; by default errors.
        loss_limit, pos_label : optional
            As for `PreferenceFrame`.

        Returns
        -------
        PreferenceFrame

        Raises
        ------
        TypeError
            If `baseline` cannot predict.
        """
        check_is_fitted(self)
        check_alignment(
            {"X": X, "y": y, "sensitive_features": sensitive_features, "sample_weight": sample_weight}
        )
        if not hasattr(baseline, "predict"):
            raise TypeError(f"baseline must be a fitted model with predict; got {type(baseline).__name__}.")
        if sensitive_features is not None:
            missing_group = getattr(self, "missing_group", "error")
            sensitive_features = encode_groups(sensitive_features, missing_group=missing_group)
        found = resolve_losses(loss, loss_limit, pos_label)
        kind = found if isinstance(found, Loss) else kind_of_all(found)
        return PreferenceFrame(
            loss=loss,
            loss_limit=loss_limit,
            pos_label=pos_label,
            y_true=y,
            y_pred=self.predict(X),
            y_pred_pooled=ask_labels(baseline, X),
            labels=known_labels(self, y, kind, None),
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            units=units,
        )


class SingleModelClassifier(ClassifierMixin, SingleModel):
    """Base of classifiers that serve everybody by one model."""
