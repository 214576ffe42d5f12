"""Pruning a preference tree on people who took no part in growing it (spec 5.5)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .._routed import Sample
from ..metrics._arrays import Groups
from ..metrics._inference import MIN_SCORE_TEST_SIZE, mcnemar_p_value
from ._tree import Node

#: With more subtrees than this they are not all tried.
MAX_SUBTREES = 5000

#: Gains of the worst-off, the best-off and the median atomic group: what subtrees are ranked by.
Key = tuple[float, float, float]


@dataclass(frozen=True)
class Judgement:
    """What the pruning data say of a subtree.

    Attributes
    ----------
    key : tuple of float
    violated : bool
        Whether an atomic group would significantly prefer the pooled or another leaf's classifier.
    """

    key: Key
    violated: bool


class TreePruner:
    """Choose the subtree without significant violations whose worst-off atomic group gains most.

    Parameters
    ----------
    root : Node
    sample : Sample
        Pruning rows of people in known atomic groups.
    groups : Groups
        Their atomic groups, with the codes of the tree.
    alpha : float
        Level at which a violation is significant, for all comparisons of a subtree together (exact McNemar tests,
        Bonferroni).
    fallback : bool
        Whether the root alone, with gains of 0, competes; otherwise it is the answer only if nothing else survives.
    """

    def __init__(self, root: Node, sample: Sample, groups: Groups, alpha: float, *, fallback: bool) -> None:
        self.root = root
        self.fallback = fallback
        self.alpha = alpha
        self.nodes = list(root.nodes())
        self.position = {node: i for i, node in enumerate(self.nodes)}
        present = sample.present()
        codes = groups.codes[present]
        wrong = np.column_stack([node.model.predict(sample.X) != sample.y for node in self.nodes])[present]
        weights = np.ones(len(codes)) if sample.weights is None else sample.weights[present]
        n_cells, n_models = len(groups), len(self.nodes)
        self.sizes = np.bincount(codes, minlength=n_cells)
        self.both_wrong = np.zeros((n_cells, n_models, n_models))
        self.risk = np.zeros((n_cells, n_models))
        for cell in np.flatnonzero(self.sizes):
            rows = codes == cell
            mine = wrong[rows].astype(float)
            self.both_wrong[cell] = mine.T @ mine
            self.risk[cell] = np.average(mine, axis=0, weights=weights[rows])
        self.wrong = np.einsum("cmm->cm", self.both_wrong)
        self.n_subtrees = _count(root)

    def prune(self) -> Node:
        """Return the best subtree, or the root alone."""
        nothing = 0.0 if self.fallback else -np.inf
        best, best_key = [self.root], (nothing, nothing, nothing)
        for leaves in self._subtrees():
            judgement = self.judge(leaves)
            if not judgement.violated and judgement.key > best_key:
                best, best_key = leaves, judgement.key
        return self.root.without_splits_below(set(best))

    def judge(self, leaves: list[Node]) -> Judgement:
        """Test a subtree for violations and measure the gains of the atomic groups."""
        models = np.array([self.position[leaf] for leaf in leaves])
        own = np.zeros(len(self.sizes), dtype=int)
        for model, leaf in zip(models, leaves, strict=True):
            own[leaf.cells] = model
        cells = np.flatnonzero(self.sizes)
        own = own[cells]
        others = np.concatenate([[0], models])
        both = self.both_wrong[cells][np.arange(len(cells))[:, None], own[:, None], others]
        worse = self.wrong[cells, own][:, None] - both
        better = self.wrong[cells][:, others] - both
        p_values = mcnemar_p_value(worse, better)[own[:, None] != others]
        gains = (self.risk[cells, 0] - self.risk[cells, own])[self._measurable(cells)]
        violated = len(p_values) > 0 and p_values.min() * len(p_values) < self.alpha
        if not len(gains):
            return Judgement((0.0, 0.0, 0.0), bool(violated))
        return Judgement((float(gains.min()), float(gains.max()), float(np.median(gains))), bool(violated))

    def _measurable(self, cells: np.ndarray) -> np.ndarray:
        """Atomic groups whose gains rank subtrees: those of very few people would rank them by chance."""
        large = self.sizes[cells] >= MIN_SCORE_TEST_SIZE
        return large if large.any() else np.ones(len(cells), dtype=bool)

    def _subtrees(self) -> Iterable[list[Node]]:
        """All subtrees with at least two leaves, or if they are too many a nested sequence of them."""
        if self.n_subtrees <= MAX_SUBTREES:
            return (leaves for leaves in _cuts(self.root) if len(leaves) > 1)
        return self._nested()

    def _nested(self) -> Iterable[list[Node]]:
        """Take back, one after the other, the split whose loss leaves the best key."""
        leaves = self.root.leaves()
        while len(leaves) > 1:
            yield leaves
            options = [
                [*(leaf for leaf in leaves if leaf not in node.children), node]
                for node in self.nodes
                if node.children and all(child in leaves for child in node.children)
            ]
            leaves = max(options, key=lambda option: self.judge(option).key)


def _count(node: Node) -> int:
    """Count the ways to cut a tree."""
    product = 1
    for child in node.children:
        product *= _count(child)
    return 1 + product if node.children else 1


def _cuts(node: Node) -> Iterable[list[Node]]:
    """Enumerate the sets of leaves of all subtrees with the same root."""
    yield [node]
    if node.children:
        for parts in itertools.product(*(list(_cuts(child)) for child in node.children)):
            yield [leaf for part in parts for leaf in part]
