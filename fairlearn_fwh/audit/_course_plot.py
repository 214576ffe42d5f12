"""The course of a monitor as a picture: what was known of each group at each look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..metrics._core._units import Unit
from ..metrics._shown_looks import shown_looks
from ._plots import BLUE, VERMILION, label_text, new_panels

if TYPE_CHECKING:
    from ..metrics import PreferenceMonitor

#: Most groups that are drawn: those with the lowest gains.
MAX_PANELS = 12

_COLUMNS = 3
_GREY = "#555555"

#: State after a look: colour, marker, name.
_STATES = {
    "harmed": (VERMILION, "v", "harm found"),
    "certified": (BLUE, "o", "certified"),
    "open": (_GREY, "|", "cannot be told"),
}


def course_of(monitor: PreferenceMonitor, against: str, min_group_size: int) -> pd.DataFrame:
    """Rows of the history that are drawn: this release's (of the reference all), of the groups that may be shown.

    Raises
    ------
    ValueError
        If there is no such comparison, or no group may be shown.
    """
    history = monitor.history_
    if not len(history):
        raise ValueError("The monitor has no look yet; update it.")
    if against not in set(history["against"]):
        raise ValueError(f"against must be one of {sorted(history['against'].unique())}; got {against!r}.")
    table = shown_looks(history, min_group_size)
    table = table[table["against"] == against]
    if against == "baseline":
        table = table[table["release"] == table["release"].max()]
    if not len(table):
        raise ValueError(f"No group has {min_group_size} people yet.")
    worst = set(last_of(table).nsmallest(MAX_PANELS, "gain")["group"])
    return table[[label in worst for label in table["group"]]]


def last_of(table: pd.DataFrame) -> pd.DataFrame:
    """Last row of each group."""
    return table.drop_duplicates("group", keep="last")


def grid(n_groups: int) -> tuple[int, int, tuple[float, float]]:
    """Rows and columns of panels, and the size of the figure in inches."""
    n_columns = min(_COLUMNS, n_groups)
    n_rows = -(-n_groups // n_columns)
    return n_rows, n_columns, (max(3.2 * n_columns + 0.6, 5.5), 2.5 * n_rows + 1.1)


def plot_course(monitor: PreferenceMonitor, ax: Any, against: str, min_group_size: int) -> Any:
    """Plot the course of each group; see `PreferenceMonitor.plot`."""
    table = course_of(monitor, against, min_group_size)
    groups = list(last_of(table).sort_values("gain", kind="stable")["group"])
    if ax is None:
        n_rows, n_columns, size = grid(len(groups))
        _, ax = new_panels(n_rows, n_columns, size, sharex=True, sharey=True)
    panels = np.ravel(ax)
    if len(panels) < len(groups):
        raise ValueError(f"ax must have one axes per group, {len(groups)}; got {len(panels)}.")
    unit = Unit(monitor.loss_name)
    _limit(panels[0], table, unit.factor, monitor.tolerance)
    for panel, group in zip(panels, groups, strict=False):
        mine = table[[label == group for label in table["group"]]]
        _draw(panel, mine, unit.factor, monitor.tolerance)
        panel.set_title(
            f"{label_text(group)} ({int(mine['people'].iloc[-1]):,} {monitor.counted})", fontsize=10
        )
    for panel in panels[len(groups) :]:
        panel.set_visible(False)
    for panel in panels[max(len(groups) - _COLUMNS, 0) : len(groups)]:
        panel.tick_params(labelbottom=True)
    figure = panels[0].figure
    figure.supxlabel("look", fontsize=10)
    figure.supylabel(f"gain so far, {unit.name}; below 0 is harm", fontsize=10)
    figure.legend(*_legend(), loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return ax


def _draw(panel: Any, course: pd.DataFrame, factor: float, tolerance: float) -> None:
    looks = course["look"].to_numpy()
    gain, lower, upper = (factor * course[name].to_numpy() for name in ("gain", "lower", "upper"))
    panel.fill_between(looks, lower, upper, color="#BBBBBB", alpha=0.5, linewidth=0)
    panel.plot(looks, gain, color=_GREY, linewidth=1)
    panel.axhline(0, color="black", linewidth=1)
    if tolerance:
        panel.axhline(-factor * tolerance, color="black", linewidth=0.8, linestyle=":")
    state = np.where(course["harmed"], "harmed", np.where(course["certified"], "certified", "open"))
    for name, (colour, marker, _) in _STATES.items():
        here = state == name
        panel.plot(looks[here], gain[here], linestyle="", color=colour, marker=marker, markersize=6)
    panel.xaxis.get_major_locator().set_params(integer=True)


def _limit(panel: Any, table: pd.DataFrame, factor: float, tolerance: float) -> None:
    """Show gains, and bounds where they are not wide for want of people."""
    later = table[table["look"] > table["look"].min()]
    wide = later if len(later) else table
    gains = table["gain"]
    reach = max(float(gains.abs().max()), 2 * tolerance, 0.01)
    low = max(float(wide["lower"].quantile(0.25)), -4 * reach)
    high = min(float(wide["upper"].quantile(0.75)), 4 * reach)
    panel.set_ylim(factor * min(low, -1.3 * reach), factor * max(high, 1.3 * reach))


def _legend() -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], linestyle="", color=colour, marker=marker) for colour, marker, _ in _STATES.values()
    ]
    return [*handles, Patch(color="#BBBBBB", alpha=0.5)], [*(name for *_, name in _STATES.values()), "bounds"]
