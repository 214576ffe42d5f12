"""What a selector is given, checked and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ..base._tasks import task_of
from ..metrics._core._groups import group_columns
from ..metrics._core._label_sets import all_labels
from ..metrics._core._values import read_values
from ._columns import ColumnClassifier, ColumnRegressor
from ._guarantees import RELEASE
from ._model_table import check_candidates, check_pooled
from ._routing import is_list_of_candidates
from ._scores import is_score_of_amounts, resolve_score


def check_settings(selector: Any) -> None:
    """Check parameters that contradict each other, and what is chosen from.

    Raises
    ------
    TypeError
        If `estimator` is none of what can be chosen from, or has classifiers beside regressors.
    ValueError
        If parameters contradict each other.
    """
    if selector.prefit and selector.cross_fit not in (None, "auto"):
        raise ValueError(
            f"cross_fit={selector.cross_fit} fits classifiers and prefit=True fits none; choose one of them."
        )
    if is_list_of_candidates(selector.estimator):
        check_candidates(selector.estimator, prefit=selector.prefit)
    elif isinstance(selector.estimator, tuple | list):
        if len(selector.estimator) != 2:
            raise TypeError(
                "estimator must be a routed ensemble, (pooled, {group: classifier}), (baseline, mitigated model) or a list of (name, classifier); "
                f"got {len(selector.estimator)} things."
            )
        check_pooled(selector.estimator[0], "the first of two")
    elif selector.estimator is not None and not hasattr(selector.estimator, "predict_by_group"):
        raise TypeError(
            f"estimator must have predict_by_group; {type(selector.estimator).__name__} does not. Give a routed ensemble (inside "
            "a pipeline put NoHarmSelector around its last step), (pooled, {group: classifier}), "
            "(baseline, mitigated model) or a list of (name, classifier)."
        )
    _check_tasks(selector)
    if selector.guarantee == RELEASE and selector.strategy not in ("max_min", "in_order"):
        raise ValueError(
            f"strategy={selector.strategy!r} chooses group by group, and guarantee='release' decides for everybody at once; use 'max_min' (the best "
            "candidate overall) or 'in_order'."
        )
    if selector.reassign and is_list_of_candidates(selector.estimator):
        raise ValueError("reassign=True is for the classifiers of groups, not for a list of candidates.")


def _check_tasks(selector: Any) -> None:
    """Raise TypeError for regressors beside classifiers."""
    models = [model for _, model in selector.estimator] if is_list_of_candidates(selector.estimator) else []
    if isinstance(selector.estimator, tuple | list) and not models:
        pooled, others = selector.estimator
        models = [pooled, *(others.values() if isinstance(others, Mapping) else [others])]
    kinds = {task_of(model).estimator_type for model in models}
    if len(kinds) > 1:
        raise TypeError(
            "estimator has classifiers beside regressors: "
            + ", ".join(f"{type(model).__name__} ({task_of(model).estimator_type})" for model in models[:5])
            + ". Candidates must predict the same thing."
        )


def columns_as_models(
    table: pd.DataFrame, y_true: Any, settings: Mapping[str, Any]
) -> list[tuple[str, BaseEstimator]]:
    """Columns of answers as candidates: of amounts, where the score is one of regressors, else of labels or probabilities."""
    scoring = settings.get("scoring")
    if is_score_of_amounts(scoring):
        return [(str(name), ColumnRegressor(str(name))) for name in table]
    labels = all_labels(np.asarray(y_true), *(table[name].to_numpy() for name in table))
    are_probabilities = resolve_score(scoring).loss.predicts == "probabilities"
    classes = np.unique(np.asarray(y_true)) if are_probabilities else np.array(sorted(labels))
    return [(str(name), ColumnClassifier(str(name), classes)) for name in table]


def check_classes(ensemble: Any, seen: np.ndarray) -> np.ndarray:
    """Return the classes that the ensemble knows, of which those in y are some.

    Raises
    ------
    ValueError
        If y has others.
    """
    classes = np.asarray(ensemble.classes_)
    if unknown := [label for label in seen.tolist() if label not in classes.tolist()]:
        raise ValueError(
            f"y has labels that the classifiers of estimator do not know: {unknown[:5]!r}; they know "
            f"{classes[:10].tolist()!r}."
        )
    return classes


def as_frame(sensitive_features: Any, n_rows: int) -> pd.DataFrame:
    """Make a pandas frame of sensitive features, which can be split by rows; the ensemble reads them as it does."""
    columns = group_columns(sensitive_features, "sensitive_features")
    arrays = {name: _as_objects(column, name) for name, column in columns.items()}
    for name, array in arrays.items():
        if len(array) != n_rows:
            raise ValueError(
                f"Column {name!r} of sensitive_features has {len(array)} rows, but {n_rows} are expected."
            )
    return pd.DataFrame(arrays)


def _as_objects(column: Any, name: str) -> np.ndarray:
    """Values of a column as they were read, with None where one is missing."""
    values, missing = read_values(column, f"Column {name!r} of sensitive_features", allow_mixed=True)
    if not missing.any():
        return values
    values = values.astype(object)
    values[missing] = None
    return values
