"""The classifiers that are trained by gradient and need torch."""

from ...inprocessing import DAFHClassifier
from ._classifier import Routed


class DAFH(Routed):
    """Learn groups and their classifiers together.

    Protected attributes are not needed, so that none are asked for.
    """

    _estimator_class = DAFHClassifier
