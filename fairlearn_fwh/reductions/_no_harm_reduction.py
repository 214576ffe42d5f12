"""One shared model under which no group loses more than its tolerance against a baseline."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from fairlearn.reductions import ExponentiatedGradient
from sklearn.base import MetaEstimatorMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import FitsAndPredicts, Interval, StrOptions
from ..base._fallback_loss import read_fallback_loss
from ..base._features import check_columns
from ..base._fitting import fit_context
from ..base._inner_fits import clone_seeded
from ..base._samples import Sample, take_rows
from ..base._single_model import SingleModel
from ..base._splits import fold_of_rows
from ..base._tasks import CLASSIFICATION, REGRESSION, Task, task_of
from ..base._weights import weight_arguments
from ..exceptions import ConstraintsNotSatisfiedWarning
from ..metrics import PreferenceFrame
from ..metrics._core._groups import Groups, encode_groups, labels_index
from ..metrics._core._losses import Loss
from ..metrics._core._names import group_name
from ._bounded_losses import LOSSES_OF_AMOUNTS, NAMES, BoundedLoss, InUnitsOf, bounded_loss
from ._group_bounds import bounded_group_loss, without_deprecations


class NoHarmReduction(MetaEstimatorMixin, SingleModel):
    """Train one model for all whose error rate, or loss of amounts, in every group is at most the baseline's.

    Every group has its own bound, the mean loss of the baseline on held-out rows plus `tolerance`; fairlearn's
    exponentiated gradient minimises the mean loss of everybody under these bounds. Unlike with a routed ensemble, nobody's
    sensitive features are needed to predict.

    Parameters
    ----------
    estimator : classifier or regressor, optional
        Model that is trained on reweighted rows, once per iteration and more; its `fit` takes `sample_weight`. By default logistic
        regression, with the solver ``"newton-cholesky"`` for up to 500 features: there it is four times as fast as ``"lbfgs"``,
        and has the same solution. For "squared" it is linear regression, for "absolute" linear regression of the median, a linear program that is slow for
        more than some thousand rows.
    baseline : classifier or regressor, optional
        What no group may lose against; by default `estimator` by itself. Its held-out error rates come from `cv` folds. For a
        model in production that is not to be fitted again use scikit-learn's `FrozenEstimator`; then the rows of `fit` must
        be new to it.
    tolerance : float
        How much more than the baseline's a group's mean loss may be: a share of the people whom `loss` concerns, or in units of the loss of amounts.
    loss : {"zero_one", "missed", "false_alarm", "squared", "absolute"}
        What is bounded in every group: errors, errors among people of the second class, or among those of the first (the error rate of everybody is minimised
        in any case); or, of amounts, squared or absolute errors, with which the estimator is a regressor.
    randomized : bool
        Whether `predict` draws one of the members for each person, by their weights, as fairlearn does: in expectation
        that satisfies the bounds. With an integer `random_state` the draws are the same in each call, so ask about many people at once:
        those who are asked about one by one all get the same member. By default the members vote, which treats equals equally but can break a bound;
        `group_losses_` says by how much, and a warning where it is more than `eps`. Of amounts the members' weighted mean is predicted, which
        breaks no bound that drawn members keep, because these losses are convex.
    cv : int
        Number of folds for the baseline's losses.
    eps, max_iter : float, int
        Of fairlearn's `ExponentiatedGradient`: slack of the bounds (for losses of amounts as a share of the baseline's mean loss), and most iterations.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    random_state : int, RandomState or None
        Seeds the folds, the draws and estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        Labels of the classes; there are none of amounts.
    baseline_ : classifier or regressor
        The baseline, fitted on all rows.
    estimators_ : list of classifiers or regressors
        Members of the model.
    n_iter_ : int
        Number of iterations.
    weights_ : ndarray
        Weights of the members, which sum to one.
    group_losses_ : DataFrame
        One row per group: `n`, `baseline_loss` on held-out rows, `bound`, and on the rows of `fit` `randomized_loss` of drawn
        members and `voting_loss` of the vote, or of the mean of amounts.

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
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "loss": [StrOptions(set(NAMES))],
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
            Labels of two classes, or amounts.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Groups that must not be harmed; several columns are intersected.

        Returns
        -------
        NoHarmReduction
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, there are not two classes, `loss` is of regressors and a model is a classifier (or the other way round), `estimator` takes no weights, or the bounds cannot be met; the message
            says by which group and by how much.
        RuntimeError
            If the installed fairlearn does not take one bound per group.

        Warns
        -----
        ConstraintsNotSatisfiedWarning
            If the vote exceeds a bound by more than `eps`, which drawn members do not.
        """
        bounded = bounded_loss(self.loss)
        X, target = self._check_fit_input(X, y, bounded)
        groups = (
            Groups(np.zeros(len(target), dtype=int), ["all"], ["group"])
            if sensitive_features is None
            else encode_groups(sensitive_features, n_rows=len(target), missing_group=self.missing_group)
        )
        if len(target) < 2:
            raise ValueError("n_samples=1: nobody is left to measure the baseline on.")
        loss, numbers, is_judged = bounded.read(target, getattr(self, "classes_", None))
        seed = check_random_state(self.random_state)
        estimator = bounded.default_estimator(X.shape[1]) if self.estimator is None else self.estimator
        baseline = estimator if self.baseline is None else self.baseline
        weight_name = _weight_name(estimator, len(target))
        sample = Sample(X, target, None)
        held_out = self._held_out_losses(baseline, sample, groups, bounded, loss, seed)
        losses = group_means(held_out, groups, is_judged)
        bounds, unit = losses + self.tolerance, bounded.unit_of(held_out, self.tolerance)
        # People whom the loss does not concern are groups of their own, without a bound; so are groups that have nobody else.
        codes = groups.codes + len(groups) * ~is_judged
        no_bound = max(float(np.nanmax(bounds)), 1.0) if bounded.max == np.inf else 1.0
        upper = np.r_[np.nan_to_num(bounds, nan=no_bound), np.full(len(groups), no_bound)] / unit
        reduction = ExponentiatedGradient(
            clone_seeded(estimator, seed),
            bounded_group_loss(upper, InUnitsOf(bounded, unit)),
            eps=self.eps,
            max_iter=self.max_iter,
            sample_weight_name=weight_name,
        )
        with without_deprecations():
            reduction.fit(X, numbers, sensitive_features=codes)
        mixed = np.asarray(reduction.weights_) > 0
        members = [model for model, used in zip(reduction.predictors_, mixed, strict=True) if used]
        weights = np.asarray(reduction.weights_, dtype=float)[mixed]
        answers = _answers(bounded, members, X)
        drawn = sum(w * bounded.eval(numbers, column) for w, column in zip(weights, answers.T, strict=True))
        drawn_losses = group_means(np.asarray(drawn), groups, is_judged)
        self._check_bounds(drawn_losses, bounds, groups, self.eps * unit)
        self.n_iter_ = reduction.last_iter_ + 1
        self.estimators_, self.weights_ = members, weights
        self.baseline_ = sample.fit(clone_seeded(baseline, seed))
        together = bounded.eval(numbers, bounded.combine(answers, weights))
        self.group_losses_ = pd.DataFrame(
            {
                "n": np.bincount(groups.codes[is_judged], minlength=len(groups)),
                "baseline_loss": losses,
                "bound": bounds,
                "randomized_loss": drawn_losses,
                "voting_loss": group_means(together, groups, is_judged),
            },
            index=labels_index(groups.labels, groups.names),
        )
        self._warn_of_votes(self.eps * unit)
        return self

    @property
    def _task(self) -> Task:
        return REGRESSION if self.loss in LOSSES_OF_AMOUNTS else CLASSIFICATION

    def _check_fit_input(self, X: Any, y: Any, bounded: BoundedLoss) -> tuple[Any, np.ndarray]:
        X = self._check_features(X, reset=True)
        for name, model in (("estimator", self.estimator), ("baseline", self.baseline)):
            if (
                model is not None
                and hasattr(model, "__sklearn_tags__")
                and task_of(model) is not bounded.task
            ):
                raise ValueError(
                    f"loss={self.loss!r} is of a {bounded.task.estimator_type}; {name} is {type(model).__name__}, a {task_of(model).estimator_type}."
                )
        target = bounded.task.check_target(y, X.shape[0], type(self).__name__)
        if bounded.task is REGRESSION:
            return X, target
        if self.tolerance >= 1:
            raise ValueError(
                f"tolerance must be below 1, as a share of people, for loss={self.loss!r}; got {self.tolerance!r}."
            )
        self.classes_ = np.unique(target)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported: y must have 2 classes; it has {len(self.classes_)} "
                f"{'class' if len(self.classes_) == 1 else 'classes'}: {self.classes_[:5].tolist()!r}."
            )
        return X, target

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        return check_columns(self, X, reset=reset)

    def _held_out_losses(
        self,
        baseline: Any,
        sample: Sample,
        groups: Groups,
        bounded: BoundedLoss,
        loss: Loss,
        seed: np.random.RandomState,
    ) -> np.ndarray:
        """Losses by the baseline of people that it was not fitted on; errors, where the loss is about some of them."""
        strata = groups.codes.astype(np.int64) * 2 + bounded.task.strata(sample.y)
        folds = fold_of_rows(strata, min(self.cv, len(sample)), seed)
        losses = np.zeros(len(sample))
        for fold in range(int(folds.max()) + 1):
            mine = np.flatnonzero(folds == fold)
            rest = sample.take(np.flatnonzero(folds != fold))
            if bounded.task.why_not_fitted_on(rest):
                raise ValueError(
                    f"cv={self.cv}: in one fold all other people have class {rest.y[:1].tolist()[0]!r}; more people of each class are needed."
                )
            model = rest.fit(clone_seeded(baseline, seed))
            answers = bounded.task.answers(model, take_rows(sample.X, mine), getattr(self, "classes_", None))
            losses[mine] = loss.function(sample.y[mine], answers)
        return losses

    def _check_bounds(self, losses: np.ndarray, bounds: np.ndarray, groups: Groups, slack: float) -> None:
        """Raise if the best mixture breaks a bound by more than the slack."""
        excess = losses - bounds
        if not (excess > slack).any():
            return
        excess = np.nan_to_num(excess, nan=-np.inf)
        worst = np.argsort(-excess)[: int((excess > slack).sum())]
        listed = ", ".join(
            f"{group_name(groups.labels[g])} ({NAMES[self.loss]} {losses[g]:.4f}, {excess[g]:.4f} above its bound {bounds[g]:.4f})"
            for g in worst[:5]
        )
        raise ValueError(
            f"The bounds cannot be met with this estimator within eps={self.eps}: {listed}. Raise tolerance by "
            f"{excess.max() - slack:.4f}, raise max_iter={self.max_iter}, or use a stronger estimator."
        )

    def _warn_of_votes(self, slack: float) -> None:
        excess = (self.group_losses_["voting_loss"] - self.group_losses_["bound"]).max()
        if not self.randomized and excess > slack:
            warnings.warn(
                f"The members' vote exceeds a group's bound by {excess:.4f} on the rows of fit (see group_losses_); with "
                "randomized=True the bounds hold in expectation.",
                ConstraintsNotSatisfiedWarning,
                stacklevel=3,
            )

    @available_if(lambda self: self._task is CLASSIFICATION)
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
        accepted = np.clip(self._answers(X) @ self.weights_, 0.0, 1.0)
        return np.column_stack([1 - accepted, accepted])

    def predict(self, X: Any) -> np.ndarray:
        """Predict by the members together (their vote, or their mean of amounts), or by a drawn one.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n,)
        """
        answers = self._answers(X)
        if self.randomized:
            threshold = check_random_state(self.random_state).uniform(size=len(answers))
            drawn = np.searchsorted(np.cumsum(self.weights_)[:-1], threshold, side="right")
            predicted = answers[np.arange(len(answers)), drawn]
        else:
            predicted = bounded_loss(self.loss).combine(answers, self.weights_)
        return predicted if self._task is REGRESSION else self.classes_[predicted.astype(int)]

    def _answers(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return _answers(bounded_loss(self.loss), self.estimators_, self._check_features(X, reset=False))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Score predictions: the accuracy of labels, R squared of amounts.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,)
            True labels or amounts.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        float
        """
        return self._task.score(y, self.predict(X), sample_weight)

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
        loss_limit: float | None = None,
        pos_label: Any = None,
    ) -> PreferenceFrame:
        """Compare what each group gets with what the baseline would give.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            True labels, or amounts.
        baseline : fitted model, optional
            By default `baseline_`.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Audit groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            Whose rows belong together, as for `PreferenceFrame`.
        loss : str, callable, or several by name, optional
            As for `PreferenceFrame`; by default that of the bounds.
        loss_limit, pos_label : optional
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
            loss=self._loss() if loss is None else loss,
            loss_limit=loss_limit,
            pos_label=pos_label,
        )

    def _loss(self) -> Any:
        return self.loss if self._task is REGRESSION else read_fallback_loss(self.loss, self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        self._task.set_tags(tags)
        if self._task is CLASSIFICATION:
            tags.classifier_tags.multi_class = False
        return tags


def _weight_name(estimator: Any, n_rows: int) -> str:
    """Name the argument by which an estimator takes weights.

    Raises
    ------
    ValueError
        If it takes none.
    """
    try:
        return next(iter(weight_arguments(estimator, np.ones(n_rows))))
    except ValueError as error:
        raise ValueError(
            f"estimator must take sample_weight in fit; {type(estimator).__name__} does not."
        ) from error


def group_means(values: np.ndarray, groups: Groups, among: np.ndarray) -> np.ndarray:
    """Mean of the values of some of each group's people, shape (A,); NaN where there are none."""
    codes = groups.codes[among]
    n = np.bincount(codes, minlength=len(groups))
    return np.bincount(codes, values[among], len(groups)) / np.where(n > 0, n, np.nan)


def _answers(bounded: BoundedLoss, members: list[Any], X: Any) -> np.ndarray:
    """What every member answers to everybody, as numbers, shape (n, M)."""
    return np.column_stack([bounded.ask(model, X) for model in members])
