"""The picture of an audit: each group's gain, what is proved of it, and the tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._order import by_gain
from ._plots import BLUE, GREEN, MAX_DRAWN, ORANGE, VERMILION, folded, label_text
from ._section import Section
from ._words import result_of

#: What is said of a group, by colour and by shape, so that either is enough.
_STYLES: dict[str, dict[str, Any]] = {
    "worse off": {"marker": "v", "color": VERMILION, "markersize": 10},
    "gain proved": {"marker": "^", "color": BLUE, "markersize": 10},
    "proved no worse": {"marker": "s", "color": GREEN, "markersize": 8},
    "cannot be told": {
        "marker": "o",
        "color": ORANGE,
        "markersize": 8,
        "fillstyle": "none",
        "markeredgewidth": 2.2,
    },
}

#: Sizes in inches and points, for a screen of 360 pixels: a picture as wide as a phone is shrunk little.
WIDTH, _OF_ROW, _OF_FRAME = 4.4, 0.5, 1.9
_FONT = 11


def forest_height(n_groups: int) -> float:
    """Height of the picture, in inches."""
    return _OF_FRAME + _OF_ROW * min(n_groups, MAX_DRAWN)


def plot_forest(section: Section, ax: Any, counted: str) -> Any:
    """Draw the groups of a section that may be shown, the worst first.

    Parameters
    ----------
    section : Section
    ax : matplotlib axes
    counted : str
        What their sizes count.

    Returns
    -------
    matplotlib axes
    """
    table = by_gain(section.groups).head(MAX_DRAWN)
    unit = section.unit
    position = np.arange(len(table))[::-1]
    gain, lower, upper, bound = (
        unit.factor * table[name].to_numpy(dtype=float)
        for name in ("gain", "lower", "upper", "certified_bound")
    )
    left, right = _limits(gain, lower, upper, bound, unit.factor * section.tolerance)
    ax.hlines(position, np.fmax(lower, left), np.fmin(upper, right), color="#555555", linewidth=1.6, zorder=2)
    for outside, edge, marker in ((lower < left, left, "<"), (upper > right, right, ">")):
        ax.plot(
            np.full(outside.sum(), edge),
            position[outside],
            linestyle="",
            marker=marker,
            color="#555555",
            clip_on=False,
        )
    inside = bound >= left
    tick = {"marker": "|", "markersize": 13, "markeredgewidth": 2, "color": "black", "linestyle": ""}
    ax.plot(bound[inside], position[inside], zorder=3, label="bound", **tick)
    ax.set_xlim(left, right)
    results = np.array([result_of(row) for row in table.to_dict("records")])
    for result, style in _STYLES.items():
        if (mine := results == result).any():
            ax.plot(gain[mine], position[mine], linestyle="", zorder=4, label=result, **style)
    ax.axvline(0, color="black", linewidth=1)
    if section.tolerance:
        limit = -unit.factor * section.tolerance
        ax.axvline(limit, color="black", linewidth=1.2, linestyle="--", label="tolerance")
    names = [
        f"{folded(label_text(label))}\n{n:,} {counted}"
        for label, n in zip(table.index, table["n"], strict=True)
    ]
    ax.set_yticks(position, names, fontsize=_FONT)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.tick_params(axis="x", labelsize=_FONT)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(f"gain, {unit.name}\n← worse     better →", fontsize=_FONT)
    ax.spines[["top", "right"]].set_visible(False)
    ax.figure.legend(
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=_FONT,
        handletextpad=0.3,
        columnspacing=1.0,
    )
    return ax


def _limits(
    gain: np.ndarray, lower: np.ndarray, upper: np.ndarray, bound: np.ndarray, tolerance: float
) -> tuple[float, float]:
    """What the picture shows: all gains, and the intervals that are not far wider than most."""
    widths = np.nan_to_num(upper - lower, nan=np.inf)
    usual = widths <= 4 * np.median(widths)
    ends = np.concatenate([gain, lower[usual], upper[usual], bound[usual], [0.0, -2 * tolerance]])
    ends = ends[np.isfinite(ends)]
    low, high = float(ends.min()), float(ends.max())
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room
