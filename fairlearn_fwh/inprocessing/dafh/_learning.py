"""From people to groups: tables for torch, the learner, how many groups there are, and what is kept of what was learned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from ...base._answers import align_probabilities
from ...base._samples import Sample
from ...base._splits import split_rows
from .._training._callbacks import check_callbacks
from .._training._devices import torch_device
from .._training._scaling import standardize
from ._heads import make_classifiers, make_router
from ._learner import GroupLearner, LearnedGroups
from ._linear import start_near
from ._number_of_groups import choose_number_of_groups
from ._objectives import OBJECTIVES
from ._parts import LearnsGroups
from ._validation import Table


class LearnsByGradient:
    """Learns groups from rows that are all there at once."""

    certificates_: dict[Any, str]
    fallback_groups_: dict[Any, str]
    selection_history_: list[dict[str, Any]]
    _small_groups: dict[Any, str]
    _state: dict[str, np.ndarray] | None

    def _table(self: LearnsGroups, sample: Sample) -> Table:
        """Turn people into numbers for torch."""
        X = sample.numbers()
        codes, costs = np.searchsorted(self.classes_, sample.y), self._costs.matrix
        predicted = np.searchsorted(self.classes_, self._answers(self.pooled_estimator_, sample.X))
        pooled_risk = costs[codes, predicted]
        pooled_loss = pooled_risk
        if hasattr(self.pooled_estimator_, "predict_proba"):
            probabilities = align_probabilities(self.pooled_estimator_, sample.X, self.classes_)
            pooled_loss = (probabilities * costs[codes]).sum(axis=1)
        return Table(
            Z=self.scaler_.transform(X).astype(np.float32)
            if sparse.issparse(X)
            else standardize(self.scaler_, X),
            bins=None if self._bins is None else self._bins.codes(X),
            codes=codes,
            pooled_loss=pooled_loss.astype(np.float32),
            pooled_risk=pooled_risk,
            weights=sample.weights,
            costs=costs,
        )

    def _learner(
        self: LearnsGroups, start: np.ndarray, previous: dict[str, np.ndarray] | None
    ) -> GroupLearner:
        return GroupLearner(
            objective=OBJECTIVES[self.objective] if isinstance(self.objective, str) else self.objective,
            balance=self.balance,
            hidden_layer_sizes=self.hidden_layer_sizes,
            router=self.router,
            heads=self.heads,
            n_init=self.n_init,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            router_learning_rate=self.router_learning_rate,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience,
            alpha=self.alpha,
            device=None if self.accelerator is not None else torch_device(self.device),
            accelerator=self.accelerator,
            callbacks=check_callbacks(self.callbacks),
            verbose=self.verbose,
            start=start,
            costs=self._costs.matrix,
            bins=self._bins,
            previous=previous,
        )

    def _learn(
        self: LearnsGroups,
        fitting: Sample,
        validation: Sample,
        previous: dict[str, np.ndarray] | None,
        seed: np.random.RandomState,
    ) -> LearnedGroups | None:
        """Learn the groups; None if there is to be one."""
        table = self._table(fitting)
        learner = self._learner(
            start_near(
                self.pooled_estimator_, table.Z, table.codes, table.weights, self.scaler_, len(self.classes_)
            ),
            previous,
        )

        def learn(n_groups: int, validation: Table) -> LearnedGroups:
            return learner.learn(table, validation, n_groups, int(seed.randint(np.iinfo(np.int32).max)))

        if self.n_groups != "auto":
            return learn(int(self.n_groups), self._table(validation if len(validation) else fitting))
        if not len(validation):
            return None
        rows = split_rows(validation.y, 0.5, 0.0, seed, validation.units)
        judging, choosing = (validation.take(part) for part in rows[:2])
        if not len(choosing):
            return None
        tables = self._table(judging), self._table(choosing)
        n_rows = len(fitting) + len(validation)

        def candidates() -> Iterator[tuple[int, LearnedGroups]]:
            for k in range(2, self.max_groups + 1):
                learned = learn(k, tables[0])
                yield k, learned
                if learned.interrupted:
                    return

        def predict(learned: LearnedGroups) -> tuple[np.ndarray, int]:
            groups, decisions = learned.predict(tables[1])
            sizes = np.bincount(groups, minlength=decisions.shape[1])
            smallest = int(sizes.min() * n_rows / len(choosing))
            return self.classes_[decisions[np.arange(len(groups)), groups]], smallest

        chosen, self.selection_history_ = choose_number_of_groups(
            candidates(),
            predict,
            choosing.y,
            self._answers(self.pooled_estimator_, choosing.X),
            loss=self._loss(),
            sample_weight=choosing.weights,
            min_group_size=self._smallest_group(n_rows),
            alpha=self.alpha,
        )
        return chosen

    def _keep(self: LearnsGroups, learned: LearnedGroups) -> None:
        """Make what was learned ready for use."""
        self.fallback_groups_, self.certificates_ = {}, {}
        self._small_groups = {}
        self._state = learned.state
        self.router_ = make_router(learned.router, self.scaler_, self._bins)
        self._own_estimators = make_classifiers(
            learned.heads, self.scaler_, self.classes_, getattr(self, "feature_names_in_", None)
        )
        self.n_groups_ = len(self._own_estimators)
        self.temperatures_ = dict.fromkeys(range(self.n_groups_), np.nan)
        self.objective_history_, self.validation_history_ = learned.costs, learned.figures
        self.n_iter_, self.best_epoch_ = learned.n_iter, learned.best_epoch
        self.group_stability_ = learned.stability
        self._assign_classifiers()

    def _serve_everybody_by_pooled(self: LearnsGroups, sample: Sample, seed: np.random.RandomState) -> None:
        """Make one group of everybody, served by the pooled classifier."""
        self.pooled_estimator_ = self._fit_classifier(sample, seed)
        self.certificates_ = {}
        self.fallback_groups_ = {0: _why_one_group(self.selection_history_)}
        self._state, self.router_ = None, None
        self._own_estimators = {0: self.pooled_estimator_}
        self.n_groups_ = self.n_groups_effective_ = 1
        self.n_iter_ = self.best_epoch_ = 0
        self.group_sizes_, self.temperatures_ = {0: len(sample)}, {0: np.nan}
        self.objective_history_, self.validation_history_ = [], []
        self.group_stability_, self.collapsed_ = float("nan"), False
        self._assign_classifiers()


def _why_one_group(history: list[dict[str, Any]]) -> str:
    if not history:
        return "one group: there are too few rows to choose on"
    p_value, smallest = history[-1]["p_value"], history[-1]["smallest_group"]
    return f"one group is enough: two are not kept (p-value of their gain {p_value:.2g}, smaller group {smallest:,} people)"
