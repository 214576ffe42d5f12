"""What an estimator with experts shows of its representation and its training."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...base._samples import read_groups
from ...metrics._core._values import to_numpy
from ._learning_curves import plot_learning_curves
from ._representation_plot import plot_representation


class HasExperts(Protocol):
    """What is needed of the estimator."""

    experts_: dict[Any, Any]
    validation_history_: dict[str, list[dict[str, Any]]]
    missing_group: str
    _encoder: Any
    _inputs: Any

    def represent(self, X: Any) -> np.ndarray: ...
    def _represent(self, X: Any) -> np.ndarray: ...
    def _check_predict_input(self, X: Any) -> Any: ...


class ShowsRepresentation:
    """Representations, and pictures of them."""

    def represent(self: HasExperts, X: Any) -> np.ndarray:
        """Compute the representation on which the experts work.

        Parameters
        ----------
        X : array-like
            Features, or images, as in `fit`.

        Returns
        -------
        ndarray, shape (n, m)

        Raises
        ------
        ValueError
            If no experts were trained.
        """
        X = self._check_predict_input(X)
        if not self.experts_:
            raise ValueError("No experts were trained, so there is no representation of groups.")
        return self._represent(X)

    def plot_representation(
        self: HasExperts, X: Any, y: Any, *, sensitive_features: Any, ax: Any = None
    ) -> Any:
        """Plot people in the plane of the representation's two largest principal components, coloured by group, marked by class.

        Parameters
        ----------
        X : array-like
            Features, or images, as in `fit`.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict
            Groups. A picture shows single people as points, without anything else about them.
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If no experts were trained, lengths differ, or the representation has one dimension.
        MissingExtraError
            If matplotlib is not installed.
        """
        z = self.represent(X)
        groups = read_groups(sensitive_features, len(z), self.missing_group)
        labels = to_numpy(y)
        if len(labels) != len(z):
            raise ValueError(f"X has {len(z)} rows, but y has {len(labels)}; they must be the same people.")
        if z.shape[1] < 2:
            raise ValueError(
                "The representation has one dimension; a picture needs two (see hidden_layer_sizes)."
            )
        return plot_representation(z, labels, groups, ax)

    def _represent(self: HasExperts, X: Any) -> np.ndarray:
        return np.concatenate([self._encoder(batch) for batch in self._inputs.batches(X)])

    def plot_learning_curves(self: HasExperts, ax: Any = None) -> Any:
        """Plot the validation losses of every group, of the pooled network and of the experts, from epoch to epoch.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        return plot_learning_curves(self.validation_history_, ax)
