"""Two samples of different people, for others: a page and JSON; small groups are suppressed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..metrics import PreferenceFrame, compare_samples
from ..metrics._core._names import SMALLEST_SHOWN, group_name, printable
from ..metrics._core._units import Unit
from ._findings import check_min_group_size
from ._table_report import TableReport, package_version

#: What is known of a group.
HIGHER, LOWER, OPEN = "higher", "lower", "cannot be told"


class SampleReport(TableReport):
    """Compare the risks of groups in two samples of different people; see `compare_samples`.

    Parameters
    ----------
    new, old : PreferenceFrame
    alpha : float
        One minus the confidence.
    margin : float
        Increase of risk that is not yet called higher.
    randomized : bool
        Whether it was left to chance who was served by which model.
    min_group_size : int
        Groups with fewer people in either sample are suppressed.
    source, baseline : str
        Names of the samples.
    """

    _template = "samples.html.jinja"

    def __init__(
        self,
        new: PreferenceFrame,
        old: PreferenceFrame,
        *,
        alpha: float = 0.05,
        margin: float = 0.0,
        randomized: bool = False,
        min_group_size: int = SMALLEST_SHOWN,
        source: str = "",
        baseline: str = "",
    ) -> None:
        check_min_group_size(min_group_size)
        self.alpha, self.margin, self.randomized = alpha, margin, randomized
        self.min_group_size, self.source, self.baseline = min_group_size, source, baseline
        self.loss_name = new.loss_name
        comparison = compare_samples(
            new, old, alpha=alpha, margin=margin, randomized=randomized, min_group_size=min_group_size
        )
        self._table, self.verdict = comparison.table, comparison.verdict

    @property
    def unit(self) -> Unit:
        """In what figures are written."""
        return Unit(self.loss_name)

    def groups(self) -> pd.DataFrame:
        """Return the groups that may be shown, those with the largest increase first; p-values are left out, because they tell those of the others."""
        table = self._table
        shown = (table["n"] >= self.min_group_size) & (table["n_old"] >= self.min_group_size)
        return (
            table[shown]
            .drop(columns=["p_value", "p_adjusted"])
            .sort_values("increase", ascending=False, kind="stable")
        )

    @property
    def n_suppressed(self) -> int:
        """Number of groups of both samples that are not shown."""
        compared = (self._table["n"] > 0) & (self._table["n_old"] > 0)
        return int(compared.sum()) - len(self.groups())

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the same as cells of text: a header, and a row per group."""
        unit = self.unit
        header = ["group", "people", "people before", "risk", "risk before"]
        header += [f"increase, {unit.name} ({100 * (1 - self.alpha):g} % interval)", "risk is"]
        rows = [
            [
                printable(group_name(label)),
                f"{row['n']:,}",
                f"{row['n_old']:,}",
                unit.risk(row["risk"]),
                unit.risk(row["risk_old"]),
                f"{unit.gain(row['increase'])} ({unit.gain(row['lower'])} to {unit.gain(row['upper'])})",
                HIGHER if row["higher"] else LOWER if row["upper"] < 0 else OPEN,
            ]
            for label, row in self.groups().iterrows()
        ]
        return header, rows

    def exit_status(self, fail_on: str = "harm") -> int:
        """Return 1 if some group has a higher risk, else 0; there is nothing else to fail on."""
        if fail_on != "harm":
            raise ValueError(f"fail_on must be 'harm' for different people; got {fail_on!r}.")
        return int(self._table["higher"].any())

    def _facts(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "baseline": self.baseline,
            "package": f"fairlearn_fwh {package_version()}",
            "verdict": self.verdict,
            "higher_risk_found": bool(self._table["higher"].any()),
            "loss": self.loss_name,
            "margin": float(self.margin),
            "alpha": float(self.alpha),
            "randomized": self.randomized,
        }
