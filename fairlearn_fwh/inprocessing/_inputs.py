"""Features as networks need them: tables standardised by column, images by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from .._routed import numbers
from ._router import standardize

#: Numbers of channels by which the axis of channels is known.
_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class TableInputs:
    """Standardises the columns of a table.

    Attributes
    ----------
    scaler : StandardScaler
    """

    scaler: StandardScaler

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a person's inputs."""
        return self.scaler.scale_.shape

    def __call__(self, X: Any) -> np.ndarray:
        """Inputs, shape (n, d), float32."""
        return standardize(self.scaler, numbers(X))


@dataclass(frozen=True)
class ImageInputs:
    """Puts the channels of images first and standardises them.

    Attributes
    ----------
    channels_last : bool
    mean, scale : ndarray, shape (channels, 1, 1)
    shape : tuple of int
        Channels, height, width.
    """

    channels_last: bool
    mean: np.ndarray
    scale: np.ndarray
    shape: tuple[int, ...]

    def __call__(self, X: Any) -> np.ndarray:
        """Inputs, shape (n, channels, height, width), float32."""
        images = np.asarray(X)
        if self.channels_last:
            images = np.moveaxis(images, 3, 1)
        return ((images - self.mean) / self.scale).astype(np.float32)


Inputs = TableInputs | ImageInputs


def channels_are_last(X: np.ndarray) -> bool:
    """Find the axis of the channels of images, shape (n, H, W, C) or (n, C, H, W).

    Raises
    ------
    ValueError
        If both or neither of the axes have 1, 3 or 4 entries.
    """
    first, last = X.shape[1] in _CHANNELS, X.shape[3] in _CHANNELS
    if first == last:
        raise ValueError(
            f"X must be images of shape (n, height, width, channels) or (n, channels, height, width) with 1, 3 or 4 channels; "
            f"got {X.shape}{', where both may be channels' if first else ''}."
        )
    return last


def make_inputs(X: Any) -> Inputs:
    """Learn means and scales of a table or of images."""
    if np.ndim(X) < 4:
        return TableInputs(StandardScaler().fit(numbers(X)))
    last = channels_are_last(X)
    axes = (0, 1, 2) if last else (0, 2, 3)
    scale = X.std(axis=axes)
    shape = (X.shape[3], *X.shape[1:3]) if last else X.shape[1:]
    return ImageInputs(
        last,
        X.mean(axis=axes).astype(np.float32).reshape(-1, 1, 1),
        np.where(scale > 0, scale, 1.0).astype(np.float32).reshape(-1, 1, 1),
        shape,
    )
