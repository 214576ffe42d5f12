"""What the parts of `DAFHClassifier` know of the estimator that they are parts of; mypy holds both sides to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ...base._samples import Sample
from ...metrics import PreferenceFrame
from ._decision_costs import DecisionCosts
from ._learner import GroupLearner, LearnedGroups
from ._router import Bins, Router
from ._validation import Table


class LearnsGroups(Protocol):
    """An estimator whose groups are learned.

    Parameters come first, then what a fit leaves, then what the parts ask of each other.
    """

    accelerator: Any
    alpha: float
    balance: float
    batch_size: int | None
    callbacks: Any
    device: str
    estimator: Any
    fallback: str | None
    heads: Any
    hidden_layer_sizes: Any
    learning_rate: float
    max_epochs: int
    max_groups: int
    min_group_size: int | None
    n_groups: int | str
    n_init: int
    objective: Any
    optimizer: str
    patience: int
    random_state: Any
    refit: bool | None
    router: Any
    router_learning_rate: float
    router_threshold: float
    tolerance: float
    verbose: int

    best_epoch_: int
    certificates_: dict[Any, str]
    classes_: np.ndarray
    collapsed_: bool
    fallback_groups_: dict[Any, str]
    group_estimators_: dict[Any, Any]
    group_sizes_: dict[Any, int]
    group_stability_: float
    n_groups_: int
    n_iter_: int
    objective_history_: list[float]
    validation_history_: list[dict[str, Any]]
    n_groups_effective_: int
    pooled_estimator_: Any
    router_: Router | None
    scaler_: Any
    selection_history_: list[dict[str, Any]]
    temperatures_: dict[int, float]
    _bins: Bins | None
    _own_estimators: dict[int, Any]
    _pooled_stream: Any
    _small_groups: dict[Any, str]
    _state: dict[str, np.ndarray] | None
    _stream: Any

    @property
    def groups_(self) -> list[Any]: ...
    @property
    def _costs(self) -> DecisionCosts: ...
    def _loss(self) -> Any: ...

    def predict(self, X: Any) -> np.ndarray: ...
    def predict_by_group(self, X: Any) -> pd.DataFrame: ...
    def preference_frame(
        self, X: Any, y: Any, *, sample_weight: Any = None, units: Any = None, loss: Any = None
    ) -> PreferenceFrame: ...

    def _check_predict_input(self, X: Any) -> Any: ...
    def _check_rows(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Sample: ...
    def _check_settings(self, n_rows: int | None = None) -> None: ...
    def _fit_classifier(self, sample: Sample, seed: np.random.RandomState) -> Any: ...
    def _table(self, sample: Sample) -> Table: ...
    def _learner(self, start: np.ndarray, previous: dict[str, np.ndarray] | None) -> GroupLearner: ...
    def _keep(self, learned: LearnedGroups) -> None: ...
    def _assign_classifiers(self) -> None: ...
    def _answers(self, model: Any, X: Any) -> np.ndarray: ...
    def _group_codes(self, X: Any) -> np.ndarray: ...
    def _group_probabilities(self, X: Any) -> np.ndarray: ...
    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]: ...
    def _warn_of_fallback(self) -> None: ...
    def _smallest_group(self, n_rows: int) -> int: ...
    def _decide_fallback(self, certifying: Sample) -> None: ...
    def _find_small_groups(self, smallest: int) -> int: ...
