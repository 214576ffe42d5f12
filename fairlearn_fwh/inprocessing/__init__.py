"""Methods that are trained by gradient; they need the extra 'torch'."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.inprocessing", "torch") from error

from ._adversarial_reweighting import AdversarialReweightingClassifier
from ._dafh import DAFHClassifier
from ._dro import DROClassifier
from ._encoders import make_convolutional_encoder, make_resnet18_encoder
from ._gradient_graph_classifier import GradientGraphClassifier
from ._selective_experts import SelectiveExpertsClassifier

__all__ = [
    "AdversarialReweightingClassifier",
    "DAFHClassifier",
    "DROClassifier",
    "GradientGraphClassifier",
    "SelectiveExpertsClassifier",
    "make_convolutional_encoder",
    "make_resnet18_encoder",
]
