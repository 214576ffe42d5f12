"""Classifiers with one part per group, for groups that are known or found without gradients."""

from ._decoupled import DecoupledClassifier

__all__ = ["DecoupledClassifier"]
