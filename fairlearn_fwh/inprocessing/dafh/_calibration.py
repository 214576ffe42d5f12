"""Calibrate probabilities by a temperature, which keeps the decision."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

#: A group with fewer rows than this, or with one class, is not calibrated.
FEWEST_ROWS = 100

#: Temperatures are sought between these.
_LOWEST, _HIGHEST = 0.01, 100.0


def best_temperature(probabilities: np.ndarray, codes: np.ndarray, weights: np.ndarray | None) -> float:
    """Temperature that minimises the log loss (Guo et al. 2017); NaN if there is too little to go by.

    Parameters
    ----------
    probabilities : ndarray, shape (n, C)
    codes : ndarray of int, shape (n,)
        Classes.
    weights : ndarray, shape (n,), or None

    Returns
    -------
    float
        What the logarithms of the probabilities are to be divided by.
    """
    if len(codes) < FEWEST_ROWS or (codes == codes[0]).all():
        return float("nan")
    scores = np.log(np.clip(probabilities, 1e-12, 1))

    def log_loss(log_temperature: float) -> float:
        logs = special.log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float(np.average(logs[np.arange(len(codes)), codes], weights=weights))

    bounds = (np.log(_LOWEST), np.log(_HIGHEST))
    return float(np.exp(optimize.minimize_scalar(log_loss, bounds=bounds, method="bounded").x))
