"""Preference trees as text and as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..audit._plots import BLUE, VERMILION, label_text, new_axes
from ..metrics._core._units import Unit
from ._tree import Node


def tree_as_text(root: Node, names: Sequence[str], figures: pd.DataFrame) -> str:
    """Write one line per node; `figures` has `size`, `n` and `gain` of every leaf."""
    lines: list[str] = []
    _write(root, names, figures, "", lines)
    return "\n".join(lines)


def _write(node: Node, names: Sequence[str], figures: pd.DataFrame, indent: str, lines: list[str]) -> None:
    title = _title(node, names)
    if node.children:
        lines.append(f"{indent}{title}")
        for child in node.children:
            _write(child, names, figures, indent + "|   ", lines)
    else:
        lines.append(f"{indent}{title}: {_figures(node, names, figures)}")


def _title(node: Node, names: Sequence[str]) -> str:
    if not node.path:
        return "everybody"
    attribute, value = node.path[-1]
    return f"{names[attribute]} = {value}"


def _figures(node: Node, names: Sequence[str], figures: pd.DataFrame) -> str:
    row = figures.loc[node.name(names)]
    if not node.path:
        return "pooled classifier"
    return f"{row['size']:,.0f} people, gain {Unit('zero_one').gain_in_words(row['gain'])} ({row['n']:,.0f} pruning people)"


def plot_tree(root: Node, names: Sequence[str], figures: pd.DataFrame, ax: Any) -> Any:
    """Plot the tree from left to right; leaves that gain are blue, those that lose vermilion."""
    leaves = root.leaves()
    depth = max(len(leaf.path) for leaf in leaves)
    ax = new_axes(ax, 3.4 + 2.6 * depth, 1.0 + 0.75 * len(leaves))
    height = {leaf: float(-i) for i, leaf in enumerate(leaves)}

    def place(node: Node) -> float:
        if node not in height:
            places = [place(child) for child in node.children]
            height[node] = sum(places) / len(places)
        return height[node]

    place(root)
    for node in root.nodes():
        for child in node.children:
            ax.plot(
                [len(node.path), len(child.path)], [height[node], height[child]], color="#999999", linewidth=1.2, zorder=1
            )  # fmt: skip
        text, colour = label_text(_title(node, names)), "#555555"
        if not node.children:
            row = figures.loc[node.name(names)]
            colour = BLUE if row["gain"] > 0 else VERMILION if row["gain"] < 0 else "#555555"
            details = _figures(node, names, figures)
            text += "\n" + details.replace(" (", "\n(")
        ax.text(
            len(node.path), height[node], text, ha="center", va="center", fontsize=8.5, zorder=2,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour, "linewidth": 1.4},
        )  # fmt: skip
    ax.set_xlim(-0.5, depth + 0.55)
    ax.set_ylim(-len(leaves) + 0.4, 0.6)
    ax.set_axis_off()
    ax.set_title("gains over the pooled classifier on pruning data; blue gains, vermilion loses", fontsize=10)
    return ax
