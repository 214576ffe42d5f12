"""Methods that are trained by gradient; they need the extra 'torch'."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.inprocessing", "torch") from error

from ._training._encoders import make_convolutional_encoder, make_resnet18_encoder
from .dafh import DAFHClassifier
from .experts import SelectiveExpertsClassifier
from .reweighted import AdversarialReweightingClassifier, DROClassifier, GradientGraphClassifier
from .transfer import DifferentialEqualizedOddsLoss, MultiTaskTransferClassifier, TransferReport

__all__ = [
    "AdversarialReweightingClassifier",
    "DAFHClassifier",
    "DROClassifier",
    "DifferentialEqualizedOddsLoss",
    "GradientGraphClassifier",
    "MultiTaskTransferClassifier",
    "SelectiveExpertsClassifier",
    "TransferReport",
    "make_convolutional_encoder",
    "make_resnet18_encoder",
]
