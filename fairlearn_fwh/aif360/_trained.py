"""The algorithms that are trained by gradient and need torch."""

from collections.abc import Mapping
from typing import Any, Self

from ..inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    DROClassifier,
    GradientGraphClassifier,
    MultiTaskTransferClassifier,
    SelectiveExpertsClassifier,
)
from ._in_processing import InProcessing, RoutedByGroups, RoutedInProcessing
from ._label_coding import LabelCoding
from ._reading import check_dataset, read_attributes, read_features
from ._transfer_texts import CHOOSE_BY_PROTECTED


class DAFH(RoutedInProcessing):
    """Learn groups and their classifiers together.

    Protected attributes are not needed, so that none are asked for.
    """

    _estimator_class = DAFHClassifier


class SelectiveExperts(RoutedByGroups):
    """Train a network with an expert for each group, and use experts only where no group loses by them (FairSDE)."""

    _estimator_class = SelectiveExpertsClassifier
    _example = """
        >>> from fairlearn_fwh.aif360 import SelectiveExperts
        >>> model = SelectiveExperts(max_epochs=20, random_state=0)
        >>> predicted = model.fit(train).predict(test)  # doctest: +SKIP"""


class GradientGraph(InProcessing):
    """Train one classifier against an adversary that weighs people by a graph of their gradients (Graph of Gradients).

    Protected attributes are not needed, so that none are asked for.
    """

    _estimator_class = GradientGraphClassifier


class AdversarialReweighting(InProcessing):
    """Train one classifier against an adversary that weighs people by features and labels (ARL).

    Protected attributes are not needed, so that none are asked for.
    """

    _estimator_class = AdversarialReweightingClassifier


class DRO(InProcessing):
    """Train one classifier for the worst group of a given size, whoever they are.

    Protected attributes are not needed, so that none are asked for.
    """

    _estimator_class = DROClassifier
    _example_arguments = "alpha=0.8, random_state=0"


class MultiTaskTransfer(InProcessing):
    """Carry fairness over from a related data set whose groups are known (multi-task learning, epsilon-DEO).

    The protected attributes of the data set to predict are not needed; those of the related one are its groups. Without a related one
    it is a network of its own.
    """

    _estimator_class = MultiTaskTransferClassifier
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
