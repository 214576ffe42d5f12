"""Recall at a given alarm rate: two scores compared where each raises equally many alarms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._paired_scores import PairedScores
from ._preference_frame import PreferenceFrame


def alarm_frame(
    y_true: Any,
    score: Any,
    *,
    score_pooled: Any,
    alarm_rate: float,
    sensitive_features: Any = None,
    units: Any = None,
    pos_label: Any = None,
) -> PreferenceFrame:
    """Compare whom two scores miss if each may raise an alarm for the same share of all people.

    The people with the highest scores get an alarm, as many by each score as `alarm_rate` allows; who ties with somebody who would be one too many gets none.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels of two classes.
    score, score_pooled : array-like, shape (n,)
        What people got, and the baseline's; higher means more likely positive.
    alarm_rate : float
        Largest share of all people, whatever their group, who get an alarm.
    sensitive_features : array-like, shape (n,), DataFrame or dict, optional
        Audit groups.
    units : array-like, shape (n,), optional
        Whose rows belong together.
    pos_label : label, optional
        The positive class; by default 1 where labels are 0 and 1, or -1 and 1.

    Returns
    -------
    PreferenceFrame
        Of the losses "missed" (one minus recall) and "false_alarm".

    Raises
    ------
    ValueError
        If `alarm_rate` is not between 0 and 1, a score raises no alarm, or as for `RankingFrame`.

    See Also
    --------
    RankingFrame : Ranking as a whole.

    Notes
    -----
    Both thresholds come from these people; the tests take them as given. With a few hundred people or more that makes little difference.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.metrics import alarm_frame
    >>> rng = np.random.default_rng(0)
    >>> y, groups = rng.integers(0, 2, 4000), rng.choice(["a", "b"], 4000)
    >>> old = y + rng.standard_normal(4000)
    >>> new = np.where(groups == "a", y + 2 * rng.standard_normal(4000), old)
    >>> frame = alarm_frame(y, new, score_pooled=old, alarm_rate=0.2, sensitive_features=groups)
    >>> frame.violations(alpha=0.05)[["loss", "group", "gain"]].round(2).values.tolist()
    [['missed', 'b', -0.1], ['false_alarm', 'a', -0.1]]
    """
    if (
        isinstance(alarm_rate, bool)
        or not isinstance(alarm_rate, float | np.floating)
        or not 0 < alarm_rate < 1
    ):
        raise ValueError(f"alarm_rate must be between 0 and 1, a share of all people; got {alarm_rate!r}.")
    scores = PairedScores.read(
        ("score", "score_pooled"), y_true, score, score_pooled, sensitive_features, units, pos_label
    )
    own, pooled = (
        _alarms(values, float(alarm_rate), name)
        for values, name in ((scores.own, "score"), (scores.other, "score_pooled"))
    )
    losses: Any = ["missed", "false_alarm"]
    return PreferenceFrame(
        y_true=scores.positive.astype(int),
        y_pred=own,
        y_pred_pooled=pooled,
        sensitive_features=sensitive_features,
        units=units,
        loss=losses,
        labels=[0, 1],
    )


def _alarms(scores: np.ndarray, alarm_rate: float, name: str) -> np.ndarray:
    """Who gets an alarm, as 0 and 1."""
    most = int(np.floor(alarm_rate * len(scores) + 1e-9))
    # The highest score that would be one too many.
    first_without = np.sort(scores)[::-1][most] if most < len(scores) else -np.inf
    alarms = scores > first_without
    if not alarms.any():
        raise ValueError(
            f"{name} raises no alarm at alarm_rate={alarm_rate:g}: more people than that share the highest score. Raise alarm_rate, or give scores that tell people apart."
        )
    return alarms.astype(int)
