"""Images of a torch Dataset, which are read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

#: Images that are read at a time.
_BATCH = 256


@dataclass(frozen=True)
class DatasetImages:
    """Some images of a Dataset, in the place of an array (n, ...).

    Attributes
    ----------
    dataset : Dataset
        Its items are images, or tuples that begin with one.
    rows : ndarray of int, shape (n,)
        Which of its items.
    image_shape : tuple of int
    num_workers : int
        Processes that read.
    """

    dataset: Any
    rows: np.ndarray
    image_shape: tuple[int, ...]
    num_workers: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, and the shape of each."""
        return (len(self.rows), *self.image_shape)

    def __len__(self) -> int:
        return len(self.rows)

    def take_rows(self, rows: np.ndarray) -> DatasetImages:
        """Some of the images, by position or mask; nothing is read."""
        return replace(self, rows=self.rows[rows])

    def read(self) -> np.ndarray:
        """Read all of them, in this process.

        Raises
        ------
        ValueError
            If an image has another shape than the others, or holds NaN or infinity.
        """
        return np.stack([self._image(int(row)) for row in self.rows])

    def _image(self, row: int) -> np.ndarray:
        image = image_of(self.dataset[row])
        if image.shape != self.image_shape:
            raise ValueError(
                f"All images must have the same shape; item {row} of the Dataset has {image.shape}, an earlier one "
                f"{self.image_shape}. Resize them."
            )
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise ValueError(f"The image of item {row} of the Dataset contains NaN or infinity.")
        return image


class _Batches(Dataset):
    """Reads a batch of images per item."""

    def __init__(self, batches: list[DatasetImages]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, i: int) -> np.ndarray:
        return self.batches[i].read()


class _Labels(Dataset):
    """Labels and groups of items, whose images are left behind where they were read."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        item = self.dataset[i]
        n_parts = len(item) if isinstance(item, tuple | list) else 1
        if n_parts != 3:
            raise ValueError(
                f"A Dataset for fit must yield (image, label, group); item {i} has {n_parts} part{'' if n_parts == 1 else 's'}. "
                "Without groups give images as an array, and y."
            )
        label, group = _value(item[1]), _value(item[2])
        for name, value in (("label", label), ("group", group)):
            try:
                hash(value)
            except TypeError:
                raise ValueError(
                    f"The {name} of item {i} of the Dataset must be a single value{' or a tuple of them' if name == 'group' else ''}; "
                    f"got {value!r}."
                ) from None
        return label, group


def in_batches(X: Any, size: int = _BATCH) -> Iterator[np.ndarray]:
    """Images of an array or of a Dataset, some at a time."""
    starts = range(0, len(X), size)
    if isinstance(X, np.ndarray):
        return (X[start : start + size] for start in starts)
    batches = _Batches([X.take_rows(np.arange(start, min(start + size, len(X)))) for start in starts])
    return iter(_loader(batches, X.num_workers, batch_size=None))


def _loader(dataset: Dataset[Any], num_workers: int, batch_size: int | None) -> DataLoader[Any]:
    """Read in order; torch's global generator is left alone."""
    return DataLoader(
        dataset, batch_size, num_workers=num_workers, collate_fn=unchanged, generator=torch.Generator()
    )


def unchanged(batch: Any) -> Any:
    """What a DataLoader makes of a batch that is one already."""
    return batch


def read_labels(dataset: Any, num_workers: int) -> tuple[np.ndarray, Any]:
    """Read labels and groups of all items; groups that are tuples are several sensitive features.

    Raises
    ------
    ValueError
        If an item has not three parts.
    """
    read = _loader(_Labels(dataset), num_workers, _BATCH)
    labels, groups = zip(*[pair for pairs in read for pair in pairs], strict=True)
    if isinstance(groups[0], tuple):
        return np.asarray(labels), list(groups)
    objects = np.empty(len(groups), dtype=object)  # numpy would make text of a missing value
    objects[:] = groups
    return np.asarray(labels), objects


def open_dataset(dataset: Any, num_workers: int) -> DatasetImages:
    """Take the images of a Dataset, without reading more than one.

    Raises
    ------
    TypeError
        If the Dataset has no length.
    ValueError
        If it is empty.
    """
    if not hasattr(dataset, "__len__"):
        raise TypeError(
            f"A Dataset must have a length and items by number; {type(dataset).__name__} has no length."
        )
    if not len(dataset):
        raise ValueError("The Dataset is empty; at least one image is needed.")
    return DatasetImages(dataset, np.arange(len(dataset)), image_of(dataset[0]).shape, num_workers)


def read_dataset(
    dataset: Any, y: Any, sensitive_features: Any, num_workers: int
) -> tuple[DatasetImages, np.ndarray, Any]:
    """Take images, labels and groups of a Dataset.

    Raises
    ------
    TypeError, ValueError
        As `open_dataset` and `read_labels`; also if labels or groups were given beside it.
    """
    if y is not None or sensitive_features is not None:
        raise ValueError("A Dataset brings labels and groups with it; leave out y and sensitive_features.")
    return open_dataset(dataset, num_workers), *read_labels(dataset, num_workers)


def check_one_shape(images: Any) -> None:
    """Raise ValueError for a list (or array of objects) of images that have not all the same shape."""
    if not isinstance(images, list) and not (isinstance(images, np.ndarray) and images.dtype.kind == "O"):
        return
    shapes = {image.shape for image in images if isinstance(image, np.ndarray) and image.ndim > 1}
    if len(shapes) > 1:
        raise ValueError(
            f"All images must have the same shape; X has {len(shapes)} shapes, among them {sorted(shapes)[:2]}. Resize them."
        )


def has_groups(dataset: Any) -> bool:
    """Whether items are (image, label, group)."""
    return isinstance(dataset[0], tuple | list) and len(dataset[0]) == 3


def image_of(item: Any) -> np.ndarray:
    """Image of an item, shape (channels, height, width) or (height, width, channels).

    Raises
    ------
    ValueError
        If it has not three dimensions.
    """
    image = np.asarray(item[0] if isinstance(item, tuple | list) else item)
    if image.ndim != 3:
        raise ValueError(f"An image must have 3 dimensions, of which one is the channels; got {image.shape}.")
    return image


def _value(value: Any) -> Any:
    """A label or group as Python has it; what has several entries becomes a list."""
    if isinstance(value, tuple):
        return tuple(_value(part) for part in value)
    return value.tolist() if hasattr(value, "tolist") else value
