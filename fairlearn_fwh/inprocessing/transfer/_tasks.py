"""Tasks that are learned together: their rows in one table, and how batches are drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from .._training._batches import SparseColumn, shuffled

TASK_SAMPLINGS = ("proportional", "uniform", "dynamic")

#: A task that is as good as when learned alone is still drawn.
_LEAST_DEFICIT = 0.1

#: Losses below it are as good as nothing.
_LEAST_LOSS = 1e-3


@dataclass(frozen=True)
class TaskRows:
    """Rows of one task as the network needs them.

    Attributes
    ----------
    X : ndarray or CSR matrix, shape (n, d)
    y, groups : ndarray of int, shape (n,)
        Groups are -1 where they are not known.
    weights : ndarray, shape (n,)
        Mean 1.
    """

    X: Any
    y: np.ndarray
    groups: np.ndarray
    weights: np.ndarray


class StackedColumn:
    """Features of several tasks one below the other; each batch is of one of them, so that they may have other widths.

    Parameters
    ----------
    parts : sequence of array or CSR matrix, shape (n_t, d_t)
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = [
            SparseColumn(part) if sparse.issparse(part) else torch.as_tensor(part) for part in parts
        ]
        self.offsets = np.cumsum([0, *(part.shape[0] for part in parts)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows."""
        return (int(self.offsets[-1]),)

    def batch(self, rows: Tensor) -> Tensor:
        """Features of some rows of one task, shape (B, d_t)."""
        task = int(np.searchsorted(self.offsets, int(rows[0]), side="right")) - 1
        part, positions = self.parts[task], rows - int(self.offsets[task])
        return part.batch(positions) if isinstance(part, SparseColumn) else part[positions]


def stack(tasks: Sequence[TaskRows]) -> dict[str, Any]:
    """Columns of a table of all tasks."""
    return {
        "X": StackedColumn([task.X for task in tasks]),
        "y": np.concatenate([task.y for task in tasks]),
        "group": np.concatenate([task.groups for task in tasks]),
        "weight": np.concatenate([task.weights for task in tasks]).astype(np.float32),
        "task": np.repeat(np.arange(len(tasks)), [len(task.y) for task in tasks]),
    }


def rows_of_tasks(tasks: Sequence[TaskRows]) -> list[Tensor]:
    """Positions of each task's rows in the table."""
    return list(torch.arange(sum(len(task.y) for task in tasks)).split([len(task.y) for task in tasks]))


class TaskSampler:
    """Draws the batches of an epoch, each from one task.

    Parameters
    ----------
    sizes : sequence of int
        Rows of each task.
    sampling : {"proportional", "uniform", "dynamic"}
        In what proportions tasks are drawn: by size, all alike, or by how far each falls behind what it reaches when learned alone.
    """

    def __init__(self, sizes: Sequence[int], sampling: str) -> None:
        self.sizes = np.asarray(sizes)
        self.sampling = sampling
        self.shares = (
            self.sizes / self.sizes.sum()
            if sampling == "proportional"
            else np.full(len(sizes), 1 / len(sizes))
        )

    def get_state(self) -> list[float]:
        """Proportions of the tasks."""
        return self.shares.tolist()

    def set_state(self, state: list[float]) -> None:
        """Take back proportions."""
        self.shares = np.array(state)

    def look(self, losses: np.ndarray, alone: np.ndarray) -> None:
        """Draw tasks more often that are behind; `alone` are losses when learned alone, shape (T,)."""
        if self.sampling == "dynamic" and np.isfinite(losses).all():
            deficits = np.maximum(losses / np.maximum(alone, _LEAST_LOSS) - 1, 0) + _LEAST_DEFICIT
            self.shares = deficits / deficits.sum()

    def __call__(self, n_rows: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
        """Batches of an epoch, in random order; there are as many as it takes to see everybody once."""
        whole = -(-self.sizes // batch_size)
        wanted = (
            whole if self.sampling == "proportional" else np.maximum(np.rint(self.shares * whole.sum()), 1)
        )
        offsets = np.cumsum(self.sizes) - self.sizes
        batches: list[Tensor] = []
        for size, offset, number in zip(self.sizes, offsets, wanted.astype(int), strict=True):
            mine: list[Tensor] = []
            while len(mine) < number:
                mine += shuffled(int(size), batch_size, generator)
            batches += [rows + int(offset) for rows in mine[:number]]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]
