"""Classifiers that learn from related data, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ...base._fitting import unchanged_on_error
from .._transfer_texts import CHOOSE_BY_PROTECTED
from ._classifier import IndexedClassifier
from ._index_attributes import drop_protected, read_protected_attributes


class WithTasks(IndexedClassifier):
    """Base of classifiers that learn from related data whose groups are known.

    The levels of the index of the related features are their groups; those of the target are not needed. Without related data the
    classifier learns alone.
    """

    _note = """The levels of the index of the related features are its groups; those of the target are not needed. Without related data it is
a network of its own."""
    _defaults = {"choose_by_protected": False} | IndexedClassifier._defaults
    _keywords = CHOOSE_BY_PROTECTED | IndexedClassifier._keywords

    def fit(self, X: Any, y: Any, sample_weight: Any = None, auxiliary: Any = None) -> Self:
        """Fit the estimator.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features, of which those named like a level of the index are left out.
        y : array-like, shape (n,)
            Labels.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        auxiliary : tuple (X, y) or dict from str to such a tuple, optional
            Related tasks with the same features; the combinations of the levels of their index are their groups. `pos_label` is not
            theirs.

        Returns
        -------
        ClassifierMixin
            The fitted classifier.

        Raises
        ------
        ValueError
            If lengths or features differ, `pos_label` is not a label, or a parameter is out of range.
        """
        more = {} if sample_weight is None else {"sample_weight": sample_weight}
        if auxiliary is not None:
            given = auxiliary if isinstance(auxiliary, Mapping) else {"auxiliary": auxiliary}
            more["auxiliary"] = {name: self._read_task(name, task) for name, task in given.items()}
        with unchanged_on_error(self):
            return self._fit(X, y, more)

    def _read_task(self, name: str, task: Any) -> tuple[Any, Any, Any]:
        if not isinstance(task, tuple | list) or len(task) != 2:
            raise ValueError(f"auxiliary must be a tuple (X, y) or a dict of such tuples; {name!r} is not.")
        X, y = task
        return X if self.keep_protected else drop_protected(X, None), y, read_protected_attributes(X, None)

    def _fit_arguments(self, X: Any, own: Any) -> dict[str, Any]:
        return (
            {"validation_sensitive_features": read_protected_attributes(X, None)}
            if own.choose_by_protected
            else {}
        )
