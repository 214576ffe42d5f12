"""What a monitor knows, for others: a page with the course over time, and JSON; small groups are suppressed."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..exceptions import MissingExtraError
from ..metrics import PreferenceMonitor
from ..metrics._core._names import SMALLEST_SHOWN, full_name, group_name, printable
from ..metrics._core._units import Unit
from ..metrics._monitor_words import verdict_of
from ..metrics._shown_looks import last_shown, shown_looks
from ._audit import data_uri, environment, plain_record, sums_of
from ._course_plot import MAX_PANELS, grid
from ._findings import check_min_group_size
from ._status import state, status

#: What a comparison is with, in words.
AGAINST = {"baseline": "the baseline", "reference": "the fixed reference"}

#: What is known of a group.
HARM_FOUND, CERTIFIED, OPEN = "harm found", "certified", "cannot be told"


class MonitorReport:
    """Say what is known after the last look of a monitor.

    Parameters
    ----------
    monitor : PreferenceMonitor
        With at least one look.
    min_group_size : int
        Groups with fewer people are judged, but suppressed.
    source : str
        What was monitored, for the title.
    """

    def __init__(
        self, monitor: PreferenceMonitor, *, min_group_size: int = SMALLEST_SHOWN, source: str = ""
    ) -> None:
        check_min_group_size(min_group_size)
        self.monitor, self.min_group_size, self.source = monitor, min_group_size, source
        self.verdict = verdict_of(monitor, min_group_size)
        self._last = last_shown(monitor.history_, min_group_size)

    @property
    def unit(self) -> Unit:
        """In what figures are written."""
        return Unit(self.monitor.loss_name)

    def exit_status(self, fail_on: str = "harm") -> int:
        """Return what a command should exit with after the last look; as `Audit.exit_status`, without envy."""
        m = self.monitor
        return status(harm=m.harm_found, certified=m.certified, envy=False, fail_on=fail_on)

    def groups(self) -> pd.DataFrame:
        """Return what is known of the groups that may be shown, worst first: columns of `history_`."""
        last = self._last[self._last["people"] > 0]
        return last.sort_values(["against", "gain"], kind="stable", ignore_index=True)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the same as cells of text: a header, and a row per group."""
        groups, unit = self.groups(), self.unit
        records: list[dict[str, Any]] = [
            {str(name): value for name, value in row.items()} for row in groups.to_dict("records")
        ]
        several = groups["against"].nunique() > 1
        header = ["group", *(["against"] if several else []), f"{self.monitor.counted} so far", "new rows"]
        header += [f"gain so far, {unit.name}", "bounds at all looks together", "state"]
        rows = [
            [
                printable(group_name(row["group"])),
                *([AGAINST[row["against"]]] if several else []),
                f"{row['people']:,}",
                f"{row['n_new']:,}",
                unit.gain(row["gain"]),
                f"{unit.gain(row['lower'])} to {unit.gain(row['upper'])}",
                HARM_FOUND if row["harmed"] else CERTIFIED if row["certified"] else OPEN,
            ]
            for row in records
        ]
        return header, rows

    @property
    def n_suppressed(self) -> int:
        """Number of groups that are too small to be shown."""
        return int(self._last.loc[self._last["people"] == 0, "group"].nunique())

    @property
    def left_out(self) -> str:
        """How many rows of the last look were left out because their units had been seen before, in words; empty if none were."""
        history = self.monitor.history_
        mine = history[(history["look"] == self.monitor.n_looks_) & (history["against"] == "baseline")]
        n = int(mine["left_out"].max())
        return f"{n:,} row(s) of the last look were left out: their units had been seen before." if n else ""

    def looks(self) -> pd.DataFrame:
        """Return the looks, the last one first: `release`, `look`, `label`, `n_new` rows (NaN where some group is not shown), groups harmed and certified."""
        history = self.monitor.history_
        history = history[history["against"] == "baseline"]
        shown = shown_looks(history, self.min_group_size)["n_new"].reindex(history.index)
        # A group's rows of several looks are shown together where one of them was small.
        of_this_look = shown == history["n_new"]
        by_look = history.assign(n_new=history["n_new"].where(of_this_look)).groupby("look", sort=True)
        table = by_look.agg(
            release=("release", "first"),
            label=("label", "first"),
            n_groups=("group", "size"),
            harmed=("harmed", "sum"),
            certified=("certified", "sum"),
        )
        # The rows of a look could tell those of a group that is not shown at it; groups of margins have rows in common.
        return (
            table.assign(
                n_new=by_look["n_new"]
                .sum(min_count=1)
                .where((by_look["n_new"].count() == by_look.size()) & (self.monitor.over is None))
            )
            .reset_index()
            .iloc[::-1]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as what JSON can hold."""
        m = self.monitor
        history = shown_looks(m.history_, self.min_group_size).drop(columns="left_out")
        return {
            "source": self.source,
            "package": f"fairlearn_fwh {importlib.metadata.version('fairlearn-fwh')}",
            "verdict": self.verdict,
            "state": state(harm=m.harm_found, certified=m.certified),
            "harm_found": m.harm_found,
            "certified": m.certified,
            "loss": m.loss_name,
            "tolerance": float(m.tolerance),
            "harm_margin": float(m.harm_margin),
            "alpha": float(m.alpha),
            "design": m.design,
            "n_looks_planned": m.n_looks,
            "n_looks": m.n_looks_,
            "release": m.release_,
            "min_group_size": self.min_group_size,
            "n_suppressed_groups": self.n_suppressed,
            "left_out": self.left_out,
            "history": [
                plain_record({str(k): v for k, v in row.items()} | {"group": full_name(row["group"])})
                for row in history.drop(columns=["level", "information"]).to_dict("records")
            ],
        }

    def to_json(self, parts: dict[str, str] | None = None) -> str:
        """Return the report as JSON.

        Parameters
        ----------
        parts : dict from str to str, optional
            As for `Audit.to_json`.

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict() | sums_of(parts), allow_nan=False, indent=2) + "\n"

    def to_html(self) -> str:
        """Return the report as one self-contained HTML page.

        Returns
        -------
        str

        Raises
        ------
        MissingExtraError
            If jinja2 or matplotlib is not installed.
        """
        return (
            environment()
            .get_template("monitor.html.jinja")
            .render(
                report=self,
                monitor=self.monitor,
                table=self.table(),
                looks=self.looks().to_dict("records"),
                pictures=list(self._pictures()),
                unit=self.unit,
                version=importlib.metadata.version("fairlearn-fwh"),
            )
        )

    def _pictures(self) -> Iterator[tuple[str, str]]:
        """Title and data URI of each picture."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError.for_extra("The HTML report", "plot") from error
        groups = self.groups()
        for against, mine in groups.groupby("against"):
            n_rows, n_columns, size = grid(min(len(mine), MAX_PANELS))
            figure = Figure(figsize=size, layout="constrained")
            axes = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
            self.monitor.plot(ax=axes, against=str(against), min_group_size=self.min_group_size)
            yield f"Course against {AGAINST[str(against)]}", data_uri(figure)
