"""Trees over sensitive attributes whose nodes have classifiers: growing them (Ustun et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np

from ..base._answers import ask_labels
from ..base._inner_fits import try_to_fit
from ..base._samples import Sample
from ..metrics._core._groups import Groups, as_tuple


@dataclass(eq=False)
class Node:
    """A group of people, described by the values of some attributes.

    Attributes
    ----------
    path : tuple of (attribute position, value)
        From the root; empty for everybody.
    cells : ndarray of int
        Positions of the atomic groups (full intersections of the attributes) in it.
    model : fitted classifier
    attribute : int or None
        What it is split by; None for a leaf.
    children : list of Node
        One per value.
    """

    path: tuple[tuple[int, Any], ...]
    cells: np.ndarray
    model: Any
    attribute: int | None = None
    children: list[Node] = field(default_factory=list)

    def name(self, names: Sequence[str]) -> str:
        """Describe the people in words."""
        return (
            " & ".join(f"{names[i]} = {value}" for i, value in sorted(self.path, key=itemgetter(0)))
            or "everybody"
        )

    def leaves(self) -> list[Node]:
        """Return the leaves below."""
        return [leaf for child in self.children for leaf in child.leaves()] if self.children else [self]

    def nodes(self) -> Iterator[Node]:
        """Go through the node and all below."""
        yield self
        for child in self.children:
            yield from child.nodes()

    def without_splits_below(self, leaves: set[Node]) -> Node:
        """Copy the tree down to some of its nodes, which become leaves."""
        if self in leaves:
            return Node(self.path, self.cells, self.model)
        children = [child.without_splits_below(leaves) for child in self.children]
        return Node(self.path, self.cells, self.model, self.attribute, children)

    def find(self, values: tuple[Any, ...]) -> Node | None:
        """Find the leaf of people with these values of the attributes, None if a value is new."""
        if not self.children:
            return self
        assert self.attribute is not None
        for child in self.children:
            if child.path[-1][1] == values[self.attribute]:
                return child.find(values)
        return None


class TreeGrower:
    """Grow a tree greedily: split where preference violations become least likely.

    Parameters
    ----------
    sample : Sample
    groups : Groups
        Atomic groups of the rows.
    fit : callable (Sample) -> classifier
    signed : bool
        Whether only differences in favour of the own classifier count. The published code squares them, and so scores a
        split that hurts like one that helps.
    min_group_size : int
    max_depth, max_leaves : int
    """

    def __init__(
        self,
        sample: Sample,
        groups: Groups,
        fit: Callable[[Sample], Any],
        *,
        signed: bool,
        min_group_size: int,
        max_depth: int,
        max_leaves: int,
    ) -> None:
        self.sample = sample
        self.groups = groups
        self.fit = fit
        self.signed = signed
        self.n_features = sample.X.shape[1]
        self.min_group_size = max(2 * self.n_features, min_group_size)
        self.max_depth = max_depth
        self.max_leaves = max_leaves
        self.values = [as_tuple(label) for label in groups.labels]
        self.present = sample.present()
        self.sizes = np.bincount(groups.codes[self.present], minlength=len(groups))
        _, classes = np.unique(sample.y, return_inverse=True)
        self.class_sizes = np.zeros((len(groups), classes.max() + 1))
        np.add.at(self.class_sizes, (groups.codes[self.present], classes[self.present]), 1)
        weights = np.ones(len(sample)) if sample.weights is None else sample.weights
        self.weights = weights
        self.cell_weights = np.bincount(groups.codes, weights, len(groups))
        self.failures: dict[tuple[tuple[int, Any], ...], str] = {}
        self.errors: dict[Node, np.ndarray] = {}
        self.splits: dict[tuple[Node, int], list[Node]] = {}

    def grow(self, pooled: Any) -> Node:
        """Grow until no split is possible; pruning decides what remains."""
        root = self._node((), np.arange(len(self.groups)), pooled)
        while len(leaves := root.leaves()) < self.max_leaves:
            options = [
                (leaf, attribute, children)
                for leaf in leaves
                for attribute in range(len(self.groups.names))
                if (children := self._children(leaf, attribute))
                and len(leaves) - 1 + len(children) <= self.max_leaves
            ]
            if not options:
                break
            scores = [
                self._score(root, [*(other for other in leaves if other is not leaf), *children])
                for leaf, _, children in options
            ]
            leaf, attribute, children = options[int(np.argmin(scores))]
            leaf.attribute, leaf.children = attribute, children
        return root

    def _node(self, path: tuple[tuple[int, Any], ...], cells: np.ndarray, model: Any) -> Node:
        """Make a node and remember the weight of the errors of its classifier in every atomic group."""
        node = Node(path, cells, model)
        wrong = ask_labels(model, self.sample.X) != self.sample.y
        self.errors[node] = np.bincount(self.groups.codes, wrong * self.weights, len(self.groups))
        return node

    def _children(self, leaf: Node, attribute: int) -> list[Node]:
        """Fit the classifiers of a split once; empty if it is not possible."""
        if attribute in {i for i, _ in leaf.path} or len(leaf.path) >= self.max_depth:
            return []
        if (leaf, attribute) not in self.splits:
            of_value: dict[Any, list[int]] = {}
            for cell in leaf.cells:
                of_value.setdefault(self.values[cell][attribute], []).append(int(cell))
            parts = {value: np.array(cells) for value, cells in of_value.items()}
            possible = len(parts) > 1 and all(self._is_large(cells) for cells in parts.values())
            self.splits[leaf, attribute] = [
                self._child(leaf, (attribute, value), cells)
                for value, cells in (parts if possible else {}).items()
            ]
        return self.splits[leaf, attribute]

    def _child(self, leaf: Node, condition: tuple[int, Any], cells: np.ndarray) -> Node:
        """Make a child with a classifier of its own, or with its parent's where the fit fails."""
        path = (*leaf.path, condition)
        model, failure = try_to_fit(self.fit, self.sample.take(np.isin(self.groups.codes, cells)))
        if model is None:
            self.failures[path] = failure
        return self._node(path, cells, leaf.model if model is None else model)

    def _is_large(self, cells: np.ndarray) -> bool:
        """Whether the group has 2 d people, and d of each of two classes, d being the number of features."""
        by_class = np.sort(self.class_sizes[cells].sum(axis=0))
        return self.sizes[cells].sum() >= self.min_group_size and by_class[-2] >= self.n_features

    def _score(self, root: Node, leaves: list[Node]) -> float:
        """Bound on the probability of a preference violation in a partition."""
        n = np.array([self.sizes[leaf.cells].sum() for leaf in leaves], dtype=float)
        weight = np.array([self.cell_weights[leaf.cells].sum() for leaf in leaves])
        errors = [self.errors[node] for node in (root, *leaves)]
        risk = np.array([[e[leaf.cells].sum() for e in errors] for leaf in leaves]) / weight[:, None]
        own = np.arange(len(leaves))
        gaps = risk - risk[own, own + 1][:, None]
        if self.signed:
            gaps = np.maximum(gaps, 0.0)
        terms = 4 * np.exp(-n[:, None] * gaps**2 / 2)
        terms[own, own + 1] = 0.0
        return float(terms.sum())
