"""Groups and their classifiers, learned together without sensitive features (DAFH)."""

from ._classifier import DAFHClassifier

__all__ = ["DAFHClassifier"]
