"""A tree over sensitive attributes whose leaves prefer their own classifiers (TreeLR, Ustun et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import FitsAndPredicts, Interval, StrOptions
from ..base._fallback_loss import FALLBACK_LOSSES, read_fallback_loss
from ..base._fitting import fit_context
from ..base._group_routed import GroupRoutedClassifier
from ..base._inner_fits import clone_seeded
from ..base._samples import Sample
from ..base._splits import hold_out
from ..base._units import read_units
from ..metrics import PreferenceFrame
from ..metrics._core._groups import Groups, as_tuple
from ..metrics._core._losses import Loss, concerned_by
from ._tree import Node, TreeGrower
from ._tree_pictures import plot_tree, tree_as_text
from ._tree_pruning import TreePruner

#: What the smallest loss that can be ruled out is about.
_POWER = 0.8


class PreferenceTreeClassifier(GroupRoutedClassifier):
    """Split people by sensitive attributes as long as no group would rather have another's classifier.

    A tree is grown over the attributes: every split fits a classifier per value and is chosen because it makes preference
    violations least likely. On people who took no part in that, subtrees are dropped under which a group would
    significantly prefer the pooled or another leaf's classifier, and the best of the others is kept.

    Parameters
    ----------
    estimator : classifier, optional
        Classifier of each node; by default ``LogisticRegression(max_iter=2000)``.
    pooled_estimator : classifier, optional
        Classifier of all people; by default `estimator`.
    signed : bool
        Score splits by the probability that somebody prefers another classifier. Otherwise, as in the published code, by
        squared differences, which make a split that hurts look like one that helps.
    fallback : {"certified", None}
        Whether a subtree has to show on the pruning rows, at level `alpha`, that it gains over the pooled classifier at
        all; or, as published, the pooled classifier is used only if every subtree has a significant violation.
    loss : {"zero_one", "missed", "false_alarm"}
        Loss in which subtrees are tested and ranked, of the second of two classes (that somebody of the first is missed is a false alarm). The tree
        is grown by errors.
    alpha : float
        Level at which a violation is significant, for all comparisons of a subtree together, and at which the gain is, for
        all subtrees together.
    pruning_fraction : float
        Share of the rows of `fit` that is for pruning.
    min_group_size : int
        Fewest people of a node; it also needs 2 d people and d of each of two classes, d being the number of features.
    max_depth : int, optional
        Most attributes on a path; by default all.
    max_leaves : int
        Most leaves that are grown.
    handle_unknown : {"pooled", "error"}
        What to do at predict time with people who have a value that did not occur in `fit`.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the value ``"missing"``.
    random_state : int, RandomState or None
        Seeds the split and estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    groups_ : list of str
        Descriptions of the leaves, such as ``"sex = Female & age_group = Less than 25"``.
    group_sizes_ : dict
        Number of people in `fit` by leaf.
    pooled_estimator_ : classifier
        The pooled classifier, fitted on all rows; subtrees were compared with one that had the growing rows alone.
    group_estimators_ : dict
        Classifier of each leaf.
    fallback_groups_ : dict
        Why leaves, or ``"everybody"`` if there is no split, are served by the pooled classifier.
    pruning_table_ : DataFrame
        One row per atomic group (intersection of all attributes) of the pruning rows: `n`, `leaf`, `gain` over pooled, its
        simultaneous `lower_bound`, and `smallest_tolerance`, the loss that its people suffice to rule out (power 80 %):
        tiny groups pass the tests because nothing could be found. The subtree was chosen on the same rows, which flatters it.
    n_subtrees_ : int
        Number of subtrees that could be chosen from.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    With more than 5,000 subtrees a nested sequence of them is tried, which takes back one split after the other. The
    scores of splits and subtrees are about atomic groups, of which those with fewer than 30 pruning people are tested but
    do not rank subtrees. Weights count in risks and gains; tests and sizes count people. The guarantee is that no
    violation was *found* at level `alpha`; `preference_frame` on other data can certify more.

    References
    ----------
    Ustun, Liu and Parkes, "Fairness without Harm: Decoupled Classifiers with Preference Guarantees", ICML 2019.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> from fairlearn_fwh.decoupling import PreferenceTreeClassifier
    >>> bunch = make_intersectional(4000, random_state=0)
    >>> tree = PreferenceTreeClassifier(random_state=0)
    >>> tree = tree.fit(bunch.data, bunch.target, sensitive_features=bunch.sensitive_features)
    >>> sorted(tree.groups_)
    ['s1 = -1 & s2 = -1', 's1 = -1 & s2 = 1', 's1 = 1 & s2 = -1', 's1 = 1 & s2 = 1']
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "estimator": [FitsAndPredicts(), None],
        "pooled_estimator": [FitsAndPredicts(), None],
        "signed": ["boolean"],
        "fallback": [StrOptions({"certified"}), None],
        "loss": [StrOptions(set(FALLBACK_LOSSES))],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "pruning_fraction": [Interval(Real, 0, 1, closed="neither")],
        "min_group_size": [Interval(Integral, 1, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left"), None],
        "max_leaves": [Interval(Integral, 2, None, closed="left")],
        "handle_unknown": [StrOptions({"pooled", "error"})],
        "missing_group": [StrOptions({"error", "separate"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        pooled_estimator: Any = None,
        signed: bool = True,
        fallback: str | None = "certified",
        loss: str = "zero_one",
        alpha: float = 0.05,
        pruning_fraction: float = 0.25,
        min_group_size: int = 50,
        max_depth: int | None = None,
        max_leaves: int = 50,
        handle_unknown: str = "pooled",
        missing_group: str = "error",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.pooled_estimator = pooled_estimator
        self.signed = signed
        self.fallback = fallback
        self.loss = loss
        self.alpha = alpha
        self.pruning_fraction = pruning_fraction
        self.min_group_size = min_group_size
        self.max_depth = max_depth
        self.max_leaves = max_leaves
        self.handle_unknown = handle_unknown
        self.missing_group = missing_group
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
    ) -> Self:
        """Grow and prune the tree.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features, without the sensitive ones.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Attributes that people may be split by, one per column. Without them everybody gets the pooled classifier.
        sample_weight : array-like, shape (n,), optional
            Weights, passed to the classifiers.
        units : array-like, shape (n,), optional
            Whose rows belong together, such as the visits of a patient: no unit is divided between growing and pruning, and the tests of pruning count the first row of each.

        Returns
        -------
        PreferenceTreeClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, y has one class, a sensitive feature is missing, or weights are negative or all zero.

        Warns
        -----
        GroupFallbackWarning
            If sensitive features were given and no split is kept, or the fit of a leaf failed.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        sample = replace(sample, units=read_units(units, len(sample)))
        groups = self._read_groups(sensitive_features, len(sample))
        self._loss()
        seed = check_random_state(self.random_state)
        self.group_estimators_, self.group_sizes_, self.fallback_groups_ = {}, {}, {}
        if groups is None:
            self.pooled_estimator_ = sample.fit(clone_seeded(self._pooled(), seed))
            self.tree_ = Node((), np.array([], dtype=int), self.pooled_estimator_)
            return self
        _, classes = np.unique(sample.y, return_inverse=True)
        growing, pruning = hold_out(classes, groups.codes, self.pruning_fraction, seed, sample.units)
        if not len(pruning):
            raise ValueError(
                f"pruning_fraction={self.pruning_fraction} of {len(sample)} rows leaves none to prune on."
            )
        full, failures = self._grow(sample.take(growing), _take(groups, growing), seed)
        judges = pruning[concerned_by(self._loss(), sample.y[pruning])]
        pruner = TreePruner(
            full,
            sample.take(judges),
            _take(groups, judges),
            self.alpha,
            must_gain=self.fallback is not None,
        )
        self.n_subtrees_ = pruner.n_subtrees
        self.tree_ = pruner.prune()
        self._adopt(groups, sample.present(), failures)
        self.pruning_table_ = self._pruning_table(sample.take(pruning), _take(groups, pruning))
        self._refit_pooled(sample, seed)
        self._warn_of_fallback()
        return self

    def _loss(self) -> Loss:
        return read_fallback_loss(self.loss, self.classes_)

    def _refit_pooled(self, sample: Sample, seed: np.random.RandomState) -> None:
        """Fit the pooled classifier on all rows, also for leaves whose own fit failed."""
        grown = self.tree_.model
        self.pooled_estimator_ = sample.fit(clone_seeded(self._pooled(), seed))
        for node in self.tree_.nodes():
            if node.model is grown:
                node.model = self.pooled_estimator_
        self.group_estimators_ = {
            name: self.pooled_estimator_ if model is grown else model
            for name, model in self.group_estimators_.items()
        }

    def _pooled(self) -> Any:
        return self._classifier() if self.pooled_estimator is None else self.pooled_estimator

    def _classifier(self) -> Any:
        return LogisticRegression(max_iter=2000) if self.estimator is None else self.estimator

    def _grow(
        self, sample: Sample, groups: Groups, seed: np.random.RandomState
    ) -> tuple[Node, dict[tuple[tuple[int, Any], ...], str]]:
        """Fit the pooled classifier and grow a tree; say which fits failed."""
        self.pooled_estimator_ = sample.fit(clone_seeded(self._pooled(), seed))
        grower = TreeGrower(
            sample,
            groups,
            lambda part: part.fit(clone_seeded(self._classifier(), seed)),
            signed=self.signed,
            min_group_size=self.min_group_size,
            max_depth=len(groups.names) if self.max_depth is None else self.max_depth,
            max_leaves=self.max_leaves,
        )
        tree = grower.grow(self.pooled_estimator_)
        return tree, grower.failures

    def _adopt(
        self, groups: Groups, present: np.ndarray, failures: dict[tuple[tuple[int, Any], ...], str]
    ) -> None:
        """Make groups of the leaves."""
        leaves = self.tree_.leaves()
        sizes = np.bincount(groups.codes[present], minlength=len(groups))
        names = [leaf.name(groups.names) for leaf in leaves]
        self.group_estimators_ = {name: leaf.model for name, leaf in zip(names, leaves, strict=True)}
        self.group_sizes_ = {
            name: int(sizes[leaf.cells].sum()) for name, leaf in zip(names, leaves, strict=True)
        }
        for name, leaf in zip(names, leaves, strict=True):
            if leaf.path in failures:
                self.fallback_groups_[name] = f"{failures[leaf.path]}: classifier of the larger group"
        if not self.tree_.children:
            self.fallback_groups_ = {names[0]: self._why_no_split()}

    def _why_no_split(self) -> str:
        if self.fallback is None:
            return "no subtree without a significant violation"
        return "no subtree that gains significantly and has no significant violation"

    def _pruning_table(self, sample: Sample, groups: Groups) -> pd.DataFrame:
        """Tell what the pruning rows say of every atomic group that has weight."""
        present = np.flatnonzero(sample.present())
        sample, groups = sample.take(present), groups.take(present)
        leaves = self._leaf_of(groups)
        frame = PreferenceFrame(
            loss=self._loss(),
            y_true=sample.y,
            y_pred=self._output_of(
                leaves.codes, list(self.group_estimators_.values()), sample.X, self._answers
            ),
            y_pred_pooled=self._answers(self.pooled_estimator_, sample.X),
            labels=self.classes_,
            sensitive_features=groups,
            sample_weight=sample.weights,
            units=sample.units,
        )
        certificate = frame.certify(tolerance=0.0, alpha=self.alpha).set_index("group")
        power = frame.power(0.01, self.alpha, power=_POWER)
        table = power[["n", "smallest_tolerance"]].assign(
            gain=certificate["gain"].to_numpy(), lower_bound=certificate["lower_bound"].to_numpy()
        )
        table["leaf"] = [self._leaf_name(label) for label in table.index]
        return table[["n", "leaf", "gain", "lower_bound", "smallest_tolerance"]]

    def _leaf_of(self, groups: Groups) -> Groups:
        """Find the leaf of every row; code -1 for values that are new."""
        position = {name: i for i, name in enumerate(self.groups_)}
        lookup = np.array([position.get(self._leaf_name(label), -1) for label in groups.labels], dtype=int)
        return Groups(lookup[groups.codes], self.groups_, ["leaf"])

    def _leaf_name(self, label: Any) -> str | None:
        leaf = self.tree_.find(as_tuple(label))
        return None if leaf is None else leaf.name(self._sensitive_names)

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        table = list(self.group_estimators_.items())
        groups = self._read_again(sensitive_features, X.shape[0]) if table else None
        if groups is None:
            return np.full(X.shape[0], -1), table
        leaves = self._leaf_of(groups)
        new = [groups.labels[code] for code in np.unique(groups.codes[leaves.codes < 0])]
        if new:
            self._report_unseen(new, groups)
        return leaves.codes, table

    def export_text(self) -> str:
        """Write the tree, with the size and the gain of every leaf.

        Returns
        -------
        str
            Sizes are those of `fit`; gains over the pooled classifier and what they rest on are of the pruning rows.
        """
        check_is_fitted(self)
        return tree_as_text(self.tree_, self._sensitive_names, self._leaf_figures())

    def plot_tree(self, ax: Any = None) -> Any:
        """Plot the tree, with the size and the gain of every leaf.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        return plot_tree(self.tree_, self._sensitive_names, self._leaf_figures(), ax)

    def _leaf_figures(self) -> pd.DataFrame:
        """Size in `fit`, and gain and number of pruning people, of every leaf."""
        if not self.group_estimators_:
            return pd.DataFrame({"size": [np.nan], "n": [0], "gain": [0.0]}, index=["everybody"])
        table = self.pruning_table_
        totals = table.assign(total=table["gain"] * table["n"]).groupby("leaf")[["n", "total"]].sum()
        totals = totals.reindex(self.groups_, fill_value=0)
        return pd.DataFrame(
            {
                "size": pd.Series(self.group_sizes_),
                "n": totals["n"],
                "gain": totals["total"] / totals["n"].clip(lower=1),
            }
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._classifier()).input_tags.sparse
        return tags


def _take(groups: Groups, rows: np.ndarray) -> Groups:
    """Take rows and keep all labels, so that codes mean the same."""
    return Groups(groups.codes[rows], groups.labels, groups.names)
