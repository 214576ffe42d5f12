"""Features as networks need them: tables standardised by column, images by channel, tokens of texts as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.utils.data import Dataset

from ...base._features import check_numbers
from ...base._samples import numbers, take_rows
from ._images import DatasetImages, check_one_shape, in_batches, open_dataset
from ._scaling import chunks, standardize

#: Turns a batch of images into as many others of the same shape.
Augmentation = Callable[[Tensor], Tensor]

#: Bytes of images that are kept on a GPU.
_MOST_ON_DEVICE = 4 << 30

#: Texts that are asked about at once.
_TEXTS_AT_ONCE = 256

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

    def column(self, X: Any, augmentation: Augmentation | None = None) -> Any:
        """Inputs to train on, shape (n, d), float32; a CSR matrix stays one."""
        return self.scaler.transform(numbers(X)).astype(np.float32)

    def batches(self, X: Any) -> Iterator[np.ndarray]:
        """Inputs of some rows at a time."""
        return (standardize(self.scaler, part) for part in chunks(numbers(X), self.shape[0]))


@dataclass(frozen=True)
class ImageInputs:
    """Puts the channels of images first and standardises them.

    Attributes
    ----------
    channels_last : bool
    mean, scale : ndarray, shape (channels, 1, 1)
    shape : tuple of int
        Channels, height, width.
    num_workers : int
        Processes that read images of a Dataset.
    """

    channels_last: bool
    mean: np.ndarray
    scale: np.ndarray
    shape: tuple[int, ...]
    num_workers: int

    def column(self, X: Any, augmentation: Augmentation | None = None) -> ImageColumn:
        """Inputs to train on."""
        return ImageColumn(X, self, augmentation)

    def batches(self, X: Any) -> Iterator[np.ndarray]:
        """Inputs of some images of an array or a Dataset at a time, shape (..., channels, height, width)."""
        images = open_dataset(X, self.num_workers) if isinstance(X, Dataset) else X
        if not isinstance(images, DatasetImages):
            images = np.asarray(images)
        if not len(images):
            yield np.empty((0, *self.shape), dtype=np.float32)
        for batch in in_batches(images):
            yield self.standardize(torch.as_tensor(self.channels_first(batch))).numpy()

    def channels_first(self, images: np.ndarray) -> np.ndarray:
        """Images, shape (n, channels, height, width)."""
        return np.ascontiguousarray(np.moveaxis(images, 3, 1) if self.channels_last else images)

    def standardize(self, images: Tensor) -> Tensor:
        """Give every channel mean 0 and variance 1, float32."""
        return (images.float() - torch.as_tensor(self.mean)) / torch.as_tensor(self.scale)


class ImageColumn:
    """Images of a training table: every batch is read, changed and standardised when it is needed.

    Parameters
    ----------
    images : ndarray or DatasetImages
    inputs : ImageInputs
    augmentation : callable, optional
    """

    def __init__(self, images: Any, inputs: ImageInputs, augmentation: Augmentation | None) -> None:
        self.images = images
        self.inputs = inputs
        self.augmentation = augmentation

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, and the shape of an input."""
        return (len(self.images), *self.inputs.shape)

    def on(self, device: str) -> ImageColumn | DeviceImages:
        """Keep images of an array on a GPU, if they are few enough and nothing of the user's changes them."""
        is_array = isinstance(self.images, np.ndarray) and self.images.nbytes <= _MOST_ON_DEVICE
        if not device.startswith("cuda") or not is_array or self.augmentation is not None:
            return self
        return DeviceImages(
            torch.as_tensor(self.inputs.channels_first(self.images), device=device), self.inputs
        )

    def batch(self, rows: Tensor) -> Tensor:
        """Inputs of some rows, shape (B, channels, height, width).

        Raises
        ------
        ValueError
            If `augmentation` returns something else than images of this shape.
        """
        images = take_rows(self.images, rows.numpy())
        array = images.read() if isinstance(images, DatasetImages) else images
        batch = torch.as_tensor(self.inputs.channels_first(array))
        if self.augmentation is None:
            return self.inputs.standardize(batch)
        changed = self.augmentation(batch)
        if not torch.is_tensor(changed) or changed.shape != batch.shape:
            got = tuple(changed.shape) if torch.is_tensor(changed) else type(changed).__name__
            raise ValueError(
                f"augmentation must return a tensor of shape {tuple(batch.shape)}, as it was given; got {got}."
            )
        return self.inputs.standardize(changed)


class DeviceImages:
    """Images of a training table that lie on a GPU, where batches are cut and standardised.

    Parameters
    ----------
    images : Tensor, shape (n, channels, height, width)
    inputs : ImageInputs
    """

    def __init__(self, images: Tensor, inputs: ImageInputs) -> None:
        self.images = images
        self.mean, self.scale = (
            torch.as_tensor(part, device=images.device) for part in (inputs.mean, inputs.scale)
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, and the shape of each."""
        return tuple(self.images.shape)

    def batch(self, rows: Tensor) -> Tensor:
        """Inputs of some rows, with the channels of a pixel side by side."""
        images = self.images[rows.to(self.images.device)].float()
        return ((images - self.mean) / self.scale).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class TokenInputs:
    """Hands on the tokens of texts and which of them count.

    Attributes
    ----------
    shape : tuple of int
        2 (tokens, mask) and length.
    largest : int
        Largest number of a token in the fit.
    """

    shape: tuple[int, ...]
    largest: int

    def column(self, X: Any, augmentation: Augmentation | None = None) -> np.ndarray:
        """Inputs to train on, shape (n, 2, L), whole numbers."""
        return np.asarray(X, dtype=np.int64)

    def batches(self, X: Any) -> Iterator[np.ndarray]:
        """Inputs of some texts at a time."""
        tokens = self.column(X)
        return (
            tokens[start : start + _TEXTS_AT_ONCE] for start in range(0, max(len(tokens), 1), _TEXTS_AT_ONCE)
        )

    def example(self) -> Tensor:
        """Two texts, for the dry run of an encoder."""
        tokens = torch.ones(2, *self.shape, dtype=torch.int64)
        tokens[:, 0] = self.largest
        return tokens


Inputs = TableInputs | ImageInputs | TokenInputs


def channels_are_last(shape: tuple[int, ...]) -> bool:
    """Find the axis of the channels of images, shape (n, H, W, C) or (n, C, H, W).

    Raises
    ------
    ValueError
        If both or neither of the axes have 1, 3 or 4 entries.
    """
    first, last = shape[1] in _CHANNELS, shape[3] in _CHANNELS
    if first == last:
        raise ValueError(
            f"X must be images of shape (n, height, width, channels) or (n, channels, height, width) with 1, 3 or 4 channels; "
            f"got {shape}{', where both may be channels' if first else ''}."
        )
    return last


def example_of(inputs: Inputs) -> Tensor | None:
    """Rows for the dry run of an encoder, where zeros will not do."""
    return inputs.example() if isinstance(inputs, TokenInputs) else None


def are_tokens(X: Any) -> bool:
    """Whether features are tokens of texts: whole numbers of shape (n, 2, L)."""
    return isinstance(X, np.ndarray) and X.ndim == 3


def check_tokens(estimator: Any, X: np.ndarray, *, reset: bool) -> np.ndarray:
    """Check tokens and mask of texts.

    Parameters
    ----------
    estimator : estimator
        Remembers the length of texts as `n_features_in_`.
    X : ndarray, shape (n, 2, L)
    reset : bool
        Whether they are those of a fit.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If there are no tokens and mask of whole numbers, a text is empty, or length differs from the fit.
    """
    if X.shape[1] != 2 or X.dtype.kind not in "iu":
        raise ValueError(
            f"Texts must be whole numbers of shape (n, 2, length): tokens, and a mask of 1 where they count; got {X.dtype} of shape {X.shape}. "
            "fairlearn_fwh.inprocessing.tokenize_texts makes them."
        )
    if not len(X):
        raise ValueError("X has 0 texts; at least one is needed.")
    tokens, mask = X[:, 0], X[:, 1]
    if not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"The mask of texts, X[:, 1], must be 1 for tokens that count and 0 for the others; it has {np.setdiff1d(mask, (0, 1))[:3].tolist()}."
        )
    if empty := np.flatnonzero(~mask.any(axis=1)).tolist():
        raise ValueError(f"{len(empty):,} text(s) have no token that counts; the first is row {empty[0]}.")
    if tokens.min() < 0:
        raise ValueError(f"Tokens must be at least 0; the smallest is {int(tokens.min())}.")
    if reset:
        estimator.n_features_in_ = X.shape[2]
        estimator.__dict__.pop("feature_names_in_", None)  # of an earlier fit
    elif estimator.n_features_in_ != X.shape[2]:
        raise ValueError(
            f"X has texts of {X.shape[2]} tokens; {type(estimator).__name__} was fitted with texts of {estimator.n_features_in_}. Pad or cut them alike."
        )
    return X


def make_inputs(X: Any, num_workers: int = 0) -> Inputs:
    """Learn means and scales of a table or of images; of tokens only how they look."""
    if are_tokens(X):
        return TokenInputs(X.shape[1:], int(X[:, 0].max()))
    if len(X.shape) < 4:
        values = numbers(X)
        return TableInputs(StandardScaler(with_mean=not sparse.issparse(values)).fit(values))
    last = channels_are_last(X.shape)
    mean, scale = _moments(X, axes=(0, 1, 2) if last else (0, 2, 3))
    return ImageInputs(
        last,
        mean.astype(np.float32).reshape(-1, 1, 1),
        np.where(scale > 0, scale, 1.0).astype(np.float32).reshape(-1, 1, 1),
        (X.shape[3], *X.shape[1:3]) if last else X.shape[1:],
        num_workers,
    )


def _moments(images: Any, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over these axes, of images that are read some at a time."""
    parts = [
        (len(batch), batch.mean(axis=axes, dtype=float), batch.var(axis=axes, dtype=float))
        for batch in in_batches(images)
    ]
    sizes, means, variances = (np.array(values) for values in zip(*parts, strict=True))
    mean = np.average(means, axis=0, weights=sizes)
    return mean, np.sqrt(np.average(variances + (means - mean) ** 2, axis=0, weights=sizes))


#: What features are, by the number of dimensions of a row.
KINDS = {1: "a table", 2: "texts as tokens", 3: "images"}


def check_row_shape(shape: tuple[int, ...], checked: Any) -> None:
    """Raise ValueError if rows have another shape than in fit."""
    if checked.shape[1:] != shape:
        got = f"{KINDS[len(checked.shape) - 1]} with {checked.shape[1:]}"
        raise ValueError(f"X must be {KINDS[len(shape)]} with rows of shape {shape}, as in fit; got {got}.")


def check_table_or_images(estimator: Any, X: Any, *, reset: bool, num_workers: int) -> Any:
    """Check features that may be a table, images, a torch Dataset of them, or tokens of texts.

    Parameters
    ----------
    estimator : estimator
        Remembers number and names of features.
    X : array-like, data frame, Dataset or DatasetImages
    reset : bool
        Whether the features are those of a fit.
    num_workers : int
        Processes that read a Dataset.

    Returns
    -------
    array, data frame or DatasetImages

    Raises
    ------
    ValueError
        If they are not numbers, have another number of dimensions than 2 or 4, texts are not as `check_tokens` wants them, or images have several shapes or no axis of channels.
    """
    if are_tokens(X):
        return check_tokens(estimator, X, reset=reset)
    if isinstance(X, Dataset | DatasetImages):
        checked = open_dataset(X, num_workers) if isinstance(X, Dataset) else X
        if reset:
            estimator.n_features_in_ = checked.shape[1]
            estimator.__dict__.pop("feature_names_in_", None)  # of an earlier fit
    else:
        check_one_shape(X)
        checked = check_numbers(estimator, X, reset=reset, allow_nd=True)
    if len(checked.shape) not in (2, 4):
        raise ValueError(
            f"X must be a table of 2 dimensions or images of 4 dimensions; got {len(checked.shape)}."
        )
    if reset and len(checked.shape) == 4:
        channels_are_last(checked.shape)  # raises if that cannot be told
    return checked
