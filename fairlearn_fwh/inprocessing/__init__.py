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
from ._equalized_odds_loss import DifferentialEqualizedOddsLoss
from ._gradient_graph_classifier import GradientGraphClassifier
from ._multi_task_transfer import MultiTaskTransferClassifier
from ._selective_experts import SelectiveExpertsClassifier
from ._transfer_report import TransferReport

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
