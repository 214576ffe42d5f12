"""Batches of a table, cut from tensors in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from scipy import sparse
from torch.utils.data import DataLoader, Dataset

from . import _processes
from ._images import unchanged

#: Draws the batches of an epoch: (number of rows, size of a batch, generator) -> positions of the rows of each.
Draw = Callable[[int, int, torch.Generator], list[torch.Tensor]]


class SparseColumn:
    """A CSR matrix, whose batches are dense."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the matrix."""
        return self.matrix.shape

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """Some rows."""
        return torch.as_tensor(self.matrix[rows.numpy()].toarray())


class TensorTable(Dataset):
    """Columns of equal length, kept as tensors on the device; some (those with a method `batch`) make batches when asked.

    Parameters
    ----------
    columns : mapping from name to array, CSR matrix, or column with `shape` and ``batch(rows)``
    device : str
    num_workers : int
        Processes that make batches; then all columns stay on the CPU.
    """

    def __init__(self, columns: Mapping[str, Any], device: str | None, num_workers: int = 0) -> None:
        self.device = "cpu" if num_workers else device
        self.num_workers = num_workers
        self.columns = {name: self._column(column) for name, column in columns.items()}

    def _column(self, column: Any) -> Any:
        if sparse.issparse(column):
            return SparseColumn(column)
        if hasattr(column, "on") and self.device is not None:
            return column.on(self.device)
        return column if hasattr(column, "batch") else torch.as_tensor(column, device=self.device)

    def __len__(self) -> int:
        return next(iter(self.columns.values())).shape[0]

    def __getitem__(self, rows: torch.Tensor) -> tuple[dict[str, torch.Tensor], int]:
        there = rows.to(self.device)
        return {
            name: column[there] if torch.is_tensor(column) else column.batch(rows).to(self.device)
            for name, column in self.columns.items()
        }, 0

    def batches(self, parts: Sequence[torch.Tensor]) -> Iterator[tuple[dict[str, torch.Tensor], int]]:
        """Batches of these rows, made by the workers if there are any."""
        if not self.num_workers:
            return (self[rows] for rows in parts)
        # Workers are seeded by the order of the rows, so that no generator is drawn from on their behalf.
        seed = torch.Generator().manual_seed(int(parts[0][0]) * len(self) + int(parts[-1][-1]))
        loader = DataLoader(
            self,
            sampler=parts,
            batch_size=None,
            num_workers=self.num_workers,
            collate_fn=unchanged,
            generator=seed,
        )
        return iter(loader)


def shuffled(n_rows: int, batch_size: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Deal all rows to batches at random."""
    batches = list(torch.randperm(n_rows, generator=generator).split(batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:  # batch normalisation cannot learn from one row
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


class TensorBatches:
    """Shuffled batches of a `TensorTable`, by indexing whole tensors instead of collecting rows.

    Where several processes train together all draw the same batches, and each takes its part of every one.
    """

    def __init__(
        self, dataset: TensorTable, batch_size: int, generator: torch.Generator, draw: Draw = shuffled
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator
        self.draw = draw

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], int]]:
        batches = self.draw(len(self.dataset), self.batch_size, self.generator)
        yield from self.dataset.batches([rows[_processes.rank() :: _processes.count()] for rows in batches])
