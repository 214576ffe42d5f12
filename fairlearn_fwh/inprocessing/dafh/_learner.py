"""Learn K groups and a classifier for each: starts, training, and which restart is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor, nn

from .._training._history import History
from .._training._seeding import seeded
from .._training._trainer import train
from ._network import LinearHeads, ModuleHeads, RoutedHeads, load_state
from ._objectives import Objective
from ._router import Bins
from ._validation import GroupValidation, Table, ask, nearly_best

#: Spread of the scores of the first half of the starts around the pooled classifier's, and of the others around 0.
_WARM_SPREAD, _RANDOM_SPREAD = 1.0, 1.5

#: Data with fewer rows are cut into small batches.
_SMALL_DATA, _SMALL_BATCH, _BATCH = 20_000, 256, 512

RouterFactory = Callable[[int, int], nn.Module]
HeadFactory = Callable[[int, int], nn.Module]


@dataclass(frozen=True)
class LearnedGroups:
    """What was learned.

    Attributes
    ----------
    router, heads : torch modules
        In evaluation mode, on the CPU.
    state : dict from str to ndarray
        Their parameters.
    costs : list of float
        Cost after each epoch of the restart that was kept.
    figures : list of dict
        Its validation figures after each epoch.
    n_iter, best_epoch : int
    stability : float
        Mean adjusted Rand index, on validation rows, between the groups of the restarts that gain nearly as much as the
        best; NaN if there is one.
    members : RoutedHeads
        Router and heads as one network.
    interrupted : bool
        Whether training was interrupted from the keyboard.
    """

    router: nn.Module
    heads: nn.Module
    state: dict[str, np.ndarray]
    costs: list[float]
    figures: list[dict[str, Any]]
    n_iter: int
    best_epoch: int
    stability: float
    members: RoutedHeads
    interrupted: bool

    def predict(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Group of each person (n,), and the class that each group's head decides for (n, K)."""
        groups, decisions = ask(self.members, table, "cpu")
        return groups[0], decisions[0]


@dataclass(frozen=True)
class GroupLearner:
    """How groups are learned; see `DAFHClassifier` for the parameters.

    Attributes
    ----------
    start : ndarray, shape (d + 1, O)
        Scores of the pooled classifier, or of a linear one, for standardised features.
    previous : dict or None
        State at which the first restart starts instead.
    """

    objective: Objective
    balance: float
    hidden_layer_sizes: Sequence[int]
    router: RouterFactory | None
    heads: HeadFactory | None
    n_init: int
    optimizer: str
    learning_rate: float
    router_learning_rate: float
    batch_size: int | None
    max_epochs: int
    patience: int
    alpha: float
    device: str | None
    accelerator: Any
    callbacks: Sequence[Any]
    verbose: int
    start: np.ndarray
    costs: np.ndarray
    bins: Bins | None
    previous: dict[str, np.ndarray] | None

    def learn(self, fitting: Table, validation: Table, n_groups: int, seed: int) -> LearnedGroups:
        """Train all restarts side by side and keep the best state of the best one."""
        with seeded(seed):
            module = self.make_module(n_groups, len(fitting))
            history = train(
                module,
                fitting.columns(),
                GroupValidation(validation, self.alpha, self.device),
                n_members=self.n_init,
                max_epochs=self.max_epochs,
                patience=self.patience,
                accelerator=self.accelerator,
                callbacks=self.callbacks,
                verbose=self.verbose,
                **self.training_settings(len(fitting), seed),
            )
        return self._best(module, history, validation)

    def training_settings(self, n_rows: int, seed: int) -> dict[str, Any]:
        """Arguments of the trainer that do not change while it trains."""
        return {
            "optimizer": self.optimizer,
            "learning_rate": self.router_learning_rate,
            "parameter_groups": [("head.*", {"lr": self.learning_rate / np.sqrt(len(self.start) - 1)})],
            "batch_size": self._batch_size(n_rows),
            "generator": torch.Generator().manual_seed(seed),
            "device": self.device,
        }

    def make_module(self, n_groups: int, n_rows: int) -> RoutedHeads:
        """Make the network at its start; torch's global generator must have been seeded."""
        inputs, n_outputs = len(self.start) - 1, self.start.shape[1]
        router_inputs = inputs + (0 if self.bins is None else len(self.bins.mean))
        make_router = self.router or self._rectified_network
        routers = [make_router(router_inputs, n_groups) for _ in range(self.n_init)]
        heads: list[nn.Module] = [LinearHeads(start) for start in self._starts(n_groups)]
        if self.heads is not None:
            heads = [
                ModuleHeads([self.heads(inputs, n_outputs) for _ in range(n_groups)])
                for _ in range(self.n_init)
            ]
        if self.previous is not None:
            load_state(routers[0], heads[0], self.previous)
        return RoutedHeads(
            routers=routers,
            heads=heads,
            bins=self.bins,
            objective=self.objective,
            balance=self.balance,
            batch_size=min(self._batch_size(n_rows), n_rows),
            n_groups=n_groups,
            costs=self.costs,
        )

    def _batch_size(self, n_rows: int) -> int:
        return self.batch_size or (_SMALL_BATCH if n_rows < _SMALL_DATA else _BATCH)

    def _rectified_network(self, n_inputs: int, n_groups: int) -> nn.Module:
        layers: list[nn.Module] = []
        for fan_in, fan_out in itertools.pairwise([n_inputs, *self.hidden_layer_sizes, n_groups]):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def _starts(self, n_groups: int) -> Tensor:
        """Start half of the members near the pooled classifier (or a linear one) and the others anywhere, shape (R, d + 1, K, O).

        Near copies of one classifier give the router little to learn from where that classifier is useless
        (two opposite rules); random heads do.
        """
        rows, n_outputs = self.start.shape
        heads = torch.randn(self.n_init, rows, n_groups, n_outputs) / np.sqrt(rows - 1)
        n_warm = (self.n_init + 1) // 2
        heads[:n_warm] *= _WARM_SPREAD
        heads[:n_warm] += torch.as_tensor(self.start[:, None], dtype=torch.float32)
        heads[n_warm:] *= _RANDOM_SPREAD
        return heads

    def _best(self, module: RoutedHeads, history: History, validation: Table) -> LearnedGroups:
        keys = {member: key for member, (key, _, _) in history.best.items()}
        candidates = nearly_best(keys, len(validation))
        _, epoch, state = history.best[candidates[0]]
        router, heads = module.modules_of(state)
        chosen = candidates[0]
        return LearnedGroups(
            router=router,
            heads=heads,
            state=state,
            costs=[float(costs[chosen]) for costs in history.costs if np.isfinite(costs[chosen])],
            figures=[figures[chosen] for figures in history.figures if chosen in figures],
            n_iter=len(history.costs),
            best_epoch=epoch,
            stability=self._stability([history.best[member][2] for member in candidates], module, validation),
            members=self.side_by_side([(router, heads)], module.running_shares.shape[1]),
            interrupted=history.interrupted,
        )

    def _stability(
        self, states: list[dict[str, np.ndarray]], module: RoutedHeads, validation: Table
    ) -> float:
        if len(states) < 2:
            return float("nan")
        pairs = [module.modules_of(state) for state in states]
        members = self.side_by_side(pairs, module.running_shares.shape[1])
        groups, _ = ask(members, validation, "cpu")
        return float(np.mean([adjusted_rand_score(a, b) for a, b in itertools.combinations(groups, 2)]))

    def side_by_side(self, pairs: list[tuple[nn.Module, nn.Module]], n_groups: int) -> RoutedHeads:
        """Put pairs of a router and heads side by side, on the CPU."""
        routers, heads = zip(*pairs, strict=True)
        return RoutedHeads(
            routers=routers,
            heads=heads,
            bins=self.bins,
            objective=self.objective,
            balance=self.balance,
            batch_size=1,
            n_groups=n_groups,
            costs=self.costs,
        )
