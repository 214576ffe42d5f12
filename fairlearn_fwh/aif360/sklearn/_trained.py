"""The classifiers that are trained by gradient and need torch."""

from ...inprocessing import DAFHClassifier, SelectiveExpertsClassifier
from ._classifier import Routed, RoutedByIndex


class DAFH(Routed):
    """Learn groups and their classifiers together.

    Protected attributes are not needed, so that none are asked for.
    """

    _estimator_class = DAFHClassifier


class SelectiveExperts(RoutedByIndex):
    """Train a network with an expert for each group, and use experts only where no group loses by them (FairSDE)."""

    _estimator_class = SelectiveExpertsClassifier
    _example = """
        >>> from fairlearn_fwh.aif360.sklearn import SelectiveExperts
        >>> model = SelectiveExperts(max_epochs=20, random_state=0)
        >>> predicted = model.fit(X, y).predict(X_test)  # doctest: +SKIP"""
