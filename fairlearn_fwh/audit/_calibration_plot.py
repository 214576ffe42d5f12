"""Reliability diagrams of two models, group by group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from ._plots import BLUE, VERMILION, label_text, new_panels

if TYPE_CHECKING:
    from ..metrics._calibration import CalibrationFrame

#: Most groups that are drawn, and panels in a row.
_MAX_DRAWN, _COLUMNS = 12, 3


def plot_calibration(frame: CalibrationFrame, min_group_size: int) -> Any:
    """Plot share of positives against mean probability, both models beside each other."""
    n = frame.by_group["n"].to_numpy()
    shown = np.flatnonzero(n >= max(min_group_size, 1))
    if not len(shown):
        raise ValueError(f"No group has min_group_size={min_group_size} people.")
    if len(shown) > _MAX_DRAWN:
        shown = np.sort(
            shown[np.argsort(frame.by_group["gain"].to_numpy()[shown], kind="stable")[:_MAX_DRAWN]]
        )
    columns = min(len(shown), _COLUMNS)
    n_rows = -(-len(shown) // columns)
    figure, axes = new_panels(n_rows, columns, (3.4 * columns, 3.5 * n_rows + 0.5), sharex=True, sharey=True)
    for ax, g in zip(axes.flat, shown, strict=False):
        ax.plot([0, 1], [0, 1], color="#999999", linewidth=1, zorder=1)
        for found, colour, marker, name, step in zip(
            frame._measured[g], (BLUE, VERMILION), "os", ("own", "pooled"), (0.006, -0.006), strict=True
        ):
            _, mean, share, error = found.bins.T
            half = stats.norm.isf(0.025) * error
            bars = np.array([np.minimum(half, share), np.minimum(half, 1 - share)])
            ax.errorbar(
                mean + step, share, yerr=bars, fmt=marker, color=colour, markersize=4, linewidth=1, label=name
            )
        ax.set_title(f"{label_text(frame._groups.labels[g])} ({n[g]:,} people)", fontsize=10)
        ax.set_aspect("equal")
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    figure.supxlabel("mean probability in a bin")
    figure.supylabel("share of positives (95 % intervals)")
    more = len(n) - len(shown)
    hidden = f"; {more:,} of {len(n):,} groups are not drawn" if more else ""
    figure.suptitle(f"on the line: calibrated{hidden}", fontsize=10)
    axes.flat[0].legend(loc="upper left", frameon=False)
    return figure
