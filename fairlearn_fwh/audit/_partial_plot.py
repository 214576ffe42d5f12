"""Gains of groups that are half known as a picture: what is possible, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics._core._units import Unit
from ._plots import BLUE, MAX_DRAWN, VERMILION, label_text, new_axes

if TYPE_CHECKING:
    from ..metrics import PartialGains

_GREY = "#555555"


def plot_partial(partial: PartialGains, ax: Any, min_group_size: int) -> Any:
    """Plot what is possible for each group; see `PartialGains.plot`."""
    table = partial.table[partial.table["n"] >= max(min_group_size, 1)].nsmallest(MAX_DRAWN, "lowest")
    ax = new_axes(ax, 8.0, 1.5 + 0.5 * len(table))
    unit = Unit(partial.loss_name)
    position = np.arange(len(table))[::-1]
    colours = np.where(table["harmed"], VERMILION, np.where(table["certified"], BLUE, _GREY))
    for y, colour, (_, row) in zip(position, colours, table.iterrows(), strict=True):
        lower, lowest, highest, upper = (
            unit.factor * row[name] for name in ("lower", "lowest", "highest", "upper")
        )
        ax.plot([lower, upper], [y, y], color=colour, linewidth=1.4)
        ax.plot([lowest, highest], [y, y], color=colour, linewidth=9, solid_capstyle="butt", alpha=0.75)
    for colour, name in (
        (VERMILION, "harmed, whoever belongs"),
        (BLUE, "certified"),
        (_GREY, "cannot be said"),
    ):
        if (colours == colour).any():
            ax.plot([], [], color=colour, linewidth=9, alpha=0.75, label=name)
    ax.axvline(0, color="black", linewidth=1)
    names = [
        f"{label_text(label)}\n(about {n:,.0f} people)"
        for label, n in zip(table.index, table["n"], strict=True)
    ]
    ax.set_yticks(position, names)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.set_xlabel(
        f"gain over the pooled classifier, {unit.name}\nthick: what the sample allows; thin: confidence bounds; left of 0 is harm"
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
