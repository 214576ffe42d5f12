"""The rule that says which groups keep their own classifier."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ._core._units import plain_gain
from ._preference_frame import PreferenceFrame

RULES = ("certified", "empirical")


def keep_own_classifier(
    frame: PreferenceFrame,
    *,
    rule: str = "certified",
    tolerance: float = 0.0,
    alpha: float = 0.05,
    method: str = "tango",
    people: Any = None,
) -> pd.DataFrame:
    """Decide which groups keep their own classifier and which are given back to the pooled one.

    Parameters
    ----------
    frame : PreferenceFrame
        Made from data that took no part in fitting or choosing the classifiers. Its audit groups are decided on.
    rule : {"certified", "empirical"}
        Keep if the gain is certified to be above ``-tolerance`` (for all groups together), or if it is
        above ``-tolerance`` in this sample. Ties at tolerance 0 go to the pooled classifier.
    tolerance : float
        Largest loss that counts as none, in units of the loss.
    alpha : float
        Probability of a false certificate; for "certified" only.
    method : {"tango", "exact"}
        Test, as for `PreferenceFrame.certify`.
    people : array-like of shape (n_groups,), optional
        Where groups of the frame have the same people, such as several candidates for one group: whose rows each has. Groups with
        different labels have no people in common. By default no two groups have.

    Returns
    -------
    DataFrame
        One row per group: `n`, `gain`, `lower_bound`, `p_adjusted`, `keep`, and `reason` in words.

    Raises
    ------
    ValueError
        If `rule` is unknown, `tolerance` or `alpha` is out of range, `method` does not fit the loss, or `people` is not one
        label per group.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PreferenceFrame, keep_own_classifier
    >>> frame = PreferenceFrame(y_true=[1] * 80, y_pred=[1] * 80, y_pred_pooled=[0, 1] * 40,
    ...                         groups=["a"] * 40 + ["b"] * 40)
    >>> keep_own_classifier(frame)["keep"].to_dict()
    {'a': True, 'b': True}
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {list(RULES)}; got {rule!r}.")
    if frame.has_overlapping_groups:
        raise ValueError("keep_own_classifier needs groups without people in common: decide before `over`.")
    if rule == "empirical" and not frame.can_be_tested:
        table = frame._untested_gains()
    else:
        table = frame._certify_rationality(tolerance, alpha, method, people)
    table = table.set_index("group")
    return decide(table, rule, tolerance)


def decide(table: pd.DataFrame, rule: str, tolerance: float) -> pd.DataFrame:
    """Apply the rule to a table of `n`, `gain`, `lower_bound`, `p_adjusted`, `certified` and `identical` by group."""
    keep = table["certified"] if rule == "certified" else (table["gain"] > -tolerance) | table["identical"]
    reasons = [_reason(row, rule, tolerance) for row in table.itertuples()]
    return table[["n", "gain", "lower_bound", "p_adjusted"]].assign(keep=keep.to_numpy(bool), reason=reasons)


def _reason(row: Any, rule: str, tolerance: float) -> str:
    if row.n == 0:
        return "nobody of the group is in the sample"
    if row.identical:
        return "served by the pooled classifier"
    limit = f"above {plain_gain(-tolerance)}" if tolerance else "above 0"
    found = f"gain {plain_gain(row.gain)} of {row.n:,} people"
    if rule == "empirical":
        return f"{found}; kept if {limit}"
    return f"{found}, adjusted p-value of a gain {limit}: {row.p_adjusted:.2g}"
