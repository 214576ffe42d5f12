"""Algorithms that learn from related data sets, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ._in_processing import InProcessing
from ._label_coding import LabelCoding
from ._reading import check_dataset, read_attributes, read_features
from ._transfer_texts import CHOOSE_BY_PROTECTED


class WithTasks(InProcessing):
    """Base of algorithms that learn from related data sets whose groups are known.

    The protected attributes of the data set to predict are not needed; those of a related one are its groups. Without a related one the
    algorithm learns alone.
    """

    _note = """The protected attributes of the data set to predict are not needed; those of the related one are its groups. Without a related
one it is a network of its own."""
    _defaults = {"choose_by_protected": False} | InProcessing._defaults
    _keywords = CHOOSE_BY_PROTECTED | InProcessing._keywords

    def fit(self, dataset: Any, auxiliary: Any = None) -> Self:
        """Fit the estimator.

        Parameters
        ----------
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            Instance weights other than 1 are the estimator's sample weights.
        auxiliary : such a data set or dict from str to data set, optional
            Related tasks with the same features; the combinations of their protected attributes are their groups. Their instance weights
            are not used.

        Returns
        -------
        Transformer
            The fitted algorithm.

        Raises
        ------
        TypeError
            If `dataset` or `auxiliary` is no such data set.
        ValueError
            If a task lacks a protected attribute or people's values of it, features differ, a label is neither favorable nor
            unfavorable, or a parameter is out of range.
        """
        if auxiliary is None:
            return self._fit(dataset, {})
        given = auxiliary if isinstance(auxiliary, Mapping) else {"auxiliary": auxiliary}
        return self._fit(
            dataset, {"auxiliary": {name: self._read_task(name, task) for name, task in given.items()}}
        )

    def _read_task(self, name: str, dataset: Any) -> tuple[Any, Any, Any]:
        check_dataset(dataset, name)
        labels = LabelCoding.of(dataset).encode(dataset.labels, f"{name}.labels")
        return read_features(dataset, self.keep_protected), labels, read_attributes(dataset)

    def _fit_arguments(self, dataset: Any, own: Any) -> dict[str, Any]:
        return {"validation_sensitive_features": read_attributes(dataset)} if own.choose_by_protected else {}
