"""The algorithms that are trained by gradient and need torch."""

from ..inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    DROClassifier,
    GradientGraphClassifier,
    SelectiveExpertsClassifier,
)
from ._in_processing import InProcessing, RoutedByGroups, RoutedInProcessing


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
