"""The one trainer of all methods that learn by gradient: skorch, with batches cut from tensors in memory.

A module's `forward` takes the columns of a batch by name and returns the cost of each of its members (independent
models that train side by side, shape (R,)); the trainer minimises their sum, keeps the best state of each member by
validation, and stops when the best of all has not improved for a while.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.utils.data import Dataset

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": torch.optim.Adam},
    "sgd": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
}

#: A member's quality on validation data; larger tuples are better.
Key = tuple[float, ...]


class TensorTable(Dataset):
    """Columns of equal length, kept as tensors on the device."""

    def __init__(self, columns: Mapping[str, Any], device: str) -> None:
        self.columns = {name: torch.tensor(column, device=device) for name, column in columns.items()}

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, rows: Any) -> tuple[dict[str, torch.Tensor], int]:
        return {name: column[rows] for name, column in self.columns.items()}, 0


class TensorBatches:
    """Shuffled batches of a `TensorTable`, by indexing whole tensors instead of collecting rows."""

    def __init__(self, dataset: TensorTable, batch_size: int, generator: torch.Generator) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], int]]:
        order = torch.randperm(len(self.dataset), generator=self.generator)
        for rows in order.split(self.batch_size):
            yield self.dataset[rows.to(next(iter(self.dataset.columns.values())).device)]


class _CostNet(NeuralNet):
    """A skorch net whose module computes its own cost."""

    def get_loss(
        self, y_pred: torch.Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        return y_pred.sum()

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().fit_loop(*args, **kwargs)
        except _NoImprovementError:
            return self


class _NoImprovementError(Exception):
    """Ends training because patience has run out."""


@dataclass
class Progress(Callback):
    """What happened in training: costs, validation figures and best state of each member.

    Attributes
    ----------
    costs : list of ndarray, shape (R,)
        Mean cost of each member in each epoch.
    figures : list of lists of dict
        What `validate` said of each member after each epoch.
    best : list of (key, epoch, state)
        Best validation key of each member, when it was reached, and the member's parameters then.
    exhausted : bool
        Whether training has ended because patience ran out.
    """

    validate: Callable[[Any], list[tuple[Key, dict[str, Any]]]]
    patience: int
    exhausted: bool = False
    costs: list[np.ndarray] = field(default_factory=list)
    figures: list[list[dict[str, Any]]] = field(default_factory=list)
    best: list[tuple[Key, int, dict[str, np.ndarray]]] = field(default_factory=list)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the costs of the last epoch."""
        self._costs_of_batches: list[torch.Tensor] = []

    def on_batch_end(self, net: NeuralNet, y_pred: torch.Tensor | None = None, **kwargs: Any) -> None:
        """Remember the members' costs."""
        assert y_pred is not None
        self._costs_of_batches.append(y_pred.detach())

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Validate all members, keep the best states and stop when there is nothing more to gain."""
        costs = torch.stack(self._costs_of_batches).mean(dim=0).cpu().numpy()
        if not np.isfinite(costs).any():
            raise FloatingPointError(
                f"The cost of every member is not finite in epoch {len(self.costs) + 1}; lower the learning rates."
            )
        self.costs.append(costs)
        with torch.no_grad():
            keys, figures = zip(*self.validate(net.module_), strict=True)
        self.figures.append(list(figures))
        epoch = len(self.costs)
        if not self.best:
            self.best = [((-np.inf,), 0, {})] * len(keys)
        for member, key in enumerate(keys):
            if key > self.best[member][0]:
                self.best[member] = (key, epoch, net.module_.member_state(member))
        leader = max(self.best, key=lambda best: best[0])
        if epoch - leader[1] >= self.patience:
            self.exhausted = True
            raise _NoImprovementError


def train(
    module: torch.nn.Module,
    columns: Mapping[str, Any],
    validate: Callable[[Any], list[tuple[Key, dict[str, Any]]]],
    *,
    optimizer: str,
    parameter_groups: list[tuple[str, dict[str, float]]],
    learning_rate: float,
    max_epochs: int,
    batch_size: int,
    patience: int,
    generator: torch.Generator,
    device: str,
    verbose: int,
) -> Progress:
    """Train a module on columns of a table.

    Parameters
    ----------
    module : torch module
        Has `forward(**columns)`, which returns costs (R,), and `member_state(member)`.
    columns : mapping from name to array, shape (n, ...)
        Training data.
    validate : callable
        Takes the module and returns a key and figures for every member.
    optimizer : {"adam", "sgd"}
    parameter_groups : list of (pattern of names, options)
        Options of the optimizer for some parameters, as skorch takes them.
    learning_rate : float
        Of the other parameters.
    max_epochs, batch_size, patience : int
        `patience` is the number of epochs without improvement after which training stops.
    generator : torch.Generator
        Shuffles the rows.
    device : str
    verbose : int
        0: silent; above: a line per epoch.

    Returns
    -------
    Progress

    Raises
    ------
    FloatingPointError
        If no member's cost is finite.
    KeyboardInterrupt
        If training is interrupted before there is a state to keep; later the best state is kept, with a
        ConvergenceWarning.
    """
    progress = Progress(validate, patience)
    net = _CostNet(
        module,
        criterion=torch.nn.Identity,
        **OPTIMIZERS[optimizer],
        lr=learning_rate,
        optimizer__param_groups=parameter_groups,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train=TensorBatches,
        iterator_train__generator=generator,
        train_split=None,
        callbacks=[progress],
        device=device,
        verbose=verbose,
    )
    net.fit(TensorTable(columns, device), None)  # skorch ends training at a KeyboardInterrupt and returns
    if not progress.best:
        raise KeyboardInterrupt
    if not progress.exhausted and len(progress.costs) < max_epochs:
        warnings.warn(
            "Training was interrupted; the best state so far is kept.", ConvergenceWarning, stacklevel=2
        )
    return progress
