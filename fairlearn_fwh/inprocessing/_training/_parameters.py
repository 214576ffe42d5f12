"""Limits of the parameters that all methods that are trained by gradient have."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from ..._sklearn_compat import Interval

TRAINING: dict[str, list[Any]] = {
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "learning_rate": [Interval(Real, 0, None, closed="neither")],
    "batch_size": [Interval(Integral, 2, None, closed="left")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "patience": [Interval(Integral, 1, None, closed="left")],
    "callbacks": [list, tuple, None],
    "device": [str],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}
