"""What a preference frame says, in one plain sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ..metrics import PreferenceFrame

#: Groups with fewer people are not named: their counts could identify somebody.
SMALLEST_SHOWN = 10


def verdict(frame: PreferenceFrame, *, tolerance: float = 0.01, alpha: float = 0.05) -> str:
    """Say whether any audit group is harmed, and how sure that is.

    Parameters
    ----------
    frame : PreferenceFrame
        Made from data that took no part in fitting or choosing, with the 0-1 loss.
    tolerance : float
        Loss of accuracy that counts as none.
    alpha : float
        One minus the confidence, for all groups together.

    Returns
    -------
    str
        Groups of fewer than 10 people are counted, not named.

    Examples
    --------
    >>> from fairlearn_fwh.experiments import verdict
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
    ...                         groups=["a"] * 100 + ["b"] * 100)
    >>> verdict(frame)
    'harms a (-50.0 points, 100 people), b (-50.0 points, 100 people), with 95 % confidence.'
    """
    confidence = f"{100 * (1 - alpha):g} % confidence"
    if frame.overall["disagreement_rate"] == 0:
        return "gives everybody the pooled prediction: nobody is harmed and nobody gains."
    harmed = frame.violations(alpha=alpha, claims="rationality")
    if len(harmed):
        listed = _list(harmed, lambda row: f"{100 * row.gain:+.1f} points, {row.n:,} people")
        return f"harms {listed}, with {confidence}."
    table = frame.certify(tolerance=tolerance, alpha=alpha, claims="rationality")
    points = f"{100 * tolerance:g} point{'' if tolerance == 0.01 else 's'}"
    if table["certified"].all():
        return f"no group loses more than {points} of accuracy, with {confidence}."
    unsure = table[~table["certified"]]
    listed = _list(unsure, lambda row: f"{row.n:,} people, bound {100 * row.lower_bound:+.1f}")
    return (
        f"no harm found, but a loss of more than {points} cannot be ruled out with {confidence} for {listed}."
    )


def _name(group: Any) -> str:
    return " x ".join(map(str, group)) if isinstance(group, tuple) else str(group)


def _list(table: pd.DataFrame, describe: Callable[[Any], str]) -> str:
    shown = table[table["n"] >= SMALLEST_SHOWN]
    parts = [f"{_name(row.group)} ({describe(row)})" for row in shown.itertuples()]
    if hidden := len(table) - len(shown):
        parts.append(f"{hidden} group{'s' if hidden > 1 else ''} of fewer than {SMALLEST_SHOWN} people")
    return ", ".join(parts)
