"""One model for all, trained on people who are weighted by their losses; no groups are needed (GoG, ARL, DRO)."""

from ._adversarial_reweighting import AdversarialReweightingClassifier
from ._dro import DROClassifier
from ._gradient_graph import GradientGraphClassifier

__all__ = ["AdversarialReweightingClassifier", "DROClassifier", "GradientGraphClassifier"]
