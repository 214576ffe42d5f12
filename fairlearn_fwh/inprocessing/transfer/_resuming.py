"""By which a training of several tasks that was stopped is known again, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ...base._fingerprint import fingerprint
from ...metrics._core._groups import Groups
from .._training._checkpoints import Checkpoint
from ._network import TransferNetwork
from ._task_reading import Task
from ._tasks import TaskSampler

#: Parameters that change nothing of what is learned; encoder and input modules are known by the network that is made of them.
_NOT_OF_TRAINING = {"encoder", "input_modules", "callbacks", "checkpoint_dir", "device", "verbose"}


def make_checkpoint(
    parameters: Mapping[str, Any],
    network: TransferNetwork,
    tasks: Sequence[Task],
    groups: Groups | None,
    sampler: TaskSampler,
    generator: torch.Generator,
) -> Checkpoint | None:
    """Say where the state of a training is kept, if it is.

    Parameters
    ----------
    parameters : dict from str to object
        Of `MultiTaskTransferClassifier`.
    network : TransferNetwork
        As it is before training.
    tasks : sequence of Task
    groups : Groups or None
        By which the epoch is chosen.
    sampler : TaskSampler
    generator : torch.Generator
        Draws the batches.

    Returns
    -------
    Checkpoint or None

    Raises
    ------
    ValueError
        If the file that is there is of another training, or none.
    """
    folder = parameters["checkpoint_dir"]
    if folder is None:
        return None
    settings = {name: value for name, value in parameters.items() if name not in _NOT_OF_TRAINING}
    known_by = fingerprint(
        None,
        tasks[0].sample,
        settings | {"random_state": int(settings["random_state"])},
        [
            (task.name, task.sample.X, task.sample.y, task.groups and (task.groups.codes, task.groups.labels))
            for task in tasks
        ],
        groups and (groups.codes, groups.labels),
        repr(network),
        {name: value.numpy() for name, value in network.state_dict().items()},
    )
    checkpoint = Checkpoint(Path(folder) / "network.pt", known_by, (generator, sampler, network))
    checkpoint.check(parameters["max_epochs"])
    return checkpoint


def folder_alone(folder: Any, position: int) -> Path | None:
    """Where the training of one task alone is kept."""
    return None if folder is None else Path(folder) / f"task_{position}_alone"
