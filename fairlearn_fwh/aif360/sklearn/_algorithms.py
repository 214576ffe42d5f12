"""The classifiers that need no torch."""

from typing import Any, Self

from ...decoupling import DecoupledClassifier, PreferenceTreeClassifier, PreferredTreatmentClassifier
from ...postprocessing import NoHarmSelector
from ...reductions import NoHarmReduction as NoHarmReductionClassifier
from ._classifier import GroupsInIndex, RoutedByIndex


class Decoupled(RoutedByIndex):
    """Train one classifier per group."""

    _estimator_class = DecoupledClassifier


class PreferenceTree(RoutedByIndex):
    """Grow a tree of protected attributes with a classifier in each leaf (Ustun et al. 2019)."""

    _estimator_class = PreferenceTreeClassifier


class PreferredTreatment(RoutedByIndex):
    """Train linear classifiers that every group prefers (Zafar et al. 2017)."""

    _estimator_class = PreferredTreatmentClassifier


class NoHarm(RoutedByIndex):
    """Choose for each group between pooled and own classifier, with a guarantee."""

    _estimator_class = NoHarmSelector


class NoHarmReduction(GroupsInIndex):
    """Train one model for all under which no group loses against a baseline."""

    _estimator_class = NoHarmReductionClassifier
    _example_arguments = "tolerance=0.05, random_state=0"

    def fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]  # it takes no weights
        """Fit the estimator.

        Parameters
        ----------
        X : DataFrame or array, shape (n, d)
            Features, of which those named like an index level or a protected attribute are left out.
        y : array-like, shape (n,)
            Labels of two classes.

        Returns
        -------
        NoHarmReduction

        Raises
        ------
        ValueError
            If lengths differ, a protected attribute is not there or missing for somebody, `pos_label` is no label, y has not two
            classes, or a parameter is out of range.
        """
        return super().fit(X, y)
