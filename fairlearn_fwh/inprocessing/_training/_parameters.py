"""Limits of the parameters that all methods that are trained by gradient have."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import Any

from ..._sklearn_compat import Interval, StrOptions
from ._precision import PRECISIONS

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

#: And of those by which an encoder is trained that may have been trained before, on something else.
ENCODER_TRAINING: dict[str, list[Any]] = {
    **TRAINING,
    "encoder_learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "gradient_accumulation_steps": [Interval(Integral, 1, None, closed="left")],
    "precision": [StrOptions(set(PRECISIONS))],
    "checkpoint_dir": [str, os.PathLike, None],
}


def rates(encoder_learning_rate: float | None, *patterns: str) -> list[tuple[str, dict[str, float]]]:
    """Give parameters with these names a learning rate of their own, if there is one."""
    return (
        []
        if encoder_learning_rate is None
        else [(pattern, {"lr": encoder_learning_rate}) for pattern in patterns]
    )
