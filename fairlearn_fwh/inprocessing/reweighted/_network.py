"""A learner and somebody who reweights people, trained together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from .._training._batches import TensorTable
from .._training._learners import Learner, person_losses, residuals
from .._training._trained_alone import TrainedAlone
from ._step import Costs, Step
from ._weighting import Batch, Weighting, effective_share, seen

_CHUNK = 4096


class ReweightedNetwork(TrainedAlone):
    """Lowers the weighted loss by the learner and raises it by the weighting, one step each per batch.

    Parameters
    ----------
    learner : Learner
    weighting : Weighting
    warmup_epochs : int
        Epochs in which everybody has the same weight.
    n_rows : int
        People to learn from; 0 if nobody's weight is to be kept.
    step : Step, optional
        How a batch moves the learner.
    in_bfloat16 : bool
        Whether the learner learns with products in bfloat16; losses are always computed in float32.
    """

    def __init__(
        self,
        learner: Learner,
        weighting: Weighting,
        warmup_epochs: int,
        n_rows: int = 0,
        step: Step | None = None,
        *,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.learner, self.weighting = learner, weighting
        self.step = step or Step()
        self.in_bfloat16 = in_bfloat16
        self.warmup_epochs = warmup_epochs
        self.epoch = 0
        self.effective_shares: list[float] = []
        self._shares: list[Tensor] = []
        self._judged: tuple[Tensor, Tensor]
        self.kept_weights = np.full(n_rows, np.nan)

    def person_losses(self, X: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of each person, shape (B,)."""
        return person_losses(self._ask(X)[1], y)

    def _ask(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """What enters the learner's last layer, shape (B, m), and its scores, shape (B, O), float32."""
        with torch.autocast(X.device.type, torch.bfloat16, enabled=self.in_bfloat16 and self.training):
            entered, scores = self.learner(X)
        return entered.float(), scores.float()

    def forward(self, X: Tensor, y: Tensor, weight: Tensor, row: Tensor) -> Tensor:
        """Weighted mean loss, shape (1,), whose gradient by the adversary has the other sign."""
        entered, scores = self._ask(X)
        losses = person_losses(scores, y)
        chosen = self._weights(X, y, weight, losses, entered, scores)
        if len(self.kept_weights):
            self.kept_weights[row.cpu().numpy()] = chosen.detach().cpu().numpy()
        self._shares.append(effective_share(chosen.detach()))
        cost = (weight * chosen.detach() * losses).mean()
        if chosen.requires_grad:
            raised = (weight * chosen * losses.detach()).mean()
            cost = cost - (raised - raised.detach())
        self._judged = losses, weight
        return cost[None]

    def backward(self, cost: Tensor) -> None:
        """Compute the gradients of the last batch."""
        self.step.backward(Costs(cost, *self._judged), self.learner)

    def clip_gradients(self) -> None:
        """Keep the learner's steps short."""
        self.step.clip(self.learner)

    def _weights(
        self, X: Tensor, y: Tensor, weight: Tensor, losses: Tensor, entered: Tensor, scores: Tensor
    ) -> Tensor:
        if self.epoch <= self.warmup_epochs:
            return torch.ones_like(losses)
        with torch.no_grad():
            batch = Batch(
                X=seen(X, entered), y=y, weight=weight, losses=losses.detach(), representation=entered.detach(), residuals=residuals(scores, y), last_weight=self.learner.weight.detach()
            )  # fmt: skip
        return self.weighting(batch)

    def get_state(self) -> dict[str, Any]:
        """What is remembered besides parameters and buffers, at the end of an epoch."""
        return {
            "epoch": self.epoch,
            "effective_shares": [*self.effective_shares[: self.epoch - 1], self._effective_share()],
            "kept_weights": self.kept_weights.tolist(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember it again."""
        self.epoch, self.effective_shares = state["epoch"], state["effective_shares"]
        self.kept_weights = np.array(state["kept_weights"])

    def start_epoch(self) -> None:
        """Count the epoch."""
        self._shares = []
        self.epoch += 1

    def end_epoch(self) -> None:
        """Keep the epoch's effective share."""
        self.effective_shares.append(self._effective_share())

    def _effective_share(self) -> float:
        return float(torch.stack(self._shares).mean())

    def weigh(self, X: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Weights that people of a batch would get now, shape (B,)."""
        entered, scores = self._ask(X)
        return self._weights(X, y, weight, person_losses(scores, y), entered, scores)


@torch.no_grad()
def all_losses(network: ReweightedNetwork, table: TensorTable) -> Tensor:
    """Losses of all people of a table, shape (n,); the network is in evaluation mode."""
    parts = torch.arange(len(table)).split(_CHUNK)
    return torch.cat([network.person_losses(batch["X"], batch["y"]) for batch, _ in table.batches(parts)])


@torch.no_grad()
def all_weights(network: ReweightedNetwork, table: TensorTable, batches: Sequence[Tensor]) -> Tensor:
    """Weights of all people of a table, shape (n,), found in these batches; the network is in evaluation mode."""
    weights = torch.empty(len(table), device=table.columns["y"].device)
    for rows, (batch, _) in zip(batches, table.batches(batches), strict=True):
        weights[rows] = network.weigh(batch["X"], batch["y"], batch["weight"])
    return weights


class Epochs(Callback):
    """Tells the network that an epoch begins and ends."""

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin an epoch."""
        net.module_.start_epoch()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """End an epoch."""
        net.module_.end_epoch()
