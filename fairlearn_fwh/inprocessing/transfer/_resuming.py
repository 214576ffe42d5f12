"""By which a training of several tasks that was stopped is known again, and where tasks that are learned alone are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...metrics._core._groups import Groups
from ._task_reading import Task

#: Parameters that change nothing of what is learned; encoder and input modules are known by the network that is made of them.
NOT_OF_TRAINING = {"encoder", "input_modules", "callbacks", "checkpoint_dir", "device", "verbose"}


def known_by(tasks: Sequence[Task], groups: Groups | None) -> list[Any]:
    """People of all tasks, and the groups by which the epoch is chosen, as they can be hashed."""
    people = [
        (task.name, task.sample.X, task.sample.y, task.sample.weights, _plain(task.groups)) for task in tasks
    ]
    return [*people, _plain(groups)]


def _plain(groups: Groups | None) -> Any:
    return None if groups is None else (groups.codes, groups.labels)


def folder_alone(folder: Any, position: int) -> Path | None:
    """Where the training of one task alone is kept."""
    return None if folder is None else Path(folder) / f"task_{position}_alone"
