"""A picture of how validation losses of groups fall from epoch to epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...audit._plots import COLOURS, label_text, new_axes

#: How the lines of each network are drawn.
_LINES = {"pooled": "--", "experts": "-"}


def plot_learning_curves(history: dict[str, list[dict[str, Any]]], ax: Any = None) -> Any:
    """Plot every group's validation loss: a colour for each group, a line style for each network, a dot at the best epoch.

    Parameters
    ----------
    history : dict from {"pooled", "experts"} to list of dict
        After each epoch: ``"loss"``, by which the epoch is chosen, and ``"groups"``, that of each group. Others have other losses and
        are not drawn.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax, 8.5, 5.0)
    drawn = {network: history[network] for network in _LINES if network in history}
    groups = list(dict.fromkeys(name for epochs in drawn.values() for name in epochs[0]["groups"]))
    for network, epochs in drawn.items():
        numbers = np.arange(1, len(epochs) + 1)
        best = int(np.nanargmin([epoch["loss"] for epoch in epochs]))
        for k, group in enumerate(groups):
            if group in epochs[0]["groups"]:
                losses = [epoch["groups"][group] for epoch in epochs]
                colour = COLOURS[k % len(COLOURS)]
                ax.plot(
                    numbers, losses, _LINES[network], color=colour, label=f"{label_text(group)}, {network}"
                )
                ax.plot(best + 1, losses[best], "o", color=colour, markersize=5)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel("validation loss (cross-entropy)")
    ax.set_title("Learning curves by group; the dot is the epoch that is kept")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
