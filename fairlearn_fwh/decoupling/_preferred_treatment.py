"""Linear classifiers that each group prefers to the others', or to parity, by its acceptance rate (Zafar et al. 2017)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state

from .._sklearn_compat import Interval, StrOptions
from ..base._features import check_values
from ..base._fitting import fit_context
from ..base._group_routed import GroupRoutedClassifier, why_no_model
from ..base._samples import Sample
from ..base._splits import hold_out
from ..exceptions import ConstraintsNotSatisfiedWarning
from ..metrics._core._groups import Groups, flat_index
from ._convex_concave import Constraint, Members
from ._preference_solution import solve

#: Name of the parity classifier in tables.
PARITY = "parity"

#: Regularisation of ``regularization="auto"``.
_PENALTY = 1e-3

#: Why the last group that could have a classifier has none.
_ALONE = "the only group that could have one: there is nothing to prefer"

#: Most groups that have classifiers: the time grows with the square of the number of constraints, which is its square.
_MAX_GROUPS = 10


class PreferredTreatmentClassifier(GroupRoutedClassifier):
    """Fit a linear classifier per group whose acceptance rate the group prefers.

    The benefit of a classifier for a group is the share of its people that are accepted (class ``classes_[1]``), deserved or
    not. Preferred treatment: no group would be accepted more often by another group's classifier. Preferred impact: no
    group would be accepted more often by the parity classifier, under which all groups have the same mean score. The sum of
    logistic losses is minimised under these constraints. The preference is another one than that of the other
    classes of this package, where groups prefer accuracy.

    Parameters
    ----------
    preference : {"treatment", "impact", "both"}
        What every group must prefer its classifier to: the other groups' classifiers, the parity classifier, or both.
    regularization : float, dict from group to float or "auto"
        Weight of the squared coefficients beside the mean loss. The constraints are imposed on mean scores above zero, which
        depend on the size of the coefficients, so acceptance rates can break them; the paper's remedy is to look for weights
        with which they comply. With "auto" (0.001 for all) the intercepts of groups whose rates do not comply on held-out
        rows are raised until they do.
    tolerance : float
        By how much an acceptance rate may be below the one that it is compared with: rates are estimates, and to satisfy the
        last of them groups can outbid each other until everybody is accepted.
    validation_fraction : float
        Share of the rows that rates are checked on with ``regularization="auto"``.
    n_init : int
        Starting points of the convex-concave procedure: the unconstrained fits, and random ones.
    max_iter : int
        Most steps of the procedure from each.
    min_group_size : int
        Fewest people (rows with positive weight) that a classifier is fitted on.
    handle_unknown : {"pooled", "error"}
        What to do at predict time with people of a group that did not occur in `fit`.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    random_state : int, RandomState or None
        Seeds the split and the random starting points.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        Labels of the classes.
    groups_ : list
        Labels of the groups.
    pooled_estimator_ : LogisticRegression
        Fitted on all people without constraints; serves groups that have no classifier.
    parity_estimator_ : LogisticRegression or None
        The parity classifier.
    group_estimators_ : dict
        Classifier of each group.
    fallback_groups_ : dict
        Groups without a classifier of their own, and why; no constraint is about them.
    regularization_ : dict
        Regularisation of each group.
    benefit_table_ : DataFrame
        One row per constraint: `group`, `kind` ("treatment" or "impact"), `other`, `own_rate`, `other_rate` and
        `satisfied`; acceptance rates on the held-out rows, to which the intercepts were fitted, with ``regularization="auto"``,
        else on the rows of `fit`. They are not evidence about new people (see Notes).
    constraints_satisfied_ : bool
        Whether all rates comply.
    n_iter_ : int
        Steps of the procedure from the best starting point.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Features are used as they are: standardise them in a pipeline, so that `regularization` means the same for all.
    The constraints are satisfied on the data that they were imposed on; on other people of groups of some hundreds rates
    differ by some points. Compare rates on new data by
    ``PreferenceFrame.from_estimator(model, X, y, sensitive_features=..., loss="rejection")``.

    References
    ----------
    Zafar, Valera, Gomez Rodriguez, Gummadi and Weller, "From Parity to Preference-based Notions of Fairness in
    Classification", NeurIPS 2017, arXiv 1707.00010 (equations 5 to 9). Convex-concave procedure with slack: Lipp and
    Boyd, "Variations and extension of the convex-concave procedure", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.decoupling import PreferredTreatmentClassifier
    >>> rng = np.random.default_rng(0)
    >>> s = np.repeat(["a", "b"], 500)
    >>> X = rng.standard_normal((1000, 2)) + np.where(s == "a", 0.7, -0.7)[:, None]
    >>> y = X[:, 0] + rng.standard_normal(1000) > 0
    >>> model = PreferredTreatmentClassifier(preference="treatment", random_state=0)
    >>> model.fit(X, y, sensitive_features=s).constraints_satisfied_
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "preference": [StrOptions({"treatment", "impact", "both"})],
        "regularization": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left"), dict],
        "tolerance": [Interval(Real, 0, 1, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "min_group_size": [Interval(Integral, 1, None, closed="left")],
        "handle_unknown": [StrOptions({"pooled", "error"})],
        "missing_group": [StrOptions({"error", "separate"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        preference: str = "both",
        regularization: float | Mapping[Any, float] | str = "auto",
        tolerance: float = 0.01,
        validation_fraction: float = 0.25,
        n_init: int = 2,
        max_iter: int = 50,
        min_group_size: int = 50,
        handle_unknown: str = "pooled",
        missing_group: str = "error",
        random_state: Any = None,
    ) -> None:
        self.preference = preference
        self.regularization = regularization
        self.tolerance = tolerance
        self.validation_fraction = validation_fraction
        self.n_init = n_init
        self.max_iter = max_iter
        self.min_group_size = min_group_size
        self.handle_unknown = handle_unknown
        self.missing_group = missing_group
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit the groups' classifiers under the constraints.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features, numbers.
        y : array-like, shape (n,)
            Labels of two classes; the second one in the order of `classes_` is the benefit.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Group of each person; several columns are intersected. Without them everybody gets the pooled classifier.
        sample_weight : array-like, shape (n,), optional
            Weights, in the losses and in the rates.

        Returns
        -------
        PreferredTreatmentClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, X is not numbers, there are not two classes, a sensitive feature is missing, `regularization`
            lacks a group, or weights are negative or all zero.

        Warns
        -----
        ConstraintsNotSatisfiedWarning
            If acceptance rates break a constraint.
        GroupFallbackWarning
            If a group has no classifier of its own.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported: y must have 2 classes; it has {len(self.classes_)}."
            )
        groups = self._read_groups(sensitive_features, len(sample))
        seed = check_random_state(self.random_state)
        self.pooled_estimator_ = sample.fit(LogisticRegression(max_iter=2000))
        self.group_estimators_, self.group_sizes_, self.fallback_groups_ = {}, {}, {}
        self.parity_estimator_: LogisticRegression | None = None
        self.regularization_: dict[Any, float] = {}
        self.benefit_table_, self.constraints_satisfied_, self.n_iter_ = self._benefit_table([]), True, 1
        if groups is None:
            return self
        labels = self._find_groups_to_fit(sample, groups)
        if labels:
            self._fit_groups(sample, groups, labels, seed)
        self._warn_of_fallback()
        self._warn_of_violations()
        return self

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        return check_values(self, X, reset=reset, dtype=np.float64)

    def _find_groups_to_fit(self, sample: Sample, groups: Groups) -> list[Any]:
        """Say which groups can have a classifier, and why others cannot."""
        labels = []
        for code, label in enumerate(groups.labels):
            members = sample.take(groups.codes == code)
            self.group_sizes_[label] = int(members.present().sum())
            self.group_estimators_[label] = self.pooled_estimator_
            if reason := why_no_model(members, self.min_group_size):
                self.fallback_groups_[label] = reason
            else:
                labels.append(label)
        if len(labels) > _MAX_GROUPS:
            raise ValueError(
                f"sensitive_features has {len(labels)} groups that could have a classifier; at most {_MAX_GROUPS} are "
                "allowed, as each is compared with each. Merge groups, or raise min_group_size."
            )
        if len(labels) == 1:
            self.fallback_groups_[labels[0]] = _ALONE
            return []
        return labels

    def _fit_groups(
        self, sample: Sample, groups: Groups, labels: list[Any], seed: np.random.RandomState
    ) -> None:
        fitting = checking = np.arange(len(sample))
        if self.regularization == "auto":
            classes = (sample.y == self.classes_[1]).astype(int)
            fitting, checking = hold_out(classes, groups.codes, self.validation_fraction, seed)
        labels = self._with_people_in_both(sample, groups, labels, (fitting, checking))
        if len(labels) < 2:
            return
        constraints = self._constraints(len(labels))
        members = self._members(sample, groups, labels, fitting)
        held_out = self._members(sample, groups, labels, checking)
        solution = solve(members, constraints, self._penalties(labels), self.n_init, self.max_iter, seed)
        if self.regularization == "auto":
            solution.raise_intercepts(held_out, constraints, self.tolerance)
        self.n_iter_ = solution.n_iter
        self.regularization_ = dict(zip(labels, solution.penalties.tolist(), strict=True))
        self.parity_estimator_ = None if solution.parity is None else self._classifier(solution.parity)
        for label, theta in zip(labels, solution.thetas, strict=True):
            self.group_estimators_[label] = self._classifier(theta)
        self.benefit_table_ = self._benefit_table(
            [
                (
                    labels[c.group],
                    "impact" if c.other is None else "treatment",
                    PARITY if c.other is None else labels[c.other],
                    *rates,
                )
                for c, rates in zip(constraints, solution.rates(held_out, constraints), strict=True)
            ]
        )
        self.constraints_satisfied_ = bool(self.benefit_table_["satisfied"].all())

    def _with_people_in_both(
        self, sample: Sample, groups: Groups, labels: list[Any], parts: tuple[np.ndarray, np.ndarray]
    ) -> list[Any]:
        """Leave out groups of which a part of the rows has nobody."""
        present = sample.present()
        for rows in parts:
            here = set(groups.codes[rows][present[rows]].tolist())
            for label in labels:
                if groups.labels.index(label) not in here:
                    self.fallback_groups_[label] = "too few people to fit and to check on others"
        left = [label for label in labels if label not in self.fallback_groups_]
        if len(left) == 1:
            self.fallback_groups_[left[0]] = _ALONE
        return left

    def _constraints(self, n_groups: int) -> list[Constraint]:
        constraints = []
        if self.preference != "treatment":
            constraints += [Constraint(k, None) for k in range(n_groups)]
        if self.preference != "impact":
            constraints += [Constraint(k, j) for k in range(n_groups) for j in range(n_groups) if j != k]
        return constraints

    def _members(self, sample: Sample, groups: Groups, labels: list[Any], rows: np.ndarray) -> list[Members]:
        """Split rows by group."""
        part, codes = sample.take(rows), groups.codes[rows]
        X = np.column_stack([np.asarray(part.X, dtype=float), np.ones(len(part))])
        sign = np.where(part.y == self.classes_[1], 1.0, -1.0)
        weights = np.ones(len(part)) if part.weights is None else part.weights
        chosen = [codes == groups.labels.index(label) for label in labels]
        return [Members(X[mine], sign[mine], weights[mine]) for mine in chosen]

    def _penalties(self, labels: list[Any]) -> np.ndarray:
        if not isinstance(self.regularization, Mapping):
            return np.full(
                len(labels), _PENALTY if self.regularization == "auto" else float(self.regularization)
            )
        if missing := [label for label in labels if label not in self.regularization]:
            raise ValueError(
                f"regularization has no value for the group(s) {missing[:5]!r}; its keys are {list(self.regularization)[:10]!r}."
            )
        penalties = np.array([float(self.regularization[label]) for label in labels])
        if (penalties < 0).any():
            raise ValueError(f"regularization must not be negative; its smallest value is {penalties.min()}.")
        return penalties

    def _benefit_table(self, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
        group, kind, other, own_rate, other_rate = zip(*rows, strict=True) if rows else ((),) * 5
        own, compared = np.array(own_rate, dtype=float), np.array(other_rate, dtype=float)
        return pd.DataFrame(
            {
                "group": flat_index(group),
                "kind": list(kind),
                "other": flat_index(other),
                "own_rate": own,
                "other_rate": compared,
                "satisfied": own >= compared - self.tolerance,
            }
        )

    def _classifier(self, theta: np.ndarray) -> LogisticRegression:
        """Make a fitted logistic regression of coefficients, the intercept last."""
        classifier = LogisticRegression()
        classifier.classes_ = self.classes_
        classifier.coef_, classifier.intercept_ = theta[None, :-1], theta[-1:]
        classifier.n_features_in_ = len(theta) - 1
        if hasattr(self, "feature_names_in_"):
            classifier.feature_names_in_ = self.feature_names_in_
        return classifier

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _warn_of_violations(self) -> None:
        if self.constraints_satisfied_:
            return
        broken = self.benefit_table_[~self.benefit_table_["satisfied"]]
        listed = "; ".join(
            f"{row.group!r} is accepted at a rate of {row.own_rate:.3f}, with the classifier of {row.other!r} at {row.other_rate:.3f}"
            for row in broken.head(5).itertuples()
        )
        warnings.warn(
            f"{len(broken)} of {len(self.benefit_table_)} constraints are broken by the acceptance rates, though not by the mean "
            f"scores that stand for them: {listed}. Other values of regularization may help.",
            ConstraintsNotSatisfiedWarning,
            stacklevel=3,
        )
