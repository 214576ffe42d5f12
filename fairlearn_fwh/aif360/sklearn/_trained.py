"""The classifiers that are trained by gradient and need torch."""

from ...inprocessing import DAFHClassifier
from ._classifier import Routed


class DAFH(Routed):
    """Learn groups and their classifiers together, without protected attributes."""

    _estimator_class = DAFHClassifier
