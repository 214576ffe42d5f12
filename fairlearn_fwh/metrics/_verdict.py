"""What a preference frame says, in one plain sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ._arrays import group_name

if TYPE_CHECKING:
    from ._preference_frame import PreferenceFrame

#: Groups with fewer people are not named: their counts could identify somebody.
SMALLEST_SHOWN = 10

#: Groups that are named in a sentence, the worst first.
_MAX_NAMED = 10


def verdict(
    frame: PreferenceFrame,
    *,
    tolerance: float = 0.01,
    alpha: float = 0.05,
    claims: str = "rationality",
    min_group_size: int = SMALLEST_SHOWN,
) -> str:
    """Say whether any group is harmed, and how sure that is.

    Parameters
    ----------
    frame : PreferenceFrame
        Made from data that took no part in fitting or choosing.
    tolerance : float
        Loss that counts as none.
    alpha : float
        One minus the confidence, for all claims together.
    claims : {"rationality", "envy", "all"}
        What is claimed of every group.
    min_group_size : int
        Smaller groups are counted, not named.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a parameter is out of range, or envy is asked for and was not measured.

    Examples
    --------
    >>> from fairlearn_fwh.audit import verdict
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
    ...                         groups=["a"] * 100 + ["b"] * 100)
    >>> verdict(frame)
    'harms a (-50.0 points, 100 people), b (-50.0 points, 100 people), with 95 % confidence.'
    """
    confidence = f"{100 * (1 - alpha):g} % confidence"
    words = _Words(frame, min_group_size)
    about_envy = frame.has_envy and claims != "rationality"
    if frame.overall["disagreement_rate"] == 0 and not about_envy:
        return "gives everybody the pooled prediction: nobody is harmed and nobody gains."
    violations = frame.violations(alpha=alpha, claims=claims)
    harmed = violations[violations["kind"] == "rationality"]
    envious = violations[violations["kind"] == "envy"]
    found = []
    if len(harmed):
        found.append(f"harms {words.listed(harmed, lambda row: f'{words.loss(row.gain)}, {row.n:,} people')}")
    if len(envious):
        others = words.listed(
            envious, lambda row: f"{words.loss(row.gain)} against that of {group_name(row.other)}"
        )
        found.append(f"gives a worse classifier than another group's to {others}")
    if found:
        return f"{' and '.join(found)}, with {confidence}."
    table = frame.certify(tolerance=tolerance, alpha=alpha, claims=claims)
    unsure = table[~table["certified"] & (table["n"] > 0)]
    limit = words.tolerance(tolerance)
    if not len(unsure):
        return f"no group loses more than {limit}, with {confidence}."
    # Sizes and bounds of assigned groups could tell those of audit groups that are too small to be shown.
    parts = [
        words.listed(part, describe)
        for kind, describe in (
            ("rationality", lambda row: f"{row.n:,} people, bound {words.bound(row.lower_bound)}"),
            ("envy", lambda row: "against another group's classifier"),
        )
        if len(part := unsure[unsure["kind"] == kind].drop_duplicates("group"))
    ]
    return (
        f"no harm found, but a loss of more than {limit} cannot be ruled out with {confidence} for "
        f"{', '.join(parts)}."
    )


@dataclass(frozen=True)
class _Words:
    """Figures of a frame in words: percentage points for the 0-1 loss, units of the loss for others."""

    frame: PreferenceFrame
    min_group_size: int

    @property
    def _in_points(self) -> bool:
        return self.frame.loss_name == "zero_one"

    def loss(self, gain: float) -> str:
        return f"{100 * gain:+.1f} points" if self._in_points else f"{gain:+.4g}"

    def bound(self, gain: float) -> str:
        return f"{100 * gain:+.1f}" if self._in_points else f"{gain:+.4g}"

    def tolerance(self, tolerance: float) -> str:
        if not self._in_points:
            return f"{tolerance:g} of {self.frame.loss_name} loss"
        return f"{100 * tolerance:g} point{'' if tolerance == 0.01 else 's'} of accuracy"

    def listed(self, table: pd.DataFrame, describe: Callable[[Any], str]) -> str:
        is_shown = table["n"] >= self.min_group_size
        shown = table[is_shown].sort_values("gain", kind="stable")
        parts = [f"{group_name(row.group)} ({describe(row)})" for row in shown.head(_MAX_NAMED).itertuples()]
        if (more := len(shown) - _MAX_NAMED) > 0:
            parts.append(f"{more:,} more")
        if hidden := table.loc[~is_shown, "group"].nunique():
            parts.append(
                f"{hidden} group{'s' if hidden > 1 else ''} of fewer than {self.min_group_size} people"
            )
        return ", ".join(parts)
