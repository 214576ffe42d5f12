"""A picture of whose weight a method without demographics raises."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...audit._plots import COLOURS, label_text, new_axes
from ...metrics._core._groups import encode_groups

#: Groups of fewer people are not drawn: a few weights can identify their owners.
_SMALLEST_DRAWN = 10


def plot_weights(weights: np.ndarray, sensitive_features: Any, ax: Any = None) -> Any:
    """Plot the weights of each group: mean, median, quartiles, and 5 % and 95 % quantiles.

    Parameters
    ----------
    weights : ndarray, shape (n,)
        Weights; NaN for people without one.
    sensitive_features : array-like, shape (n,), DataFrame or dict
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If no group is large enough.
    """
    groups = encode_groups(sensitive_features, n_rows=len(weights))
    parts = {
        label: weights[(groups.codes == k) & ~np.isnan(weights)] for k, label in enumerate(groups.labels)
    }
    parts = {label: part for label, part in parts.items() if len(part) >= _SMALLEST_DRAWN}
    if not parts:
        raise ValueError(
            f"sensitive_features has no group of at least {_SMALLEST_DRAWN} people with weights."
        )
    ax = new_axes(ax, 7.5, 1.8 + 0.4 * len(parts))
    for position, part in enumerate(parts.values()):
        low, lower, median, upper, high = np.quantile(part, (0.05, 0.25, 0.5, 0.75, 0.95))
        first = position == 0
        ax.plot(
            (low, high),
            (position, position),
            color=COLOURS[0],
            linewidth=1.5,
            label="5 % to 95 %" if first else None,
        )
        ax.plot(
            (lower, upper),
            (position, position),
            color=COLOURS[0],
            linewidth=6,
            alpha=0.5,
            label="quartiles" if first else None,
        )
        ax.plot(median, position, "|", color=COLOURS[0], markersize=14, label="median" if first else None)
        ax.plot(part.mean(), position, "D", color=COLOURS[1], label="mean" if first else None)
    ax.axvline(np.nanmean(weights), color="black", linewidth=1, linestyle=":", label="mean of all")
    ax.set_yticks(
        range(len(parts)), [f"{label_text(label)} ({len(part):,})" for label, part in parts.items()]
    )
    ax.set_ylim(-0.6, len(parts) - 0.4)
    ax.set_xlabel("weight in the last epoch")
    ax.set_title("Who was weighted up")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
