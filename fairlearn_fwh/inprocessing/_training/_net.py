"""The skorch net that trains a module which computes its own cost."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import unpack_data

from . import _processes
from ._batches import Draw, TensorBatches, shuffled
from ._history import EndOfTraining

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": torch.optim.AdamW, "optimizer__weight_decay": 0.1},
    "sgd": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
}


class _NoCriterion:
    """The module computes its cost itself; accelerate would wrap a criterion that is a module."""


class CostNet(NeuralNet):
    """A skorch net whose module computes its own cost."""

    def get_loss(
        self, y_pred: torch.Tensor, y_true: Any, X: Any = None, training: bool = False
    ) -> torch.Tensor:
        return (
            y_pred.sum() * _processes.count()
        )  # gradients are averaged over processes, costs are shares of a sum

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Compute the gradients of a batch; a module that has its own way to do so has a method `backward`."""
        module = unwrapped(self)
        if not hasattr(module, "backward"):
            return super().train_step_single(batch, **fit_params)
        module.train()
        columns, y = unpack_data(batch)
        costs = self.infer(columns, **fit_params)
        loss = self.get_loss(costs, y, X=columns, training=True)
        module.backward(loss)
        return {"loss": loss, "y_pred": costs}

    def fit_loop(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().fit_loop(*args, **kwargs)
        except EndOfTraining:
            return self


class AccumulatingCostNet(CostNet):
    """The same, which adds up the gradients of several batches before it moves; the last step of an epoch may have fewer.

    Parameters
    ----------
    gradient_accumulation_steps : int
        Batches per step.
    """

    def __init__(self, *args: Any, gradient_accumulation_steps: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gradient_accumulation_steps = gradient_accumulation_steps

    def run_single_epoch(self, *args: Any, **kwargs: Any) -> None:
        self._added = 0
        super().run_single_epoch(*args, **kwargs)
        if self._added:
            self._move()

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, torch.Tensor]:
        """Add the gradients of a batch, and move if there are enough."""
        if not self._added:
            self._zero_grad_optimizer()
        step = self.train_step_single(batch, **fit_params)
        self._added += 1
        if self._added == self.gradient_accumulation_steps:
            self._move()
        return step

    def _move(self) -> None:
        """Go down the mean of the gradients."""
        for _, parameter in self.get_all_learnable_params():
            if parameter.grad is not None:
                parameter.grad /= self._added
        self._added = 0
        self.notify("on_grad_computed", named_parameters=list(self.get_all_learnable_params()), training=True)
        self._step_optimizer(None)


def make_net(
    module: torch.nn.Module,
    *,
    optimizer: str,
    learning_rate: float,
    parameter_groups: list[tuple[str, dict[str, float]]],
    batch_size: int,
    gradient_accumulation_steps: int = 1,
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
    if gradient_accumulation_steps > 1:
        return AccumulatingCostNet(
            module, device=device, gradient_accumulation_steps=gradient_accumulation_steps, **arguments
        )
    if accelerator is None:
        return CostNet(module, device=device, **arguments)
    from skorch.hf import AccelerateMixin

    class AcceleratedCostNet(AccelerateMixin, CostNet):
        """The same on several processes."""

    # By default skorch prints a table through the accelerator, whatever `verbose` says.
    return AcceleratedCostNet(
        module, accelerator=accelerator, callbacks__print_log__sink=lambda text: None, **arguments
    )


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
