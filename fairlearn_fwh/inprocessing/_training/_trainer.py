"""The one trainer of all methods that learn by gradient: skorch, with batches cut from tensors in memory.

A module's `forward` takes the columns of a batch by name and returns the cost of each of its members (independent
models that train side by side, shape (R,)); the trainer minimises their sum, keeps the best state of each member by
validation, drops hopeless members on the way, and stops when the best of all has not improved for a while.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from . import _processes
from ._batches import Draw, TensorTable, shuffled
from ._callbacks import Stop, standard_callbacks
from ._checkpoints import Checkpoint
from ._history import History, Validation
from ._net import make_net


def train(
    module: torch.nn.Module,
    columns: Mapping[str, Any],
    validate: Validation,
    *,
    n_members: int,
    optimizer: str,
    parameter_groups: list[tuple[str, dict[str, float]]],
    learning_rate: float,
    max_epochs: int,
    batch_size: int,
    gradient_accumulation_steps: int = 1,
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
) -> History:
    """Train a module on columns of a table.

    Parameters
    ----------
    module : torch module
        Has `forward(**columns)`, which returns costs (R,), `member_state(member)` and `keep_buffers(members)`. It may have
        ``backward(cost)``, which computes the gradients of a batch in its own way, and ``clip_gradients()``, which changes them.
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
    gradient_accumulation_steps : int
        Batches whose gradients are added up for a step; above 1 in one process only.
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
    History

    Raises
    ------
    FloatingPointError
        If no member's cost is finite before there is a state to keep; later the best state is kept, with a
        ConvergenceWarning.
    KeyboardInterrupt
        If training is interrupted before there is a state to keep; later the best state is kept, with a
        ConvergenceWarning.
    """
    history = History(n_members, max_epochs)
    standard = standard_callbacks(
        history,
        validate,
        patience=patience,
        warmup_epochs=warmup_epochs,
        checkpoint=checkpoint,
        silent=not verbose or _processes.rank() > 0,
    )
    net = make_net(
        module,
        optimizer=optimizer,
        learning_rate=learning_rate,
        parameter_groups=parameter_groups,
        max_epochs=max_epochs,
        batch_size=batch_size,
        gradient_accumulation_steps=gradient_accumulation_steps,
        generator=generator,
        draw=draw,
        device=device,
        accelerator=accelerator,
        callbacks=[*standard, *callbacks, Stop(history)],
    )
    net.initialize()
    if checkpoint is not None:
        checkpoint.restore(net, history)
    left = 0 if history.exhausted else max_epochs - len(history.figures)
    if left:  # skorch ends training at a KeyboardInterrupt and returns
        net.partial_fit(TensorTable(columns, device, num_workers), None, epochs=left)
    if not history.best:
        raise KeyboardInterrupt
    if history.interrupted:
        warnings.warn(
            "Training was interrupted; the best state so far is kept.", ConvergenceWarning, stacklevel=2
        )
    return history
