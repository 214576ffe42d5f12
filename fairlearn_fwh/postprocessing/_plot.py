"""The picture of a selection."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..audit._plots import BLUE, COLOURS, MARKERS, MAX_DRAWN, VERMILION, label_text, new_axes


def _scores_beside(table: pd.DataFrame) -> pd.DataFrame:
    """Score of every group (rows) with the pooled classifier and with each candidate (columns)."""
    first = table.drop_duplicates("group").set_index("group")
    if "candidate" not in table:
        return first[["pooled_score", "own_score"]].set_axis(["pooled", "own"], axis=1)
    by_candidate = {
        name: part.set_index("group")["own_score"] for name, part in table.groupby("candidate", sort=False)
    }
    return pd.DataFrame({"pooled": first["pooled_score"], **by_candidate}).loc[first.index]


def _styles() -> Iterator[tuple[str, str]]:
    """Colour and marker of the pooled classifier and of each candidate."""
    yield VERMILION, "s"
    yield BLUE, "o"
    for i in itertools.count():
        yield COLOURS[2 + i % (len(COLOURS) - 2)], MARKERS[(2 + i) % len(MARKERS)]


def plot_selection(table: pd.DataFrame, score: str, ax: Any) -> Any:
    """Plot scores with the pooled classifier and with the candidates; what was chosen is filled."""
    scores = _scores_beside(table)
    groups = table.drop_duplicates("group").set_index("group").loc[scores.index]
    drawn = groups.dropna(subset="pooled_score")
    title = "filled: what the group gets"
    if len(drawn) > MAX_DRAWN:
        drawn = drawn.nlargest(MAX_DRAWN, "n")
        drawn = groups[groups.index.isin(drawn.index)]
        title += f"; the {MAX_DRAWN} largest of {len(groups):,} groups"
    scores = scores.loc[drawn.index]
    ax = new_axes(ax, 7.8, 1.6 + 0.42 * len(drawn))
    position = np.arange(len(drawn))[::-1]
    ax.hlines(position, scores.min(axis=1), scores.max(axis=1), color="#999999", linewidth=1.2, zorder=1)
    for name, (colour, marker) in zip(scores, _styles(), strict=False):
        chosen = (drawn["choice"] == name).to_numpy()
        faces = np.where(chosen, colour, "white")
        values = scores[name].to_numpy()
        ax.scatter(values, position, s=52, marker=marker, c=faces, edgecolors=colour, label=name, zorder=2)
    other = (~drawn["choice"].isin(scores.columns)).to_numpy()
    if other.any():
        ax.scatter(
            drawn["chosen_score"][other], position[other], s=60, marker="D", color="#009E73", label="another group's", zorder=3
        )  # fmt: skip
    drawn = drawn.reset_index()
    names = [f"{label_text(row.group)}\n({row.n:,} people)" for row in drawn.itertuples()]
    ax.set_yticks(position, names)
    ax.set_ylim(-0.7, len(drawn) - 0.3)
    ax.set_xlabel(f"{score.replace('_', ' ')} in the selection data")
    ax.set_title(title, fontsize=10)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="classifier")
    return ax
