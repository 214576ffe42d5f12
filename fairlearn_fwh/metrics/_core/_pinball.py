"""The loss of predicted quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np


@dataclass(frozen=True)
class PinballLoss:
    """The loss whose best prediction is a quantile: a prediction that is too low costs `quantile` per unit, one that is too high ``1 - quantile``.

    Parameters
    ----------
    quantile : float
        Between 0 and 1. At .5 the loss is half the absolute error, and its best prediction the median.

    Raises
    ------
    ValueError
        If `quantile` is not between 0 and 1.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : Its mean over people.

    References
    ----------
    Koenker and Bassett, "Regression Quantiles", Econometrica 1978.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PinballLoss, PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[10.0, 12.0], y_pred=[11.0, 11.0], y_pred_pooled=[8.0, 8.0], loss=PinballLoss(0.9))
    >>> round(float(frame.overall["rationality_gain"]), 2)
    2.2
    """

    quantile: float = 0.5

    #: No loss is smaller.
    lower = 0.0

    def __post_init__(self) -> None:
        if (
            isinstance(self.quantile, bool)
            or not isinstance(self.quantile, Real)
            or not 0 < self.quantile < 1
        ):
            raise ValueError(f"quantile must be between 0 and 1; got {self.quantile!r}.")

    @property
    def __name__(self) -> str:
        """Name of the loss in tables."""
        return "pinball" if self.quantile == 0.5 else f"pinball({self.quantile:g})"

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Give each person's loss, shape (n,)."""
        apart = np.asarray(y_true, dtype=float) - y_pred
        return np.maximum(self.quantile * apart, (self.quantile - 1) * apart)
