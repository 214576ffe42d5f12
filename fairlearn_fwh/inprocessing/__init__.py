"""Methods that are trained by gradient; they need the extra 'torch'."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.inprocessing", "torch") from error

from ._training._encoders import make_convolutional_encoder, make_resnet18_encoder
from ._training._transformers import make_transformer_encoder, tokenize_texts
from .dafh._classifier import DAFHClassifier
from .experts._classifier import SelectiveExpertsClassifier
from .reweighted._adversarial_reweighting import AdversarialReweightingClassifier
from .reweighted._dro import DROClassifier
from .reweighted._gradient_graph import GradientGraphClassifier
from .transfer._classifier import MultiTaskTransferClassifier
from .transfer._equalized_odds_loss import DifferentialEqualizedOddsLoss
from .transfer._report import TransferReport

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
    "make_transformer_encoder",
    "tokenize_texts",
]
