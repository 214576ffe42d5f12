"""The algorithms that are trained by gradient and need torch."""

from ..inprocessing import DAFHClassifier
from ._in_processing import RoutedInProcessing


class DAFH(RoutedInProcessing):
    """Learn groups and their classifiers together, without protected attributes."""

    _estimator_class = DAFHClassifier
