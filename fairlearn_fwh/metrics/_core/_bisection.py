"""Bisection of many entries at once; scipy has the like only in versions that are newer than the oldest supported one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def bisect(
    is_past: Callable[[Any], Any], low: Any, high: Any, *, steps: int, where: Callable[..., Any] = np.where
) -> tuple[Any, Any]:
    """Close in on the point from which a condition holds.

    Parameters
    ----------
    is_past : callable (array) -> array of bool
        Whether the condition holds at some values; false up to the point that is sought, true from there on.
    low, high : array
        Values between which the point lies.
    steps : int
        How often the distance is halved.
    where : callable
        Of the library that the arrays are from: `numpy.where` or `torch.where`.

    Returns
    -------
    low, high : array
        Values between which the point lies, ``2**-steps`` times as far apart.
    """
    for _ in range(steps):
        middle = (low + high) / 2
        past = is_past(middle)
        low, high = where(past, low, middle), where(past, middle, high)
    return low, high
