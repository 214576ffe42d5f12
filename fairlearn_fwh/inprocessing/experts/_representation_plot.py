"""A picture of a representation."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from ...audit._plots import COLOURS, MARKERS, label_text, new_axes
from ...metrics._core._groups import Groups

#: More points than this hide each other.
_MOST_POINTS = 2000


def plot_representation(z: np.ndarray, classes: np.ndarray, groups: Groups, ax: Any = None) -> Any:
    """Plot people in the plane of the two largest principal components: colour by group, marker by class.

    Parameters
    ----------
    z : ndarray, shape (n, m)
        Representations.
    classes : ndarray, shape (n,)
    groups : Groups
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax, 8.5, 5.5)
    if len(z) > _MOST_POINTS:  # evenly over the rows
        rows = np.linspace(0, len(z) - 1, _MOST_POINTS).astype(int)
        z, classes, codes = z[rows], classes[rows], groups.codes[rows]
    else:
        codes = groups.codes
    plane = PCA(2).fit(z)
    points = plane.transform(z)
    for k, label in enumerate(groups.labels):
        for c, name in enumerate(np.unique(classes)):
            mine = (codes == k) & (classes == name)
            ax.scatter(
                *points[mine].T, s=14, alpha=0.6, linewidths=0, color=COLOURS[k % len(COLOURS)],
                marker=MARKERS[c % len(MARKERS)], label=f"{label_text(label)}, class {name}",
            )  # fmt: skip
    shares = 100 * plane.explained_variance_ratio_
    ax.set_xlabel(f"first principal component ({shares[0]:.0f} % of the variance)")
    ax.set_ylabel(f"second ({shares[1]:.0f} %)")
    ax.set_title(f"Representation of {len(z):,} people")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, title="group and class")
    return ax
