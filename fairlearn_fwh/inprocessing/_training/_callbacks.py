"""What the trainer does around batches and epochs: skorch callbacks of one duty each, which share a `History`.

They are called in the order of `standard_callbacks`; then those of the method and the user's, which find the figures of the epoch in
``net.history``, and at last `Stop`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from tqdm import tqdm

from . import _processes
from ._checkpoints import Checkpoint
from ._history import EndOfTraining, History, Validation
from ._net import keep_members, unwrapped

#: After these numbers of epochs the worse half of the members is dropped (successive halving, Jamieson and Talwalkar 2016).
_HALVINGS = (5, 10, 20, 40)


class KeepCosts(Callback):
    """Keeps the mean cost of each member in each epoch, and ends training where none is finite."""

    def __init__(self, history: History) -> None:
        self.kept = history

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the costs of the last epoch."""
        self._of_batches: list[torch.Tensor] = []

    def on_batch_end(self, net: NeuralNet, y_pred: torch.Tensor | None = None, **kwargs: Any) -> None:
        """Remember the costs of a batch."""
        assert y_pred is not None
        self._of_batches.append(y_pred.detach())

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Add up the costs of the batches."""
        costs = np.full(self.kept.n_members, np.nan)
        of_batches = torch.stack(self._of_batches)
        costs[self.kept.members] = _processes.total(of_batches.mean(dim=0)).cpu().numpy()
        if not np.isfinite(costs).any():
            batch = int(of_batches.isfinite().any(dim=1).cpu().numpy().argmin()) + 1
            self.kept.stop_at_infinity(
                f"The cost is not finite from batch {batch} of epoch {self.kept.epoch + 1} on"
            )
        self.kept.costs.append(costs)


class Validate(Callback):
    """Asks how good each member is."""

    def __init__(self, history: History, validate: Validation) -> None:
        self.kept, self.validate = history, validate

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Validate all members of the module."""
        module = unwrapped(net)
        module.eval()
        keys, figures = zip(*self.validate(module), strict=True)
        self.kept.keys = dict(zip(self.kept.members, keys, strict=True))
        self.kept.figures.append(dict(zip(self.kept.members, figures, strict=True)))


class KeepBest(Callback):
    """Keeps the best state of each member, if its parameters are finite; buffers need not be."""

    def __init__(self, history: History) -> None:
        self.kept = history

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep what is better than before."""
        module, kept = unwrapped(net), self.kept
        buffers = {name for name, _ in module.named_buffers()}
        for position, member in enumerate(kept.members):
            if member in kept.alive and kept.keys[member] > kept.best_key(member):
                state = module.member_state(position)
                if all(np.isfinite(state[name]).all() for name in state.keys() - buffers):
                    kept.best[member] = (kept.keys[member], kept.epoch, state)
        if not kept.best:
            kept.stop_at_infinity(
                f"Parameters or validation figures are not finite after epoch {kept.epoch}, though the cost is"
            )


class Record(Callback):
    """Writes the validation figures of the best member into skorch's history, where the user's callbacks find them."""

    def __init__(self, history: History) -> None:
        self.kept = history

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Write the figures of an epoch."""
        for name, value in self.kept.figures[-1][self.kept.leader].items():
            net.history.record(f"valid_{name}", value)


class Show(Callback):
    """Shows epochs and the figures of the best member in a progress bar."""

    def __init__(self, history: History, *, silent: bool) -> None:
        self.kept, self.silent = history, silent

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Start the bar."""
        self._bar = tqdm(
            total=self.kept.max_epochs, initial=len(self.kept.figures), unit="epoch", disable=self.silent
        )

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Show an epoch."""
        figures = self.kept.figures[-1][self.kept.leader]
        shown = {name: value for name, value in figures.items() if not isinstance(value, dict)}
        self._bar.set_postfix(shown)
        self._bar.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """End the bar."""
        self._bar.close()


class DropHopeless(Callback):
    """Drops the worse half of the members now and then."""

    def __init__(self, history: History) -> None:
        self.kept = history

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Drop members, if it is time."""
        kept = self.kept
        if kept.epoch not in _HALVINGS:
            return
        by_quality = sorted(kept.alive, key=kept.best_key, reverse=True)
        best = by_quality[: (len(by_quality) + 1) // 2]
        kept.alive = [member for member in kept.alive if member in best]
        if len(kept.alive) < len(kept.members) and _processes.count() == 1:
            keep_members(net, [kept.members.index(member) for member in kept.alive])
            kept.members = list(kept.alive)


class LosePatience(Callback):
    """Says when the best member has not become better for so many epochs."""

    def __init__(self, history: History, patience: int, warmup_epochs: int) -> None:
        self.kept, self.patience, self.warmup_epochs = history, patience, warmup_epochs

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Compare the epoch with the best."""
        since = max(self.kept.best[self.kept.leader][1], self.warmup_epochs)
        self.kept.exhausted = self.kept.epoch - since >= self.patience


class Save(Callback):
    """Keeps the state of training on disk."""

    def __init__(self, history: History, checkpoint: Checkpoint) -> None:
        self.kept, self.checkpoint = history, checkpoint

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Write the state after an epoch."""
        self.checkpoint.save(net, self.kept)


class ClipGradients(Callback):
    """Lets a module that has a method `clip_gradients` keep its steps short."""

    def on_grad_computed(self, net: NeuralNet, named_parameters: Any, **kwargs: Any) -> None:
        """Clip the gradients of a batch."""
        module = unwrapped(net)
        if hasattr(module, "clip_gradients"):
            module.clip_gradients()


class Stop(Callback):
    """Ends training when there is nothing more to be gained."""

    def __init__(self, history: History) -> None:
        self.kept = history

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """End training, if it is time."""
        if self.kept.exhausted:
            raise EndOfTraining


def standard_callbacks(
    history: History,
    validate: Validation,
    *,
    patience: int,
    warmup_epochs: int,
    checkpoint: Checkpoint | None,
    silent: bool,
) -> list[Callback]:
    """Make the callbacks of a training, in their order, but for `Stop`, which is the last of all."""
    return [
        ClipGradients(),
        KeepCosts(history),
        Validate(history, validate),
        KeepBest(history),
        Record(history),
        Show(history, silent=silent),
        DropHopeless(history),
        LosePatience(history, patience, warmup_epochs),
        *([] if checkpoint is None else [Save(history, checkpoint)]),
    ]


def check_callbacks(callbacks: Any) -> list[Callback]:
    """Check callbacks of the user's.

    Raises
    ------
    ValueError
        If one is not a skorch callback.
    """
    listed = list(callbacks or ())
    for callback in listed:
        if not isinstance(callback, Callback):
            raise ValueError(
                f"callbacks must be skorch callbacks, made by calling their classes; got {callback!r}."
            )
    return listed
