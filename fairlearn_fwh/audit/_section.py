"""What can be shown of one loss of a frame that was judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..metrics._core._units import Unit
from ._verdict import size_column

if TYPE_CHECKING:
    from ..metrics._preference_frame import PreferenceFrame


@dataclass(frozen=True)
class Section:
    """Figures in one loss, without telling who the people of small groups are.

    Attributes
    ----------
    loss : str
        Name of the loss.
    frame : PreferenceFrame
        Of that loss.
    tolerance, harm_margin, alpha : float
    min_group_size : int
    certificate, harm : DataFrame
        Claims about the loss and tests of them, adjusted over all losses.
    violated : DataFrame
        Those of them that the data contradict.
    power : DataFrame or None
        As `PreferenceFrame.power` gives it; None at tolerance 0.
    is_hidden : ndarray of bool, shape (A,)
        Audit groups that cannot be shown, in any loss.
    hides : bool
        Whether some group is too small to be shown: an audit group, or one by which classifiers are assigned.
    shows_everybody : bool
        Whether figures of everybody tell nothing of groups that are not shown.
    """

    loss: str
    frame: PreferenceFrame
    tolerance: float
    harm_margin: float
    alpha: float
    min_group_size: int
    certificate: pd.DataFrame
    harm: pd.DataFrame
    violated: pd.DataFrame
    power: pd.DataFrame | None
    is_hidden: np.ndarray
    hides: bool
    shows_everybody: bool

    @property
    def unit(self) -> Unit:
        """In what figures are written."""
        return Unit(self.frame.loss_name)

    @property
    def harmed_groups(self) -> set[Any]:
        """Labels of the audit groups that are significantly worse off than with the pooled classifier."""
        return set(self.violated.loc[self.violated["kind"] == "rationality", "group"])

    @property
    def groups(self) -> pd.DataFrame:
        """Figures of every audit group that may be shown; see `Findings.groups`."""
        return self.figures.drop(columns="method")[~self.is_hidden]

    @cached_property
    def figures(self) -> pd.DataFrame:
        """Figures of every audit group, also of those that cannot be shown, and by what method each was tested."""
        frame, table = self.frame, self.frame.by_group
        intervals = frame.gain_intervals(self.alpha)
        harm = self.harm[self.harm["kind"] == "rationality"]
        certificate = self.certificate[self.certificate["kind"] == "rationality"]
        units = {"units": frame._people()} if frame.has_units else {}
        result = table[["n"]].assign(
            **units,
            risk=table["risk"],
            pooled_risk=table["pooled_risk"],
            gain=table["rationality_gain"],
            lower=intervals["lower"],
            upper=intervals["upper"],
            negative_flip_rate=table["negative_flip_rate"],
            positive_flip_rate=table["positive_flip_rate"],
            p_harm=np.nan if self.hides else harm["p_adjusted"].to_numpy(),
            harmed=[label in self.harmed_groups for label in table.index],
            certified_bound=certificate["lower_bound"].to_numpy(),
            certified=certificate["certified"].to_numpy(),
            method=certificate["method"].to_numpy(),
        )
        if self.power is not None:
            result = result.join(self.power[["n_needed", "smallest_tolerance"]])
        return result

    @property
    def overall(self) -> dict[str, float]:
        """Figures of everybody; none where they would tell those of the suppressed groups."""
        if not self.shows_everybody:
            return {}
        overall = self.frame.overall.to_dict()
        names = ("n", "risk", "pooled_risk", "rationality_gain", "negative_flip_rate", "disagreement_rate")
        return {name: float(overall[name]) for name in names} | self._overall_test

    @cached_property
    def _overall_test(self) -> dict[str, float]:
        """Interval of the gain of everybody, by itself, and the p-value that there is none (two-sided)."""
        everybody = self.frame.as_one_group()
        if not everybody.can_be_tested:
            return {}
        interval = everybody.gain_intervals(self.alpha).iloc[0]
        p_values = [
            everybody.harm_tests()["p_value"].iloc[0],
            everybody.certify(tolerance=0.0, alpha=self.alpha)["p_value"].iloc[0],
        ]
        two_sided = min(1.0, 2 * float(np.nanmin(p_values))) if np.isfinite(p_values).any() else float("nan")
        return {"lower": float(interval["lower"]), "upper": float(interval["upper"]), "p_value": two_sided}

    @property
    def envy(self) -> pd.DataFrame | None:
        """Claims of envy-freeness of groups that may be shown, if envy was measured; see `Findings.envy`."""
        if not self.frame.has_envy:
            return None
        table = self.certificate[self.certificate["kind"] == "envy"]
        large = set(table.loc[table[size_column(self.frame)] >= self.min_group_size, "group"])
        table = table[table["group"].isin(large) & table["other"].isin(large)].drop(columns="kind")
        return table[["group", "other", "certified"]] if self.hides else table
