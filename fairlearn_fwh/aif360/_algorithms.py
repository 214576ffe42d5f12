"""The algorithms that need no torch."""

from typing import Any

from ..decoupling import DecoupledClassifier, PreferenceTreeClassifier, PreferredTreatmentClassifier
from ..postprocessing import NoHarmSelector
from ..reductions import NoHarmReduction as NoHarmReductionClassifier
from ._in_processing import RoutedByGroups, WithGroups


class Decoupled(RoutedByGroups):
    """Train one classifier per group."""

    _estimator_class = DecoupledClassifier


class PreferenceTree(RoutedByGroups):
    """Grow a tree of protected attributes with a classifier in each leaf (Ustun et al. 2019)."""

    _estimator_class = PreferenceTreeClassifier


class PreferredTreatment(RoutedByGroups):
    """Train linear classifiers that every group prefers (Zafar et al. 2017)."""

    _estimator_class = PreferredTreatmentClassifier


class NoHarm(RoutedByGroups):
    """Choose for each group between pooled and own classifier, with a guarantee."""

    _estimator_class = NoHarmSelector


class NoHarmReduction(WithGroups):
    """Train one model for all under which no group loses against a baseline."""

    _estimator_class = NoHarmReductionClassifier
    _example_arguments = "tolerance=0.05, random_state=0"

    def predict_pooled(self, dataset: Any) -> Any:
        """Predict by the baseline.

        Parameters
        ----------
        dataset : BinaryLabelDataset or StandardDataset

        Returns
        -------
        Dataset
        """
        return self._classify(dataset, self.estimator_.baseline_, self._check_predict_input(dataset))
