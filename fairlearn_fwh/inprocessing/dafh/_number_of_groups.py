"""How many groups: one more only if it is shown to help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from ...metrics import PreferenceFrame
from ...metrics._core._label_sets import all_labels

Candidate = TypeVar("Candidate")


def choose_number_of_groups(
    candidates: Iterable[tuple[int, Candidate]],
    predict: Callable[[Any], tuple[np.ndarray, int]],
    y: np.ndarray,
    y_pred_pooled: np.ndarray,
    *,
    loss: Any,
    sample_weight: np.ndarray | None,
    min_group_size: int,
    alpha: float,
) -> tuple[Candidate | None, list[dict[str, Any]]]:
    """Add groups as long as the gain over one group fewer is certified.

    The tests come one after the other and end with the first that fails, so that all of them together keep the level
    `alpha`.

    Parameters
    ----------
    candidates : iterable of (number of groups, candidate)
        In the order of the numbers, from 2 on; made only when they are needed.
    predict : callable (candidate) -> (labels, size of the smallest group)
        Predictions for the choosing rows.
    y, y_pred_pooled : ndarray, shape (n,)
        True labels of the choosing rows, which took no part in training, and the pooled classifier's predictions.
    loss : str or callable
    sample_weight : ndarray, shape (n,), or None
    min_group_size : int
        Fewest people in a group.
    alpha : float

    Returns
    -------
    candidate : Candidate or None
        The last that was accepted; None for one group, the pooled classifier.
    history : list of dict
        For each number that was tried: `n_groups`, `gain` over the number before, `p_value`, `smallest_group`,
        `accepted`.
    """
    chosen: Candidate | None = None
    current, history = y_pred_pooled, []
    for n_groups, candidate in candidates:
        predicted, smallest = predict(candidate)
        frame = PreferenceFrame(
            y_true=y,
            y_pred=predicted,
            y_pred_pooled=current,
            loss=loss,
            sample_weight=sample_weight,
            labels=all_labels(y, predicted, current) if loss == "zero_one" else None,
        )
        claim: Any = frame.certify(tolerance=0.0, alpha=alpha).iloc[0]
        accepted = bool(claim["certified"]) and not claim["identical"] and smallest >= min_group_size
        history.append(
            {
                "n_groups": n_groups,
                "gain": float(frame.overall.to_dict()["rationality_gain"]),
                "p_value": float(claim["p_adjusted"]),
                "smallest_group": smallest,
                "accepted": accepted,
            }
        )
        if not accepted:
            break
        chosen, current = candidate, predicted
    return chosen, history
