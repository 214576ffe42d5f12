"""The one trainer of all methods that learn by gradient: skorch, with batches cut from tensors in memory.

A module's `forward` takes the columns of a batch by name and returns the cost of each of its members (independent
models that train side by side, shape (R,)); the trainer minimises their sum, keeps the best state of each member by
validation, drops hopeless members on the way, and stops when the best of all has not improved for a while.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from . import _processes
from ._checkpoints import Checkpoint
from ._images import unchanged

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": torch.optim.AdamW, "optimizer__weight_decay": 0.1},
    "sgd": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
}

#: A member's quality on validation data; larger tuples are better.
Key = tuple[float, ...]

#: Draws the batches of an epoch: (number of rows, size of a batch, generator) -> positions of the rows of each.
Draw = Callable[[int, int, torch.Generator], list[torch.Tensor]]

#: After these numbers of epochs the worse half of the members is dropped (successive halving, Jamieson and Talwalkar 2016).
_HALVINGS = (5, 10, 20, 40)


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


class _NoCriterion:
    """The module computes its cost itself; accelerate would wrap a criterion that is a module."""


class _CostNet(NeuralNet):
    """A skorch net whose module computes its own cost."""

    def get_loss(
        self, y_pred: torch.Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        return (
            y_pred.sum() * _processes.count()
        )  # gradients are averaged over processes, costs are shares of a sum

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().fit_loop(*args, **kwargs)
        except _NoImprovementError:
            return self


class _NoImprovementError(Exception):
    """Ends training because patience has run out."""


def make_net(
    module: torch.nn.Module,
    *,
    optimizer: str,
    learning_rate: float,
    parameter_groups: list[tuple[str, dict[str, float]]],
    batch_size: int,
    max_epochs: int,
    generator: torch.Generator,
    draw: Draw = shuffled,
    device: str | None,
    accelerator: Any,
    callbacks: list[Callback],
) -> NeuralNet:
    """Make the skorch net that trains a module; see `train` for the parameters."""
    arguments: dict[str, Any] = {
        "criterion": _NoCriterion,
        **OPTIMIZERS[optimizer],
        "lr": learning_rate,
        "optimizer__param_groups": parameter_groups,
        "max_epochs": max_epochs,
        "batch_size": batch_size,
        "iterator_train": TensorBatches,
        "iterator_train__generator": generator,
        "iterator_train__draw": draw,
        "train_split": None,
        "callbacks": callbacks,
        "verbose": 0,
    }
    if accelerator is None:
        return _CostNet(module, device=device, **arguments)
    from skorch.hf import AccelerateMixin

    class AcceleratedCostNet(AccelerateMixin, _CostNet):
        """The same on several processes."""

    # By default skorch prints a table through the accelerator, whatever `verbose` says.
    return AcceleratedCostNet(
        module, accelerator=accelerator, callbacks__print_log__sink=lambda text: None, **arguments
    )


@dataclass
class Progress(Callback):
    """What happened in training: costs, validation figures and best state of each member.

    Attributes
    ----------
    costs : list of ndarray, shape (R,)
        Mean cost of each member in each epoch; NaN for those that were dropped.
    figures : list of dicts from member to dict
        What `validate` said of each member after each epoch.
    best : dict from member to (key, epoch, state)
        Best validation key of each member, when it was reached, and the member's parameters then.
    members : list of int
        Members in the module, in its order.
    alive : list of int
        Those that were not dropped; several processes keep the dropped ones in the module, but do not look at them.
    exhausted : bool
        Whether training has ended because patience ran out.
    """

    validate: Callable[[Any], list[tuple[Key, dict[str, Any]]]]
    patience: int
    n_members: int
    max_epochs: int
    verbose: int
    checkpoint: Checkpoint | None = None
    warmup_epochs: int = 0
    exhausted: bool = False
    costs: list[np.ndarray] = field(default_factory=list)
    figures: list[dict[int, dict[str, Any]]] = field(default_factory=list)
    best: dict[int, tuple[Key, int, dict[str, np.ndarray]]] = field(default_factory=dict)
    members: list[int] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Whether training ended before its time."""
        return not self.exhausted and len(self.figures) < self.max_epochs

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start the progress bar."""
        self.members = list(range(self.n_members))
        self.alive = list(self.members)
        self.bar = tqdm(
            total=self.max_epochs,
            initial=len(self.figures),
            unit="epoch",
            disable=not self.verbose or _processes.rank() > 0,
        )

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """End the progress bar."""
        self.bar.close()

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the costs of the last epoch."""
        self._costs_of_batches: list[torch.Tensor] = []

    def on_batch_end(self, net: NeuralNet, y_pred: torch.Tensor | None = None, **kwargs: Any) -> None:
        """Remember the members' costs."""
        assert y_pred is not None
        self._costs_of_batches.append(y_pred.detach())

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Validate all members, keep the best states, drop the hopeless and stop when nothing more is gained."""
        module = unwrapped(net)
        self._keep_costs()
        module.eval()
        keys, figures = zip(*self.validate(module), strict=True)
        epoch = len(self.costs)
        self.figures.append(dict(zip(self.members, figures, strict=True)))
        for position, (member, key) in enumerate(zip(self.members, keys, strict=True)):
            if member in self.alive and key > self._best_key(member):
                state = module.member_state(position)
                if all(np.isfinite(values).all() for values in state.values()):
                    self.best[member] = (key, epoch, state)
        if not self.best:
            self._stop_at_infinity(f"after epoch {epoch}")
        leader = max(self.alive, key=self._best_key)
        self.bar.set_postfix(
            {name: value for name, value in self.figures[-1][leader].items() if not isinstance(value, dict)}
        )
        self.bar.update()
        if epoch in _HALVINGS:
            self._drop_hopeless(net)
        self.exhausted = epoch - max(self.best[leader][1], self.warmup_epochs) >= self.patience
        if self.checkpoint is not None:
            self.checkpoint.save(net, self)
        if self.exhausted:
            raise _NoImprovementError

    def _best_key(self, member: int) -> Key:
        """Best key of a member so far; the worst of all if it never had any, because its figures are not finite."""
        return self.best[member][0] if member in self.best else (-np.inf,)

    def _keep_costs(self) -> None:
        costs = np.full(self.n_members, np.nan)
        of_batches = torch.stack(self._costs_of_batches)
        costs[self.members] = _processes.total(of_batches.mean(dim=0)).cpu().numpy()
        if not np.isfinite(costs).any():
            finite = of_batches.isfinite().any(dim=1).cpu().numpy()
            self._stop_at_infinity(f"from batch {int(finite.argmin()) + 1} of epoch {len(self.costs) + 1} on")
        self.costs.append(costs)

    def _stop_at_infinity(self, when: str) -> None:
        """End training because costs have grown without bound; the best state is kept if there is one."""
        message = f"The cost is not finite {when}; lower the learning rates, or look for huge values among the features."
        if not self.best:
            raise FloatingPointError(message)
        warnings.warn(f"{message} The best state before is kept.", ConvergenceWarning, stacklevel=2)
        self.exhausted = True
        raise _NoImprovementError

    def _drop_hopeless(self, net: NeuralNet) -> None:
        by_quality = sorted(self.alive, key=self._best_key, reverse=True)
        kept = by_quality[: (len(by_quality) + 1) // 2]
        self.alive = [member for member in self.alive if member in kept]
        if len(self.alive) < len(self.members) and _processes.count() == 1:
            keep_members(net, [self.members.index(member) for member in self.alive])
            self.members = list(self.alive)


def unwrapped(net: NeuralNet) -> Any:
    """Return the module itself, which several processes wrap."""
    return getattr(net.module_, "module", net.module_)


def keep_members(net: NeuralNet, positions: list[int]) -> None:
    """Drop the other members from the module and from the optimiser's memory."""
    for parameter in net.module_.parameters():
        memory = net.optimizer_.state.get(parameter, {})
        for name, value in memory.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                memory[name] = value[positions].clone()
        parameter.data = parameter.data[positions].clone()
        parameter.grad = None
    unwrapped(net).keep_buffers(positions)


def train(
    module: torch.nn.Module,
    columns: Mapping[str, Any],
    validate: Callable[[Any], list[tuple[Key, dict[str, Any]]]],
    *,
    n_members: int,
    optimizer: str,
    parameter_groups: list[tuple[str, dict[str, float]]],
    learning_rate: float,
    max_epochs: int,
    batch_size: int,
    patience: int,
    warmup_epochs: int = 0,
    generator: torch.Generator,
    draw: Draw = shuffled,
    device: str | None,
    accelerator: Any = None,
    num_workers: int = 0,
    checkpoint: Checkpoint | None = None,
    callbacks: Sequence[Callback] = (),
    verbose: int,
) -> Progress:
    """Train a module on columns of a table.

    Parameters
    ----------
    module : torch module
        Has `forward(**columns)`, which returns costs (R,), `member_state(member)` and `keep_buffers(members)`.
    columns : mapping from name to array or CSR matrix, shape (n, ...)
        Training data.
    validate : callable
        Takes the module and returns a key and figures for every member that it has.
    n_members : int
        R.
    optimizer : {"adam", "sgd"}
    parameter_groups : list of (pattern of names, options)
        Options of the optimizer for some parameters, as skorch takes them.
    learning_rate : float
        Of the other parameters.
    max_epochs, batch_size, patience : int
        `patience` is the number of epochs without improvement after which training stops.
    warmup_epochs : int
        Epochs at the start that patience does not count.
    generator : torch.Generator
        Shuffles the rows.
    draw : callable
        Draws the batches of an epoch.
    device : str
    accelerator : accelerate.Accelerator, optional
        Lets several processes train one model together.
    num_workers : int
        Processes that make batches.
    checkpoint : Checkpoint, optional
        Keeps the state of a module with one member after every epoch; training goes on from there.
    callbacks : sequence of skorch callbacks
        What else is to happen in training.
    verbose : int
        0: silent; above: a progress bar.

    Returns
    -------
    Progress

    Raises
    ------
    FloatingPointError
        If no member's cost is finite before there is a state to keep; later the best state is kept, with a
        ConvergenceWarning.
    KeyboardInterrupt
        If training is interrupted before there is a state to keep; later the best state is kept, with a
        ConvergenceWarning.
    """
    progress = Progress(validate, patience, n_members, max_epochs, verbose, checkpoint, warmup_epochs)
    net = make_net(
        module,
        optimizer=optimizer,
        learning_rate=learning_rate,
        parameter_groups=parameter_groups,
        max_epochs=max_epochs,
        batch_size=batch_size,
        generator=generator,
        draw=draw,
        device=device,
        accelerator=accelerator,
        callbacks=[*callbacks, progress],
    )
    net.initialize()
    if checkpoint is not None:
        checkpoint.restore(net, progress)
    left = 0 if progress.exhausted else max_epochs - len(progress.figures)
    if left:  # skorch ends training at a KeyboardInterrupt and returns
        net.partial_fit(TensorTable(columns, device, num_workers), None, epochs=left)
    if not progress.best:
        raise KeyboardInterrupt
    if progress.interrupted:
        warnings.warn(
            "Training was interrupted; the best state so far is kept.", ConvergenceWarning, stacklevel=2
        )
    return progress
