"""One encoder for several tasks, by which fairness is carried over from one to another (multi-task transfer)."""

from ._classifier import MultiTaskTransferClassifier
from ._equalized_odds_loss import DifferentialEqualizedOddsLoss
from ._report import TransferReport

__all__ = ["DifferentialEqualizedOddsLoss", "MultiTaskTransferClassifier", "TransferReport"]
