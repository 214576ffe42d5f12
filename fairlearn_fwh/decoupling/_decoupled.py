"""One model per group, for groups known by sensitive features or found by a clusterer."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state, get_tags

from .._sklearn_compat import FitsAndPredicts, Interval, StrOptions
from ..base._fitting import fit_context
from ..base._group_routed import GroupRouted, GroupRoutedClassifier, GroupRoutedRegressor, why_no_model
from ..base._inner_fits import clone_seeded, try_to_fit
from ..base._samples import Sample, take_rows
from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import Groups, encode_groups, find_groups

#: Folds by which attributes are ranked when a small cell has to give one up.
_RANKING_FOLDS = 3


class _Decoupled(GroupRouted):
    """One model per group, of classifiers or of regressors."""

    _parameter_constraints: dict[str, list[Any]] = {
        "estimator": [FitsAndPredicts(), None],
        "pooled_estimator": [FitsAndPredicts(), None],
        "partition": [StrOptions({"sensitive_features"}), FitsAndPredicts()],
        "min_group_size": [Interval(Integral, 1, None, closed="left")],
        "handle_unknown": [StrOptions({"pooled", "error"})],
        "missing_group": [StrOptions({"error", "separate"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        pooled_estimator: Any = None,
        partition: Any = "sensitive_features",
        min_group_size: int = 50,
        handle_unknown: str = "pooled",
        missing_group: str = "error",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.pooled_estimator = pooled_estimator
        self.partition = partition
        self.min_group_size = min_group_size
        self.handle_unknown = handle_unknown
        self.missing_group = missing_group
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit the pooled model and one model per group.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features, in whatever form `estimator` takes them.
        y : array-like, shape (n,)
            Labels, or amounts.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Group of each person; several columns are intersected. Not used with a clusterer.
        sample_weight : array-like, shape (n,), optional
            Weights, passed to the models.

        Returns
        -------
        estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, y has one class, or labels where amounts are predicted, a sensitive feature is missing, groups are more than half the
            people, or weights are negative or all zero.

        Warns
        -----
        GroupFallbackWarning
            If a group has no model of its own.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        seed = check_random_state(self.random_state)
        groups = self._find_groups(sample, sensitive_features, seed)
        pooled = self._model() if self.pooled_estimator is None else self.pooled_estimator
        self.pooled_estimator_ = sample.fit(clone_seeded(pooled, seed))
        self._fit_groups(sample, groups, seed)
        self._warn_of_fallback()
        return self

    @abstractmethod
    def _default(self) -> Any:
        """Make the model that is used if none is given."""

    def _model(self) -> Any:
        return self._default() if self.estimator is None else self.estimator

    def _find_groups(
        self, sample: Sample, sensitive_features: Any, seed: np.random.RandomState
    ) -> Groups | None:
        if self.partition != "sensitive_features":
            self.clusterer_ = clone_seeded(self.partition, seed).fit(sample.X)
            return encode_groups(np.asarray(self.clusterer_.predict(sample.X)), "cluster")
        groups = self._read_groups(sensitive_features, len(sample))
        if groups is None:
            return None
        if len(groups) > 1 and len(groups) > len(sample) / 2:
            raise ValueError(
                f"sensitive_features has {len(groups)} groups for {len(sample)} people; at most half as many groups as "
                "people are allowed. Bin continuous features first."
            )
        return groups

    def _fit_groups(self, sample: Sample, groups: Groups | None, seed: np.random.RandomState) -> None:
        """Fit a model for every group that can have one, and find a substitute for the others."""
        self.group_estimators_, self.group_sizes_, self.fallback_groups_ = {}, {}, {}
        if groups is None:
            return
        small: list[tuple[Any, str]] = []
        noun = self._task.estimator_type
        for code, label in enumerate(groups.labels):
            members = sample.take(groups.codes == code)
            self.group_sizes_[label] = int(members.present().sum())
            self.group_estimators_[label] = self.pooled_estimator_
            if len(groups) == 1:
                self.fallback_groups_[label] = f"the only group: its {noun} is the pooled one"
            elif reason := why_no_model(members, self.min_group_size, self._task):
                small.append((label, reason))
            else:
                model, failure = try_to_fit(members.fit, clone_seeded(self._model(), seed))
                if model is None:
                    self.fallback_groups_[label] = f"{failure}: pooled {noun}"
                else:
                    self.group_estimators_[label] = model
        if small:
            self._back_off(sample, groups, small, seed)

    def _back_off(
        self, sample: Sample, groups: Groups, small: list[tuple[Any, str]], seed: np.random.RandomState
    ) -> None:
        """Give small cells the model of a larger cell: drop the attribute of least gain first (Ustun et al. 2019, LR-All with back-off)."""
        noun = self._task.estimator_type
        order = self._rank_attributes(sample, groups, seed) if len(groups.names) > 1 else []
        parents: dict[tuple[Any, ...], Any] = {}
        for label, reason in small:
            self.fallback_groups_[label] = f"{reason}: pooled {noun}"
            for depth in range(len(order) - 1, 0, -1):
                kept = sorted(order[:depth])
                parent = tuple((groups.names[i], label[i]) for i in kept)
                if parent not in parents:
                    in_parent = [all(other[i] == label[i] for i in kept) for other in groups.labels]
                    members = sample.take(np.array(in_parent)[groups.codes])
                    fits = not why_no_model(members, self.min_group_size, self._task)
                    model = clone_seeded(self._model(), seed)
                    parents[parent] = try_to_fit(members.fit, model)[0] if fits else None
                if parents[parent] is not None:
                    named = ", ".join(f"{name}={value!r}" for name, value in parent)
                    self.group_estimators_[label] = parents[parent]
                    self.fallback_groups_[label] = f"{reason}: {noun} of {named}"
                    break

    def _rank_attributes(self, sample: Sample, groups: Groups, seed: np.random.RandomState) -> list[int]:
        """Order attributes by how well the partition by each of them predicts others, best first."""
        folds = list(KFold(_RANKING_FOLDS, shuffle=True, random_state=seed).split(sample.y))
        found = []
        for i in range(len(groups.names)):
            values = np.array([str(label[i]) for label in groups.labels])[groups.codes]
            goodness = np.zeros(len(sample))
            for fit, test in folds:
                model = clone(self).set_params(handle_unknown="pooled", random_state=0)
                predicted = _predict_part(
                    model, sample.take(fit), values[fit], take_rows(sample.X, test), values[test]
                )
                goodness[test] = self._task.goodness(sample.y[test], predicted)
            found.append(np.average(goodness, weights=sample.weights))
        return [int(i) for i in np.argsort(-np.array(found), kind="stable")]

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        if self.partition == "sensitive_features":
            return super()._route(X, sensitive_features)
        groups = encode_groups(np.asarray(self.clusterer_.predict(X)), "cluster")
        return find_groups(groups, self.groups_), list(self.group_estimators_.items())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._model()).input_tags.sparse
        return tags


class DecoupledClassifier(_Decoupled, GroupRoutedClassifier):
    """Fit one classifier per group, and the pooled classifier for people without one.

    With one sensitive feature this is the trivial partition; with several, a classifier for every cell of their
    product (LR-All), where a cell that is too small or has one class backs off to the cell without the attribute
    that gains least, and in the end to the pooled classifier. With a clusterer the groups are its clusters.

    Parameters
    ----------
    estimator : classifier, optional
        Classifier of each group; by default ``LogisticRegression(max_iter=2000)``.
    pooled_estimator : classifier, optional
        Classifier of all people; by default `estimator`.
    partition : {"sensitive_features"} or clusterer
        Where groups come from: `sensitive_features`, or a clusterer with `predict`, which sees X only.
    min_group_size : int
        Fewest people (rows with positive weight) that a classifier is fitted on.
    handle_unknown : {"pooled", "error"}
        What to do at predict time with people of a group that did not occur in `fit`.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    random_state : int, RandomState or None
        Seeds estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    groups_ : list
        Labels of the groups; tuples for several sensitive features.
    group_sizes_ : dict
        Number of people in `fit` by group.
    pooled_estimator_ : classifier
        The pooled classifier.
    group_estimators_ : dict
        Classifier that serves each group.
    fallback_groups_ : dict
        Groups without a classifier of their own, and why.
    clusterer_ : clusterer
        The fitted clusterer, if there is one.

    Notes
    -----
    Without `sensitive_features` in `fit` there are no groups and the pooled classifier serves everybody.
    At predict time sensitive features are found by name, where they have names; a frame may hold further ones, by
    which `preference_frame` then audits too. A cell that did not occur in `fit` is served by the pooled classifier, also
    where a larger cell has a classifier.
    A group that is large enough keeps its own classifier even if it does worse than the pooled one: that is what
    `preference_frame` shows.

    References
    ----------
    Ustun, Liu and Parkes, "Fairness without Harm: Decoupled Classifiers with Preference Guarantees", ICML 2019.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> from fairlearn_fwh.decoupling import DecoupledClassifier
    >>> bunch = make_intersectional(2000, random_state=0)
    >>> X, X_test, y, y_test, s, s_test = train_test_split(
    ...     bunch.data, bunch.target, bunch.sensitive_features, random_state=0)
    >>> model = DecoupledClassifier().fit(X, y, sensitive_features=s)
    >>> model.groups_
    [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    >>> round(model.score(X_test, y_test, sensitive_features=s_test), 2)
    0.98
    """

    def _default(self) -> LogisticRegression:
        return LogisticRegression(max_iter=2000)


class DecoupledRegressor(_Decoupled, GroupRoutedRegressor):
    """Fit one regressor per group, and the pooled regressor for people without one.

    With several sensitive features every cell of their product has a regressor; one that is too small backs off to the cell without the
    attribute that gains least, and in the end to the pooled regressor. With a clusterer the groups are its clusters.

    Parameters
    ----------
    estimator : regressor, optional
        Regressor of each group; by default ``LinearRegression()``.
    pooled_estimator : regressor, optional
        Regressor of all people; by default `estimator`.
    partition : {"sensitive_features"} or clusterer
        Where groups come from: `sensitive_features`, or a clusterer with `predict`, which sees X only.
    min_group_size : int
        Fewest people (rows with positive weight) that a regressor is fitted on.
    handle_unknown : {"pooled", "error"}
        What to do at predict time with people of a group that did not occur in `fit`.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    random_state : int, RandomState or None
        Seeds estimators that have no seed of their own.

    Attributes
    ----------
    groups_ : list
        Labels of the groups; tuples for several sensitive features.
    group_sizes_ : dict
        Number of people in `fit` by group.
    pooled_estimator_ : regressor
        The pooled regressor.
    group_estimators_ : dict
        Regressor that serves each group.
    fallback_groups_ : dict
        Groups without a regressor of their own, and why.
    clusterer_ : clusterer
        The fitted clusterer, if there is one.

    See Also
    --------
    DecoupledClassifier : The same for classes, with notes that hold here, too.
    fairlearn_fwh.postprocessing.NoHarmSelector : Keeps a group's regressor only where it is shown to do no harm.

    References
    ----------
    Ustun, Liu and Parkes, "Fairness without Harm: Decoupled Classifiers with Preference Guarantees", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.decoupling import DecoupledRegressor
    >>> rng = np.random.default_rng(0)
    >>> X, group = rng.standard_normal((2000, 2)), rng.choice(["a", "b"], 2000)
    >>> y = np.where(group == "a", X[:, 0], -X[:, 0]) + rng.standard_normal(2000)
    >>> model = DecoupledRegressor().fit(X[:1000], y[:1000], sensitive_features=group[:1000])
    >>> frame = model.preference_frame(X[1000:], y[1000:], sensitive_features=group[1000:])
    >>> frame.by_group["rationality_gain"].round(1).to_dict()
    {'a': 1.0, 'b': 1.0}
    """

    def _default(self) -> LinearRegression:
        return LinearRegression()


def _predict_part(
    model: _Decoupled, fitting: Sample, fitting_groups: np.ndarray, X: Any, groups: np.ndarray
) -> np.ndarray:
    """Fit on some people and predict others; what falls back there is of no interest to the user."""
    if model._task.why_not_fitted_on(fitting):
        return np.full(len(groups), fitting.y[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model.fit(fitting.X, fitting.y, sensitive_features=fitting_groups, sample_weight=fitting.weights)
        return model.predict(X, sensitive_features=groups)
