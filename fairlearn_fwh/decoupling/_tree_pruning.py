"""Pruning a preference tree on people who took no part in growing it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from ..base._answers import ask_labels
from ..base._samples import Sample
from ..base._units import first_rows
from ..metrics._core._groups import Groups
from ..metrics._inference._tests import mcnemar_p_value
from ._tree import Node

#: With more subtrees than this they are not all tried.
MAX_SUBTREES = 5000

#: Gains of smaller atomic groups do not rank subtrees where there are larger ones.
SMALLEST_RANKED = 30

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
    p_gain : float
        P-value of a gain over pooled of all people together (exact McNemar test).
    """

    key: Key
    violated: bool
    p_gain: float


class TreePruner:
    """Choose the subtree without significant violations whose worst-off atomic group gains most.

    Parameters
    ----------
    root : Node
    sample : Sample
        Pruning rows of people in known atomic groups; tests count the first row of each unit.
    groups : Groups
        Their atomic groups, with the codes of the tree.
    alpha : float
        Level at which a violation is significant, for all comparisons of a subtree together (exact McNemar tests,
        Bonferroni), and of the gain that a subtree has to show, for all subtrees together.
    must_gain : bool
        Whether subtrees have to show that they gain over pooled at all.
    """

    def __init__(self, root: Node, sample: Sample, groups: Groups, alpha: float, *, must_gain: bool) -> None:
        self.root = root
        self.must_gain = must_gain
        self.alpha = alpha
        self.nodes = list(root.nodes())
        self.position = {node: i for i, node in enumerate(self.nodes)}
        present = sample.present()
        codes = groups.codes[present]
        wrong = np.column_stack([ask_labels(node.model, sample.X) != sample.y for node in self.nodes])[
            present
        ]
        weights = np.ones(len(codes)) if sample.weights is None else sample.weights[present]
        n_cells, n_models = len(groups), len(self.nodes)
        self.sizes = np.bincount(codes, minlength=n_cells)
        self.both_wrong = np.zeros((n_cells, n_models, n_models))
        self.risk = np.zeros((n_cells, n_models))
        is_counted = np.zeros(len(codes), dtype=bool)
        is_counted[
            first_rows(np.arange(len(codes)), None if sample.units is None else sample.units[present])
        ] = True
        for cell in np.flatnonzero(self.sizes):
            rows = codes == cell
            counted = wrong[rows & is_counted].astype(float)
            self.both_wrong[cell] = counted.T @ counted
            self.risk[cell] = np.average(wrong[rows].astype(float), axis=0, weights=weights[rows])
        self.wrong = np.einsum("cmm->cm", self.both_wrong)
        self.n_subtrees = _count(root)
        self.n_judged = 0

    def prune(self) -> Node:
        """Return the best subtree that survives, or the root alone."""
        judged = [(self.judge(leaves), leaves) for leaves in self._subtrees()]
        limit = self.alpha / max(self.n_judged, 1) if self.must_gain else np.inf
        surviving = [(j.key, leaves) for j, leaves in judged if not j.violated and j.p_gain < limit]
        _, best = max(surviving, key=itemgetter(0), default=(None, [self.root]))
        return self.root.without_splits_below(set(best))

    def judge(self, leaves: list[Node]) -> Judgement:
        """Test a subtree for violations and measure the gains of the atomic groups."""
        self.n_judged += 1
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
        p_gain = float(mcnemar_p_value(better[:, 0].sum(), worse[:, 0].sum()))
        gains = (self.risk[cells, 0] - self.risk[cells, own])[self._measurable(cells)]
        violated = len(p_values) > 0 and p_values.min() * len(p_values) < self.alpha
        key = (float(gains.min()), float(gains.max()), float(np.median(gains))) if len(gains) else (0.0,) * 3
        return Judgement(key, bool(violated), p_gain)

    def _measurable(self, cells: np.ndarray) -> np.ndarray:
        """Atomic groups whose gains rank subtrees: those of very few people would rank them by chance."""
        large = self.sizes[cells] >= SMALLEST_RANKED
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
