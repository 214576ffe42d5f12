"""Which tasks are to be fair, and what their unfairness costs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch

from ...metrics._core._names import group_name
from ._equalized_odds_loss import DifferentialEqualizedOddsLoss
from ._task_reading import Task


def fairness_losses(
    tasks: list[Task],
    *,
    fairness_tasks: Sequence[str] | None,
    fairness_weight: float,
    fairness_path: str,
    constraint: str,
    concentration: float,
    decay: float,
) -> dict[int, DifferentialEqualizedOddsLoss]:
    """Make the losses of tasks that are to be fair.

    Parameters
    ----------
    tasks : list of Task
        The target first.
    fairness_tasks, fairness_weight, fairness_path, constraint, concentration, decay
        As of `MultiTaskTransferClassifier`.

    Returns
    -------
    dict from position of a task to DifferentialEqualizedOddsLoss

    Raises
    ------
    ValueError
        If such a task is unknown, has no groups, or one.
    """
    names = [task.name for task in tasks]
    asked = fairness_tasks
    if asked is not None and (unknown := [name for name in asked if name not in names]):
        raise ValueError(f"fairness_tasks must be among {names}; got {unknown}.")
    if fairness_weight == 0:
        return {}
    if asked is None and len(tasks) > 1 and all(task.groups is None for task in tasks):
        warnings.warn(
            f"fairness_weight is {fairness_weight}, but no task has sensitive_features: nothing is made fair.",
            UserWarning,
            stacklevel=4,
        )
    losses = {}
    for number, task in enumerate(tasks):
        if task.name not in (names if asked is None else asked) or (asked is None and task.groups is None):
            continue
        if task.groups is None:
            raise ValueError(f"fairness_tasks names {task.name!r}, which has no sensitive_features.")
        if len(task.groups) < 2:
            raise ValueError(
                f"The task {task.name!r} has one group, {task.groups.labels[0]!r}; fairness needs at least 2 to compare."
            )
        if constraint == "equal_opportunity" and len(task.classes) > 2:
            raise ValueError(
                f"constraint='equal_opportunity' needs two classes; the task {task.name!r} has {len(task.classes)}."
            )
        answers = tasks[0].classes if fairness_path == "target_head" else task.classes
        loss = DifferentialEqualizedOddsLoss(
            len(task.groups),
            len(answers),
            n_labels=len(task.classes),
            constraint=constraint,
            concentration=concentration,
            decay=decay,
        )
        if _warn_of_small_cells(task, loss, constraint):
            losses[number] = loss
    return losses


def _warn_of_small_cells(task: Task, loss: DifferentialEqualizedOddsLoss, constraint: str) -> bool:
    """Say which groups have no say; whether there is anything to compare."""
    assert task.groups is not None
    rows = [torch.as_tensor(values[task.fitting]) for values in (task.codes, task.groups.codes)]
    sizes = loss.cell_sizes(*rows).numpy()
    small = np.argwhere(sizes < loss.min_cell_size)
    compared = bool(((sizes >= loss.min_cell_size).sum(axis=0) > 1).any())
    if not len(small):
        return compared
    named = {
        "equalized_odds": [repr(label) for label in task.classes.tolist()],
        "equal_opportunity": [repr(task.classes.tolist()[-1])],
        "demographic_parity": ["any"],
    }[constraint]
    cells = ", ".join(f"{group_name(task.groups.labels[g])} with label {named[y]}" for g, y in small[:5])
    warnings.warn(
        f"In the task {task.name!r} {len(small)} of {sizes.size} groups by label have fewer than {loss.min_cell_size} people to learn "
        f"from and no say in its fairness: {cells}{', ...' if len(small) > 5 else ''}."
        + ("" if compared else " Nothing is left to compare: it is not made fair."),
        UserWarning,
        stacklevel=5,
    )
    return compared
