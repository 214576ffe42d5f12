"""One shared model under which no group loses more than its tolerance against a baseline."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from fairlearn.reductions import ExponentiatedGradient
from sklearn.base import MetaEstimatorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import FitsAndPredicts, Interval, StrOptions
from ..base._answers import ask_labels
from ..base._fallback_loss import FALLBACK_LOSSES, read_fallback_loss
from ..base._features import check_columns
from ..base._fitting import fit_context
from ..base._inner_fits import clone_seeded
from ..base._samples import Sample, check_labels, take_rows
from ..base._single_model import SingleModelClassifier
from ..base._splits import fold_of_rows
from ..base._weights import weight_arguments
from ..exceptions import ConstraintsNotSatisfiedWarning
from ..metrics import PreferenceFrame
from ..metrics._core._groups import Groups, encode_groups, labels_index
from ..metrics._core._losses import concerned_by
from ..metrics._core._names import group_name
from ._group_bounds import bounded_group_loss, without_deprecations

#: Most features for which Newton's method is faster than quasi-Newton steps.
_MOST_NEWTON_FEATURES = 500

#: What is bounded, in messages.
_RATES = {"zero_one": "error rate", "missed": "share of missed", "false_alarm": "share of false alarms"}


class NoHarmReduction(MetaEstimatorMixin, SingleModelClassifier):
    """Train one model for all whose error rate in every group is at most the baseline's.

    Every group has its own bound, the error rate of the baseline on held-out rows plus `tolerance`; fairlearn's
    exponentiated gradient minimises the error rate under these bounds. Other than with a routed ensemble, nobody's
    sensitive features are needed to predict.

    Parameters
    ----------
    estimator : classifier, optional
        Model that is trained on reweighted rows, once per iteration and more; its `fit` takes `sample_weight`. By default logistic
        regression, with the solver ``"newton-cholesky"`` for up to 500 features: there it is four times as fast as ``"lbfgs"``,
        and has the same solution.
    baseline : classifier, optional
        What no group may lose against; by default `estimator` by itself. Its held-out error rates come from `cv` folds. For a
        model in production that is not to be fitted again use scikit-learn's `FrozenEstimator`; then the rows of `fit` must
        be new to it.
    tolerance : float
        How much more than the baseline's a group's rate may be, as a share of the people whom `loss` concerns.
    loss : {"zero_one", "missed", "false_alarm"}
        What is bounded in every group: errors, errors among people of the second class, or among those of the first. The error rate of everybody is minimised
        in any case.
    randomized : bool
        Whether `predict` draws one of the members for each person, by their weights, as fairlearn does: in expectation
        that satisfies the bounds. By default the members vote, which treats equals equally but can break a bound;
        `group_losses_` says by how much, and a warning where it is more than `eps`.
    cv : int
        Number of folds for the baseline's error rates.
    eps, max_iter : float, int
        Of fairlearn's `ExponentiatedGradient`: slack of the bounds, and most iterations.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    random_state : int, RandomState or None
        Seeds the folds, the draws and estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        Labels of the classes.
    baseline_ : classifier
        The baseline, fitted on all rows.
    estimators_ : list of classifier
        Members of the model.
    n_iter_ : int
        Number of iterations.
    weights_ : ndarray
        Their weights, which sum to one.
    group_losses_ : DataFrame
        One row per group: `n`, `baseline_loss` on held-out rows, `bound`, and on the rows of `fit` `randomized_loss` of drawn
        members and `voting_loss` of the vote.

    Notes
    -----
    Without `sensitive_features` there is one group. The bounds hold on the rows of `fit`; whether a group is harmed
    on new ones is what `preference_frame` says.

    References
    ----------
    Agarwal et al., "A Reductions Approach to Fair Classification", ICML 2018; bounded group loss: Agarwal, Dudik and Wu, "Fair
    Regression", ICML 2019. That the bounds can differ between groups is not documented by fairlearn; it is checked
    before each fit.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> from fairlearn_fwh.reductions import NoHarmReduction
    >>> bunch = load_diabetes_progression()
    >>> X, X_test, y, y_test, sex, sex_test = train_test_split(
    ...     bunch.data, bunch.target, bunch.sensitive_features["sex"], random_state=0)
    >>> model = NoHarmReduction(random_state=0).fit(X, y, sensitive_features=sex)
    >>> bool((model.group_losses_["randomized_loss"] <= model.group_losses_["bound"] + model.eps).all())
    True
    >>> len(model.preference_frame(X_test, y_test, sensitive_features=sex_test).violations(alpha=0.05))
    0
    """

    __metadata_request__fit = {"sensitive_features": True}

    _parameter_constraints: dict[str, list[Any]] = {
        "estimator": [FitsAndPredicts(), None],
        "baseline": [FitsAndPredicts(), None],
        "tolerance": [Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions(set(FALLBACK_LOSSES))],
        "randomized": ["boolean"],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "eps": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "missing_group": [StrOptions({"error", "separate"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        baseline: Any = None,
        tolerance: float = 0.0,
        loss: str = "zero_one",
        randomized: bool = False,
        cv: int = 5,
        eps: float = 0.01,
        max_iter: int = 50,
        missing_group: str = "error",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.baseline = baseline
        self.tolerance = tolerance
        self.loss = loss
        self.randomized = randomized
        self.cv = cv
        self.eps = eps
        self.max_iter = max_iter
        self.missing_group = missing_group
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None) -> Self:
        """Measure the baseline and train the model.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,)
            Labels of two classes.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Groups that must not be harmed; several columns are intersected.

        Returns
        -------
        NoHarmReduction
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, there are not two classes, `estimator` takes no weights, or the bounds cannot be met; the message
            says by which group and by how much.
        RuntimeError
            If the installed fairlearn does not take one bound per group.

        Warns
        -----
        ConstraintsNotSatisfiedWarning
            If the vote, other than drawn members, exceeds a bound by more than `eps`.
        """
        X, labels = self._check_fit_input(X, y)
        groups = (
            Groups(np.zeros(len(labels), dtype=int), ["all"], ["group"])
            if sensitive_features is None
            else encode_groups(sensitive_features, n_rows=len(labels), missing_group=self.missing_group)
        )
        loss = read_fallback_loss(self.loss, self.classes_)
        seed = check_random_state(self.random_state)
        estimator = _logistic_regression(X.shape[1]) if self.estimator is None else self.estimator
        baseline = estimator if self.baseline is None else self.baseline
        try:
            weight_name = next(iter(weight_arguments(estimator, np.ones(len(labels)))))
        except ValueError as error:
            raise ValueError(
                f"estimator must take sample_weight in fit; {type(estimator).__name__} does not."
            ) from error
        sample = Sample(X, labels, None)
        is_judged = concerned_by(loss, labels)
        losses = group_means(self._held_out_errors(baseline, sample, groups, seed), groups, is_judged)
        bounds = losses + self.tolerance
        # People whom the loss does not concern are groups of their own, without a bound; so are groups that have nobody else.
        bounded = groups.codes + len(groups) * ~is_judged
        reduction = ExponentiatedGradient(
            clone_seeded(estimator, seed),
            bounded_group_loss(np.r_[np.nan_to_num(bounds, nan=1.0), np.ones(len(groups))]),
            eps=self.eps,
            max_iter=self.max_iter,
            sample_weight_name=weight_name,
        )
        codes = np.searchsorted(self.classes_, labels)
        with without_deprecations():
            reduction.fit(X, codes, sensitive_features=bounded)
        mixed = np.asarray(reduction.weights_) > 0
        members = [model for model, used in zip(reduction.predictors_, mixed, strict=True) if used]
        weights = np.asarray(reduction.weights_, dtype=float)[mixed]
        votes = _votes(members, X)
        drawn = group_means(np.abs(votes @ weights - codes), groups, is_judged)
        self._check_bounds(drawn, bounds, groups)
        self.n_iter_ = reduction.last_iter_ + 1
        self.estimators_, self.weights_ = members, weights
        self.baseline_ = sample.fit(clone_seeded(baseline, seed))
        self.group_losses_ = pd.DataFrame(
            {
                "n": np.bincount(groups.codes[is_judged], minlength=len(groups)),
                "baseline_loss": losses,
                "bound": bounds,
                "randomized_loss": drawn,
                "voting_loss": group_means((votes @ weights >= 0.5) != codes, groups, is_judged),
            },
            index=labels_index(groups.labels, groups.names),
        )
        self._warn_of_votes()
        return self

    def _check_fit_input(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        X = self._check_features(X, reset=True)
        labels = check_labels(y, X.shape[0], type(self).__name__)
        self.classes_ = np.unique(labels)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported: y must have 2 classes; it has {len(self.classes_)} "
                f"{'class' if len(self.classes_) == 1 else 'classes'}: {self.classes_[:5].tolist()!r}."
            )
        return X, labels

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        return check_columns(self, X, reset=reset)

    def _held_out_errors(
        self, baseline: Any, sample: Sample, groups: Groups, seed: np.random.RandomState
    ) -> np.ndarray:
        """Errors of the baseline on people that it was not fitted on."""
        codes = np.searchsorted(self.classes_, sample.y)
        folds = fold_of_rows(groups.codes.astype(np.int64) * 2 + codes, min(self.cv, len(sample)), seed)
        errors = np.zeros(len(sample), dtype=bool)
        for fold in range(int(folds.max()) + 1):
            mine = np.flatnonzero(folds == fold)
            rest = sample.take(np.flatnonzero(folds != fold))
            if not rest.has_several_classes():
                raise ValueError(
                    f"cv={self.cv}: in one fold all other people have class {rest.y[:1].tolist()[0]!r}; more people of each class are needed."
                )
            model = rest.fit(clone_seeded(baseline, seed))
            errors[mine] = ask_labels(model, take_rows(sample.X, mine), self.classes_) != sample.y[mine]
        return errors

    def _check_bounds(self, losses: np.ndarray, bounds: np.ndarray, groups: Groups) -> None:
        """Raise if the best mixture breaks a bound by more than the slack."""
        excess = losses - bounds
        if not (excess > self.eps).any():
            return
        excess = np.nan_to_num(excess, nan=-np.inf)
        worst = np.argsort(-excess)[: int((excess > self.eps).sum())]
        listed = ", ".join(
            f"{group_name(groups.labels[g])} ({_RATES[self.loss]} {losses[g]:.4f}, {excess[g]:.4f} above its bound {bounds[g]:.4f})"
            for g in worst[:5]
        )
        raise ValueError(
            f"The bounds cannot be met with this estimator within eps={self.eps}: {listed}. Raise tolerance by "
            f"{excess.max() - self.eps:.4f}, raise max_iter={self.max_iter}, or use a stronger estimator."
        )

    def _warn_of_votes(self) -> None:
        excess = (self.group_losses_["voting_loss"] - self.group_losses_["bound"]).max()
        if not self.randomized and excess > self.eps:
            warnings.warn(
                f"The members' vote exceeds a group's bound by {excess:.4f} on the rows of fit (see group_losses_); with "
                "randomized=True the bounds hold in expectation.",
                ConstraintsNotSatisfiedWarning,
                stacklevel=3,
            )

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the weights of the members that vote for each class.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n, 2)
            With `randomized` the probabilities of the decisions; not calibrated probabilities of the classes.
        """
        check_is_fitted(self)
        votes = _votes(self.estimators_, self._check_features(X, reset=False))
        accepted = np.clip(votes @ self.weights_, 0.0, 1.0)
        return np.column_stack([1 - accepted, accepted])

    def predict(self, X: Any) -> np.ndarray:
        """Predict by the vote of the members, or by a drawn one.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n,)
        """
        accepted = self.predict_proba(X)[:, 1]
        if self.randomized:
            threshold = check_random_state(self.random_state).uniform(size=len(accepted))
            return self.classes_[(accepted > threshold).astype(int)]
        return self.classes_[(accepted >= 0.5).astype(int)]

    def preference_frame(
        self,
        X: Any,
        y: Any,
        *,
        baseline: Any = None,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
        loss: Any = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Compare what each group gets with what the baseline would give.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels.
        baseline : fitted classifier, optional
            By default `baseline_`.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Audit groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            Whose rows belong together, as for `PreferenceFrame`.
        loss : str, callable, or several by name, optional
            As for `PreferenceFrame`; by default that of the bounds.
        pos_label : optional
            As for `PreferenceFrame`.

        Returns
        -------
        PreferenceFrame
        """
        check_is_fitted(self)
        return super().preference_frame(
            X,
            y,
            baseline=self.baseline_ if baseline is None else baseline,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            units=units,
            loss=read_fallback_loss(self.loss, self.classes_) if loss is None else loss,
            pos_label=pos_label,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _logistic_regression(n_features: int) -> LogisticRegression:
    """Logistic regression; Newton's method takes few steps, each of which factorises a matrix of n_features x n_features."""
    if n_features > _MOST_NEWTON_FEATURES:
        return LogisticRegression(max_iter=2000)
    return LogisticRegression(solver="newton-cholesky", max_iter=2000)


def group_means(values: np.ndarray, groups: Groups, among: np.ndarray) -> np.ndarray:
    """Mean of the values of some of each group's people, shape (A,); NaN where there are none."""
    codes = groups.codes[among]
    n = np.bincount(codes, minlength=len(groups))
    return np.bincount(codes, values[among], len(groups)) / np.where(n > 0, n, np.nan)


def _votes(members: list[Any], X: Any) -> np.ndarray:
    """Decision of every member about everybody, shape (n, M)."""
    return np.column_stack([ask_labels(model, X).astype(float) for model in members])
