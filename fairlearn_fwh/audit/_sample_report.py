"""Two samples of different people, for others: a page and JSON; small groups are suppressed."""

from __future__ import annotations

import importlib.metadata
import json
from typing import Any

import pandas as pd

from ..metrics import PreferenceFrame, compare_samples
from ..metrics._core._names import SMALLEST_SHOWN, full_name, group_name, printable
from ..metrics._core._units import Unit
from ._audit import environment, plain_record, sums_of
from ._findings import check_min_group_size

#: What is known of a group.
HIGHER, LOWER, OPEN = "higher", "lower", "cannot be told"


class SampleReport:
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
        """Number of groups that are not shown."""
        return len(self._table) - len(self.groups())

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

    def to_json(self, parts: dict[str, str] | None = None) -> str:
        """Return the comparison as JSON.

        Parameters
        ----------
        parts : dict from str to str, optional
            As for `Audit.to_json`.

        Returns
        -------
        str
        """
        report: dict[str, Any] = {
            "source": self.source,
            "baseline": self.baseline,
            "package": f"fairlearn_fwh {importlib.metadata.version('fairlearn-fwh')}",
            "verdict": self.verdict,
            "higher_risk_found": bool(self._table["higher"].any()),
            "loss": self.loss_name,
            "margin": float(self.margin),
            "alpha": float(self.alpha),
            "randomized": self.randomized,
            "min_group_size": self.min_group_size,
            "n_suppressed_groups": self.n_suppressed,
            "groups": [
                {"group": full_name(label)} | plain_record({str(name): value for name, value in row.items()})
                for label, row in self.groups().iterrows()
            ],
        }
        report |= sums_of(parts)
        return json.dumps(report, allow_nan=False, indent=2) + "\n"

    def to_html(self) -> str:
        """Return the comparison as one self-contained HTML page.

        Returns
        -------
        str

        Raises
        ------
        MissingExtraError
            If jinja2 is not installed.
        """
        template: Any = environment().get_template("samples.html.jinja")
        return template.render(
            report=self,
            table=self.table(),
            unit=self.unit,
            version=importlib.metadata.version("fairlearn-fwh"),
        )
