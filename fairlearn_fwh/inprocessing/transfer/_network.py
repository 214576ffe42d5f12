"""A shared encoder with a head for each task, and a fairness term on tasks whose groups are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .._training._batches import TensorTable
from .._training._learners import person_losses
from .._training._trained_alone import TrainedAlone
from ._equalized_odds_loss import DifferentialEqualizedOddsLoss

FAIRNESS_PATHS = ("encoder", "target_head", "auxiliary_head")

TARGET = 0

_CHUNK = 4096


@dataclass(frozen=True)
class FairnessTerm:
    """What is added to the loss of a task whose groups are known.

    Attributes
    ----------
    weight : float
        Of epsilon against the mean loss.
    epsilon_target : float
        Below it nothing is to be gained.
    path : {"encoder", "target_head", "auxiliary_head"}
        By which head answers are given, and what learns from it.
    burn_in : int
        Epochs at the start without it.
    """

    weight: float
    epsilon_target: float
    path: str
    burn_in: int


class TransferNetwork(TrainedAlone):
    """An encoder that tasks share, with a linear head for each.

    Parameters
    ----------
    inputs : sequence of torch modules
        By which the features of each task enter the encoder.
    encoder : torch module
    heads : sequence of Linear
        The first is that of the target.
    losses : dict from task to DifferentialEqualizedOddsLoss
        For tasks that are to become fair.
    term : FairnessTerm
    in_bfloat16 : bool
        Whether the encoder learns with products in bfloat16; losses are always computed in float32.
    """

    def __init__(
        self,
        inputs: Sequence[nn.Module],
        encoder: nn.Module,
        heads: Sequence[nn.Linear],
        losses: dict[int, DifferentialEqualizedOddsLoss],
        term: FairnessTerm,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.encoder, self.heads = nn.ModuleList(inputs), encoder, nn.ModuleList(heads)
        self.fairness_losses = losses
        self.term = term
        self.in_bfloat16 = in_bfloat16
        self.epoch = 0

    def encode(self, X: Tensor, task: int) -> Tensor:
        """Representation of people of a task, shape (B, m)."""
        with torch.autocast(X.device.type, torch.bfloat16, enabled=self.in_bfloat16 and self.training):
            return self.encoder(self.inputs[task](X)).float()

    def forward(self, X: Tensor, y: Tensor, group: Tensor, weight: Tensor, task: Tensor) -> Tensor:
        """Mean loss of a batch, all of one task, and its fairness term, shape (1,)."""
        number = int(task[0])
        representation = self.encode(X, number)
        scores = self.heads[number](representation)
        cost = (weight * person_losses(scores, y)).mean()
        if self.is_fair(number):
            loss = self.fairness_losses[number]
            epsilon = loss(probabilities(self.fairness_scores(representation, scores, number)), y, group)
            # Only a share `decay` of the counts has a gradient.
            cost = cost + self.penalty(epsilon) / loss.decay
        return cost[None]

    def is_fair(self, task: int) -> bool:
        """Whether a task has a fairness term in this epoch."""
        return task in self.fairness_losses and self.epoch > self.term.burn_in

    def penalty(self, epsilon: Tensor) -> Tensor:
        """What epsilon costs."""
        return self.term.weight * torch.relu(epsilon - self.term.epsilon_target)

    def fairness_scores(self, representation: Tensor, scores: Tensor, task: int) -> Tensor:
        """Scores that are to be fair; `scores` are those of the task's own head."""
        if self.term.path == "auxiliary_head":
            return scores
        head = self.heads[TARGET if self.term.path == "target_head" else task]
        return linear(representation, head.weight.detach(), head.bias.detach())

    def get_state(self) -> dict[str, Any]:
        """What is remembered besides parameters and buffers."""
        return {
            "epoch": self.epoch,
            "losses": {task: loss.state_dict() for task, loss in self.fairness_losses.items()},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember it again."""
        self.epoch = state["epoch"]
        for task, loss in self.fairness_losses.items():
            loss.load_state_dict(state["losses"][task])

    def start_epoch(self, table: TensorTable, rows: dict[int, Tensor]) -> None:
        """Count the epoch; after burn-in count everybody's answers once."""
        self.epoch += 1
        if self.epoch != self.term.burn_in + 1:
            return
        for task, loss in self.fairness_losses.items():
            answers, columns = self.answers(table, rows[task], task)
            loss.start(answers, columns["y"], columns["group"])

    def answers(self, table: TensorTable, rows: Tensor, task: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Probabilities that are to be fair, of rows of a task, shape (n, C), and the rows' columns but X."""

        def ask(X: Tensor) -> Tensor:
            representation = self.encode(X, task)
            scores = self.heads[task](representation)
            return probabilities(self.fairness_scores(representation, scores, task))

        return self._of_rows(ask, table, rows)

    def scores(self, table: TensorTable, rows: Tensor, task: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Scores of rows of a task by its own head, shape (n, O), and the rows' columns but X."""
        return self._of_rows(lambda X: self.heads[task](self.encode(X, task)), table, rows)

    @torch.no_grad()
    def _of_rows(
        self, ask: Callable[[Tensor], Tensor], table: TensorTable, rows: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        training = self.training
        self.eval()
        answers, parts = [], []
        for batch, _ in table.batches(rows.split(_CHUNK)):
            answers.append(ask(batch.pop("X")))
            parts.append(batch)
        self.train(training)
        return torch.cat(answers), {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def probabilities(scores: Tensor) -> Tensor:
    """Probabilities of all classes, shape (B, C), also where one score is for two of them."""
    if scores.shape[1] == 1:
        positive = torch.sigmoid(scores)
        return torch.cat([1 - positive, positive], dim=1)
    return torch.softmax(scores, dim=1)
