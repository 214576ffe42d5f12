"""How features of several tasks enter one encoder, and a head for each task leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from scipy import sparse
from torch import nn

from .._training._encoders import make_encoder
from .._training._inputs import TableInputs, TokenInputs, are_tokens, make_inputs
from ._equalized_odds_loss import DifferentialEqualizedOddsLoss
from ._network import FairnessTerm, TransferNetwork
from ._task_reading import Task


def make_task_inputs(tasks: list[Task], modules: Mapping[str, nn.Module]) -> list[TableInputs | TokenInputs]:
    """Learn how features are standardised, together where tasks have the same; tokens of texts stay as they are.

    Raises
    ------
    ValueError
        If one task has texts and another has none.
    """
    texts = [task.name for task in tasks if are_tokens(task.sample.X)]
    if texts and len(texts) < len(tasks):
        raise ValueError(
            f"The tasks {texts} have texts as tokens, and others have none; one encoder cannot take both."
        )
    if texts:
        tokens = make_inputs(np.concatenate([task.sample.X for task in tasks]))
        return [cast(TokenInputs, tokens)] * len(tasks)
    parts = {task.name: task.sample.take(task.fitting).numbers() for task in tasks}
    shared = [part for name, part in parts.items() if name not in modules]
    together = make_inputs(_stack(shared)) if shared else None
    return [
        cast(TableInputs, make_inputs(parts[task.name]) if task.name in modules else together)
        for task in tasks
    ]


def make_network(
    tasks: list[Task],
    inputs: list[TableInputs | TokenInputs],
    modules: Mapping[str, nn.Module],
    encoder: Any,
    hidden_layer_sizes: Sequence[int],
    losses: dict[int, DifferentialEqualizedOddsLoss],
    term: FairnessTerm,
    *,
    in_bfloat16: bool,
) -> TransferNetwork:
    """Make the network of all tasks; torch's global generator has been seeded.

    Raises
    ------
    ValueError
        If the modules give the encoder different numbers of features.
    """
    if isinstance(inputs[0], TokenInputs):
        shared, width = make_encoder(encoder, inputs[0].shape, (), inputs[0].example())
        entries: Sequence[nn.Module] = [nn.Identity() for _ in tasks]
        return TransferNetwork(entries, shared, _heads(tasks, width), losses, term, in_bfloat16)
    entries, widths = zip(
        *(
            _make_entry(task.name, modules.get(task.name), mine.shape)
            for task, mine in zip(tasks, inputs, strict=True)
        ),
        strict=True,
    )
    if len(set(widths)) > 1:
        raise ValueError(
            "input_modules must give the encoder as many features for every task; they give "
            f"{dict(zip([task.name for task in tasks], widths, strict=True))}."
        )
    shared, width = make_encoder(encoder, (widths[0],), list(hidden_layer_sizes))
    return TransferNetwork(entries, shared, _heads(tasks, width), losses, term, in_bfloat16)


def _heads(tasks: list[Task], width: int) -> list[nn.Linear]:
    return [nn.Linear(width, 1 if len(task.classes) == 2 else len(task.classes)) for task in tasks]


def _make_entry(name: str, own: nn.Module | None, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
    """Make the module by which the features of a task enter the encoder, and say how many numbers leave it."""
    try:
        return make_encoder(nn.Identity() if own is None else own, shape, ())
    except ValueError as error:
        raise ValueError(f"input_modules[{name!r}]: {str(error).removeprefix('encoder ')}") from error


def _stack(parts: list[Any]) -> Any:
    return sparse.vstack(parts, format="csr") if any(map(sparse.issparse, parts)) else np.vstack(parts)


def chain(*modules: nn.Module) -> nn.Module:
    """One module after the other; chains are joined, so that plain ones can be kept without torch."""
    layers: list[nn.Module] = []
    for module in modules:
        layers += list(module) if type(module) is nn.Sequential else [module]
    return nn.Sequential(*(layer for layer in layers if type(layer) is not nn.Identity))
