"""The picture of a selection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..audit._plots import BLUE, MAX_DRAWN, VERMILION, label_text, new_axes


def plot_selection(table: pd.DataFrame, score: str, ax: Any) -> Any:
    """Plot scores with the pooled and with the own classifier; what was chosen is filled."""
    drawn = table.dropna(subset="pooled_score")
    title = "filled: what the group gets"
    if len(drawn) > MAX_DRAWN:
        drawn = drawn.nlargest(MAX_DRAWN, "n").sort_index()
        title += f"; the {MAX_DRAWN} largest of {len(table):,} groups"
    ax = new_axes(ax, 7.8, 1.6 + 0.42 * len(drawn))
    position = np.arange(len(drawn))[::-1]
    pooled, own = drawn["pooled_score"].to_numpy(), drawn["own_score"].to_numpy()
    other = (~drawn["choice"].isin(["pooled", "own"])).to_numpy()
    ax.hlines(
        position, pooled, np.where(np.isnan(own), pooled, own), color="#999999", linewidth=1.2, zorder=1
    )
    for values, name, colour, marker in (
        (pooled, "pooled", VERMILION, "s"),
        (own, "own", BLUE, "o"),
    ):
        chosen = (drawn["choice"] == name).to_numpy()
        faces = np.where(chosen, colour, "white")
        ax.scatter(values, position, s=52, marker=marker, c=faces, edgecolors=colour, label=name, zorder=2)
    if other.any():
        ax.scatter(
            drawn["chosen_score"][other], position[other], s=60, marker="D", color="#009E73", label="another group's", zorder=3
        )  # fmt: skip
    names = [f"{label_text(row.group)}\n({row.n:,} people)" for row in drawn.itertuples()]
    ax.set_yticks(position, names)
    ax.set_ylim(-0.7, len(drawn) - 0.3)
    ax.set_xlabel(f"{score.replace('_', ' ')} in the selection data")
    ax.set_title(title, fontsize=10)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="classifier")
    return ax
