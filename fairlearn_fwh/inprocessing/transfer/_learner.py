"""Tasks are learned together, and the epoch is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score
from skorch.callbacks import Callback

from ...metrics._core._groups import Groups
from ...metrics._equalized_odds import differential_equalized_odds
from .._training._batches import TensorTable
from .._training._history import Key
from .._training._learners import person_losses
from .._training._parameters import rates
from .._training._precision import multiplying
from .._training._trainer import train
from ._network import TARGET, TransferNetwork
from ._tasks import TaskRows, TaskSampler, rows_of_tasks, stack

#: Epochs whose macro F1 on the target is below this share of that of the single task are kept only if there is no other.
LEAST_SHARE_OF_F1 = 0.95


@dataclass
class TransferLearner:
    """Trains a network on several tasks.

    Attributes
    ----------
    network : TransferNetwork
    fitting, validation : list of TaskRows
        One for each task, the target first.
    target_groups : Groups or None
        Of the target's validation rows, to choose the epoch; -1 for people whose group is not known.
    alone : ndarray or None, shape (T,)
        Losses of the tasks when learned alone.
    least_f1 : float
        Of the target; epochs below are kept only if there is no other.
    sampler : TaskSampler
    """

    network: TransferNetwork
    fitting: Sequence[TaskRows]
    validation: Sequence[TaskRows]
    target_groups: Groups | None
    alone: np.ndarray | None
    least_f1: float
    sampler: TaskSampler

    def train(
        self,
        *,
        device: str,
        precision: str,
        encoder_learning_rate: float | None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> tuple[int, list[dict[str, Any]], bool]:
        """Train; the network ends in its best state.

        Returns
        -------
        best epoch, what is known after each, whether training was interrupted
        """
        self._table = TensorTable(stack(self.validation), device)
        self._rows = rows_of_tasks(self.validation)
        with multiplying(precision, device):
            history = train(
                self.network,
                stack(self.fitting),
                self._validate,
                n_members=1,
                optimizer="adam",
                parameter_groups=rates(encoder_learning_rate, "inputs.*", "encoder.*"),
                # Fairness is carried over slowly, and unsteadily: patience would end it.
                warmup_epochs=settings["max_epochs"] if self.network.fairness_losses else 0,
                draw=self.sampler,
                device=device,
                callbacks=[_Epochs(rows_of_tasks(self.fitting)), *callbacks],
                **settings,
            )
        _, epoch, state = history.best[0]
        self.network.load_arrays(state)
        self.network.cpu().eval()
        return epoch, [figures[0] for figures in history.figures], history.interrupted

    def _validate(self, network: TransferNetwork) -> list[tuple[Key, dict[str, Any]]]:
        losses = []
        for task, rows in enumerate(self._rows):
            scores, columns = network.scores(self._table, rows, task)
            losses.append(float((columns["weight"] * person_losses(scores, columns["y"])).mean()))
            if task == TARGET:
                figures = self._target_figures(scores.cpu().numpy(), columns["y"].cpu().numpy())
        figures = {"loss": losses[TARGET], **figures, "objective": sum(losses) + self._penalties(network)}
        if self.alone is not None:
            self.sampler.look(np.array(losses), self.alone)
        return [(self._key(network, figures), figures)]

    def _target_figures(self, scores: np.ndarray, y: np.ndarray) -> dict[str, float]:
        answers = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(int)
        figures = {"macro_f1": float(f1_score(y, answers, average="macro", zero_division=0.0))}
        if self.target_groups is not None:
            known = self.target_groups.codes >= 0
            figures["epsilon"] = differential_equalized_odds(
                y[known], answers[known], sensitive_features=self.target_groups.take(known)
            )
        return figures

    def _penalties(self, network: TransferNetwork) -> float:
        total = 0.0
        for task, loss in network.fairness_losses.items():
            answers, columns = network.answers(self._table, self._rows[task], task)
            counts = loss.count(answers, columns["y"], columns["group"])
            total += float(network.penalty(loss.epsilon(counts)))
        return total

    def _key(self, network: TransferNetwork, figures: dict[str, float]) -> Key:
        """Rank an epoch: good enough on the target, after burn-in, fair."""
        if not network.fairness_losses:
            return (-figures["loss"],)
        if np.isnan(figures["loss"]):
            return (-np.inf,)
        if figures["macro_f1"] < self.least_f1:
            return (0.0, 0.0, figures["macro_f1"])
        after_burn_in = float(network.epoch > network.term.burn_in)
        # Without groups the last epoch: fairness is carried over long after the losses have stopped falling, and nothing tells how far.
        return (1.0, after_burn_in, -figures["epsilon"] if "epsilon" in figures else network.epoch)


class _Epochs(Callback):
    """Tells the network that an epoch begins."""

    def __init__(self, rows: list[torch.Tensor]) -> None:
        self.rows = rows

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Begin an epoch."""
        net.module_.start_epoch(dataset_train, self.rows)
