"""Methods that are trained by gradient; they need the extra 'torch'."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.inprocessing", "torch") from error

from ._dafh import DAFHClassifier
from ._encoders import make_convolutional_encoder, make_resnet18_encoder
from ._selective_experts import SelectiveExpertsClassifier

__all__ = [
    "DAFHClassifier",
    "SelectiveExpertsClassifier",
    "make_convolutional_encoder",
    "make_resnet18_encoder",
]
