"""Stacking of candidate models in which groups depart from the others as far as their data bear."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state, get_tags

from .._sklearn_compat import Interval, StrOptions
from ..base._answers import align_probabilities
from ..base._fitting import fit_context
from ..base._group_routed import GroupRoutedClassifier, why_no_model
from ..base._inner_fits import clone_seeded
from ..base._model_of_group import as_they_treat, groups_argument, takes
from ..base._routed import RoutedClassifier
from ..base._samples import Sample, take_rows
from ..base._splits import fold_of_rows
from ..base._weights import weight_arguments
from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import Groups, as_tuple
from ._decoupled import DecoupledClassifier
from ._knows_groups import KnowsGroups
from ._stacked_classifier import StackedClassifier, log_odds

#: Spreads of the groups' deviations that are tried, as multiples of the standardised scores; 0 is none.
SPREADS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)

#: Inverse penalty of what all groups have in common; hardly any.
_C = 100.0


@dataclass(frozen=True)
class _FittedModel:
    """A model: as it is, without a group (None if it needs one), and as it treats each group."""

    model: Any
    blind: Any
    of_groups: dict[Any, Any]


class GroupStackingClassifier(GroupRoutedClassifier):
    """Combine the scores of several models, with weights that may differ between groups.

    Each model's scores are found out of fold, for people whom it has not seen. A logistic regression combines them; every group may depart
    from the common weights, and its deviations are shrunk towards none by a ridge penalty whose strength is chosen by cross-validation: small groups
    borrow from all, large ones depart as far as their data bear. Nothing is promised to any group: put `NoHarmSelector` around it.

    Parameters
    ----------
    estimators : list of (str, classifier), optional
        Models to combine; with `predict_proba`. They get `sensitive_features` where their `fit` takes them; routed ensembles answer as for the
        group. By default a logistic regression and (for features that are not sparse) scikit-learn's histogram gradient boosting, both with the groups among their
        features, which are numbers then, and a `DecoupledClassifier`.
    n_folds : int
        Number of folds, for the scores and for the strength.
    min_group_size : int
        Fewest people with which a group may depart; smaller ones have the common weights.
    handle_unknown : {"pooled", "error"}
        What to do at predict time with groups that did not occur in `fit`.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    random_state : int, RandomState or None
        Seeds the folds and estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    groups_ : list
        Labels of the groups.
    group_sizes_ : dict
        Number of people in `fit` by group.
    pooled_estimator_ : classifier
        The models as they are without the groups, combined with weights that are the same for all; without `sensitive_features` in `fit` the first model.
    group_estimators_ : dict
        The models combined with the weights of each group.
    fallback_groups_ : dict
        Groups that have the common weights because they are too small or of one class.
    spread_ : float
        Spread of the groups' deviations that was chosen, one of 0 (none) to 1 (hardly shrunk).
    log_losses_ : dict from float to float
        Mean out-of-fold log loss with each spread.
    estimators_ : list of classifier
        The models, fitted on all rows.

    Raises
    ------
    ValueError
        If a parameter is out of range, names of estimators are not different, or one has no `predict_proba`.

    References
    ----------
    Stacking: Wolpert 1992; out-of-fold scores as in scikit-learn's `StackingClassifier`. Partial pooling of group coefficients: Gelman and Hill 2007, chapter 12.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> from fairlearn_fwh.decoupling import GroupStackingClassifier
    >>> bunch = make_intersectional(1500, random_state=0)
    >>> X, X_test, y, y_test, s, s_test = train_test_split(bunch.data, bunch.target, bunch.sensitive_features, random_state=0)
    >>> model = GroupStackingClassifier(random_state=0).fit(X, y, sensitive_features=s)
    >>> round(model.score(X_test, y_test, sensitive_features=s_test), 1)
    1.0
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "estimators": [list, tuple, None],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "min_group_size": [Interval(Integral, 1, None, closed="left")],
        "handle_unknown": [StrOptions({"pooled", "error"})],
        "missing_group": [StrOptions({"error", "separate"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators: Any = None,
        *,
        n_folds: int = 5,
        min_group_size: int = 20,
        handle_unknown: str = "pooled",
        missing_group: str = "error",
        random_state: Any = None,
    ) -> None:
        self.estimators = estimators
        self.n_folds = n_folds
        self.min_group_size = min_group_size
        self.handle_unknown = handle_unknown
        self.missing_group = missing_group
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit the models and how they are combined.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features, in whatever form the estimators take them.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Group of each person; several columns are intersected. Without them nothing is stacked: the first estimator serves everybody.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        GroupStackingClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, y has one class, a class has fewer people than there are folds, or weights are negative or all zero.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        models = self._named_models(sample)
        groups = self._read_groups(sensitive_features, len(sample))
        seed = check_random_state(self.random_state)
        self.group_estimators_, self.group_sizes_, self.fallback_groups_ = {}, {}, {}
        if groups is None:
            first = models[0].estimator if isinstance(models[0], KnowsGroups) else models[0]
            self.estimators_ = [sample.fit(clone_seeded(first, seed))]
            self.pooled_estimator_, self.spread_, self.log_losses_ = self.estimators_[0], 0.0, {}
            return self
        rows = np.flatnonzero(sample.present())
        sample, groups = sample.take(rows), Groups(groups.codes[rows], groups.labels, groups.names)
        self._check_class_sizes(sample)
        codes = np.searchsorted(self.classes_, sample.y)
        folds = fold_of_rows(groups.codes.astype(np.int64) * len(self.classes_) + codes, self.n_folds, seed)
        scores, blind = self._out_of_fold(models, sample, groups, folds, seed)
        scores, scaling = _standardised(scores)
        may_depart = self._who_departs(sample, groups)
        departing = np.where(may_depart[groups.codes], groups.codes, -1)
        self.log_losses_ = {
            spread: self._log_loss(scores, codes, departing, spread, folds, sample.weights)
            for spread in SPREADS
        }
        self.spread_ = min(self.log_losses_, key=lambda spread: self.log_losses_[spread])
        fitted = [self._fit_model(model, sample, groups, seed) for model in models]
        self.estimators_ = [fit.model for fit in fitted]
        self._combine_for_all(fitted, blind, codes, sample.weights)
        combiner = _fit_combiner(_design(scores, departing, self.spread_), codes, sample.weights)
        self._combine_for_groups(fitted, groups, combiner, scaling)
        return self

    def _named_models(self, sample: Sample) -> list[Any]:
        if self.estimators is None:
            models = [LogisticRegression(max_iter=2000)]
            models += [] if sparse.issparse(sample.X) else [HistGradientBoostingClassifier()]
            return [*map(KnowsGroups, models), DecoupledClassifier()]
        entries = list(self.estimators)
        if not entries or any(not isinstance(e, tuple | list) or len(e) != 2 for e in entries):
            raise ValueError(f"estimators must be a list of (name, classifier); got {self.estimators!r}.")
        names = [name for name, _ in entries]
        if len(set(names)) < len(names) or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"estimators must have different texts as names; got {names!r}.")
        for name, model in entries:
            if isinstance(model, type) or not hasattr(model, "predict_proba") or not hasattr(model, "fit"):
                raise ValueError(f"estimators has {model!r} as {name!r}; it needs fit and predict_proba.")
        return [model for _, model in entries]

    def _check_class_sizes(self, sample: Sample) -> None:
        classes, sizes = np.unique(sample.y, return_counts=True)
        if len(classes) < 2 or sizes.min() < self.n_folds:
            raise ValueError(
                f"n_folds={self.n_folds} needs at least that many people of each class; class {classes.tolist()[sizes.argmin()]!r} has {sizes.min()}."
            )

    def _who_departs(self, sample: Sample, groups: Groups) -> np.ndarray:
        """Groups that are large enough for weights of their own, as a mask; the others are written down."""
        may_depart = np.zeros(len(groups), dtype=bool)
        for code, label in enumerate(groups.labels):
            members = sample.take(groups.codes == code)
            self.group_sizes_[label] = len(members)
            reason = why_no_model(members, self.min_group_size)
            may_depart[code] = not reason
            if reason:
                self.fallback_groups_[label] = f"{reason}: common weights"
        return may_depart

    def _out_of_fold(
        self,
        models: list[Any],
        sample: Sample,
        groups: Groups,
        folds: np.ndarray,
        seed: np.random.RandomState,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores for people whom the models have not seen: of all models as they treat their groups, and of those that need no groups without."""
        with_groups: list[list[Any]] = [[] for _ in models]
        blind: list[list[Any]] = [[] for _ in models]
        parts = [np.flatnonzero(folds == fold) for fold in range(self.n_folds)]
        parts = [part for part in parts if len(part)]
        for rows in parts:
            rest = np.setdiff1d(np.arange(len(sample)), rows)
            X = take_rows(sample.X, rows)
            for m, model in enumerate(models):
                fitted = self._fit_model(model, sample.take(rest), _taken(groups, rest), seed)
                with_groups[m].append(self._ask(fitted.of_groups, X, groups.codes[rows]))
                if fitted.blind is not None:
                    blind[m].append(log_odds(align_probabilities(fitted.blind, X, self.classes_)))
        order = np.argsort(np.concatenate(parts), kind="stable")
        together = [
            [np.concatenate(of_model)[order] for of_model in kind if of_model]
            for kind in (with_groups, blind)
        ]
        return np.column_stack(together[0]), (
            np.column_stack(together[1]) if together[1] else np.zeros((len(sample), 0))
        )

    def _fit_model(
        self, model: Any, sample: Sample, groups: Groups, seed: np.random.RandomState
    ) -> _FittedModel:
        """Fit a model; as it answers without a group, if it can, and as it treats each."""
        model = clone_seeded(model, seed)
        arguments: dict[str, Any] = weight_arguments(model, sample.weights)
        if name := groups_argument(model):
            arguments[name] = _as_table(groups, sample.X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            model.fit(sample.X, sample.y, **arguments)
        if isinstance(model, KnowsGroups):
            blind = sample.fit(clone_seeded(model.estimator, seed))
            return _FittedModel(model, blind, as_they_treat(model, groups, seed))
        if isinstance(model, RoutedClassifier) and set(groups.labels) & set(model.group_estimators_):
            own = {
                label: model.group_estimators_.get(label, model.pooled_estimator_) for label in groups.labels
            }
            return _FittedModel(model, model.pooled_estimator_, own)
        blind = None if takes(model, "predict", "sensitive_features") else model
        return _FittedModel(model, blind, as_they_treat(model, groups, seed))

    def _ask(self, of_groups: dict[Any, Any], X: Any, codes: np.ndarray) -> np.ndarray:
        """Scores of people of some groups."""
        models = list(of_groups.values())
        result: np.ndarray | None = None
        for model in {id(model): model for model in models}.values():
            its = [code for code, other in enumerate(models) if other is model]
            rows = np.flatnonzero(np.isin(codes, its))
            if not len(rows):
                continue
            part = log_odds(align_probabilities(model, take_rows(X, rows), self.classes_))
            result = np.empty((len(codes), part.shape[1])) if result is None else result
            result[rows] = part
        assert result is not None
        return result

    def _log_loss(
        self,
        scores: np.ndarray,
        codes: np.ndarray,
        departing: np.ndarray,
        spread: float,
        folds: np.ndarray,
        weights: np.ndarray | None,
    ) -> float:
        """Mean log loss of people who took no part in fitting the weights."""
        losses = np.zeros(len(codes))
        design = _design(scores, departing, spread)
        for fold in range(self.n_folds):
            rest, mine = folds != fold, folds == fold
            if not mine.any():
                continue
            combiner = _fit_combiner(design[rest], codes[rest], None if weights is None else weights[rest])
            p = np.full((mine.sum(), len(self.classes_)), np.finfo(float).tiny)
            p[:, combiner.classes_] = combiner.predict_proba(design[mine])
            losses[mine] = -np.log(np.maximum(p[np.arange(mine.sum()), codes[mine]], 1e-12))
        return float(np.average(losses, weights=weights))

    def _combine_for_all(
        self, fitted: list[_FittedModel], blind: np.ndarray, codes: np.ndarray, weights: np.ndarray | None
    ) -> None:
        """Combine the models that need no groups, for people of whom none is known.

        Raises
        ------
        ValueError
            If all models need the groups to predict.
        """
        members = [fit.blind for fit in fitted if fit.blind is not None]
        if not members:
            raise ValueError(
                "estimators all need sensitive_features to predict; one that does not is needed for people of unknown groups."
            )
        scores, scaling = _standardised(blind)
        combiner = _fit_combiner(scores, codes, weights)
        self.pooled_estimator_ = StackedClassifier(
            members, self.classes_, *scaling, combiner.coef_, combiner.intercept_
        )

    def _combine_for_groups(
        self,
        fitted: list[_FittedModel],
        groups: Groups,
        combiner: LogisticRegression,
        scaling: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Give every group the common weights and its deviations."""
        m = len(scaling[0])
        for code, label in enumerate(groups.labels):
            coef, intercept = combiner.coef_[:, :m].copy(), combiner.intercept_.copy()
            if self.spread_ and label not in self.fallback_groups_:
                own = combiner.coef_[:, m + code * (1 + m) : m + (code + 1) * (1 + m)] * self.spread_
                coef, intercept = coef + own[:, 1:], intercept + own[:, 0]
            members = [fit.of_groups[label] for fit in fitted]
            self.group_estimators_[label] = StackedClassifier(
                members, self.classes_, *scaling, coef, intercept
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        entries = [e for e in self.estimators or [] if isinstance(e, tuple | list) and len(e) == 2]
        models = [model for _, model in entries if not isinstance(model, type)]
        tags.input_tags.sparse = all(get_tags(model).input_tags.sparse for model in models)
        return tags


def _standardised(scores: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Scores with mean 0 and spread 1, and what was subtracted and divided by."""
    center, scale = scores.mean(axis=0), scores.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    return (scores - center) / scale, (center, scale)


def _taken(groups: Groups, rows: np.ndarray) -> Groups:
    """Take rows and keep all labels, so that codes mean the same."""
    return Groups(groups.codes[rows], groups.labels, groups.names)


def _as_table(groups: Groups, X: Any) -> pd.DataFrame:
    """Groups as sensitive features, a column for each of their names."""
    index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(groups.codes))
    columns = zip(*map(as_tuple, groups.labels), strict=True)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=object).to_numpy()[groups.codes]
            for name, values in zip(groups.names, columns, strict=True)
        },
        index=index,
    ).infer_objects()


def _fit_combiner(design: Any, codes: np.ndarray, weights: np.ndarray | None) -> LogisticRegression:
    return LogisticRegression(C=_C, max_iter=500).fit(design, codes, sample_weight=weights)


def _design(scores: np.ndarray, departing: np.ndarray, spread: float) -> Any:
    """Scores, and for each group that departs a constant and the scores, times the spread: a larger one is penalised less."""
    if not spread or departing.max() < 0:
        return scores
    n, m = scores.shape
    inside = np.flatnonzero(departing >= 0)
    columns = departing[inside][:, None] * (1 + m) + np.arange(1 + m)
    values = spread * np.column_stack([np.ones(len(inside)), scores[inside]])
    rows = np.broadcast_to(inside[:, None], columns.shape)
    shape = (n, (int(departing.max()) + 1) * (1 + m))
    own = sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape)
    return sparse.hstack([sparse.csr_array(scores), own], format="csr")
