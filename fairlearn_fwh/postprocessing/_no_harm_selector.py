"""Choose for every group the pooled or its own model, with a guarantee that no group is harmed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import FitsAndPredicts, Interval, StrOptions
from ..base._fitting import fit_context
from ..base._inner_fits import FIT_FAILED, clone_seeded
from ..base._routed import RoutedEstimator
from ..base._tasks import REGRESSION, Task, task_of
from ..base._units import read_units
from ..decoupling import DecoupledClassifier
from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import encode_groups, find_groups
from ._candidates import Selection, select
from ._columns import read_predictions
from ._cross_fitting import number_of_folds
from ._fits import AskedEnsemble, Fits
from ._guarantees import GUARANTEES, Guarantee
from ._model_table import CandidateTable, ModelTable
from ._plot import plot_selection
from ._routing import is_list_of_candidates, route_to_candidates, router_of
from ._scores import Score, resolve_score
from ._settings import as_frame, check_classes, check_settings, columns_as_models
from ._strategies import STRATEGIES
from ._verdict import in_words


class NoHarmSelector(RoutedEstimator):
    """Keep each group's own classifier, or regressor, only where selection data say that it does no harm.

    Every group gets the pooled classifier or its own one (or, with `reassign`, any group's), so that no group is worse
    off than with the pooled classifier, with a confidence that holds for all groups together. Regressors are chosen from in the same way, see
    `loss_limit`.

    Parameters
    ----------
    estimator : routed ensemble, (pooled, {group: classifier}), (baseline, mitigated model) or list of (name, classifier), optional
        What is chosen from; by default `DecoupledClassifier`. Regressors in their place (`DecoupledRegressor`, pairs and lists of regressors) make
        the selector a regressor. A mitigated model, for example one of fairlearn's, is kept or
        replaced by the baseline group by group; it gets `sensitive_features` where its methods take them. A list has the pooled classifier
        first and then any number of candidates, such as ``[("pooled", a), ("boosting", b), ("decoupled", c)]``; every group gets the best that is safe.
    strategy : {"max_min", "min_gap", "max_overall", "in_order"}
        Among choices that harm no group take the one with the best score for every group; or with the smallest gap
        between the best and the worst-off group; or with the best score overall (weighted by the groups' sizes) whose gap is
        no larger than all-pooled's. "min_gap" can refuse an improvement of the best-off group. All are solved
        exactly; ties go to the pooled classifier. "in_order" takes the first candidate of the list that is safe.
    guarantee : {"certified", "empirical", "release", "shrunk"}
        "certified": a classifier may replace the pooled one if a test says at level `alpha`, for all groups and candidates together (step-down
        min-P), that the group's gain is above ``-tolerance``. "empirical": if its gain in the selection data is. "release": one
        candidate replaces it for everybody if it is better overall, or with a tolerance not worse by more than that (level `alpha`), and no
        group is found to lose more than `harm_margin` (level `harm_alpha`). "shrunk": if the probability of a loss of more than `tolerance` is below
        `alpha`, where groups borrow from each other (partial pooling). `verdict_` says what each promises, and which groups it does not protect.
    tolerance : float
        Largest loss of score that counts as none. At 0 "certified" means significantly better; above 0 it is a test
        of non-inferiority.
    alpha : float
        Probability that a harmful classifier is kept, over all groups, for "certified"; that a model that is no better overall is released; or that a
        group that is kept loses, for "shrunk".
    harm_margin : float
        Loss of a group, in units of the score, that does not yet block a release.
    harm_alpha : float
        Level at which a loss of a group blocks a release, for all groups together. Larger values protect more, and block more often by chance.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, loss or callable, optional
        By default "accuracy", of regressors "squared". What counts, within each group: a score, a loss of `PreferenceFrame` ("brier", "log" and a `MisclassificationCost` are negated, "missed" is shown as recall and
        "false_alarm" as specificity, with ``classes_[1]`` as the positive label, "zero_one" and
        "rejection" are shown as accuracy and acceptance rate), or a metric ``(y_true, y_pred) -> float`` of labels, greater
        is better. Tests: Tango's score test for accuracy, with Skellam's law where few people lose (at tolerance 0 the exact McNemar test,
        above it below 100 people the exact unconditional one), bets for "brier" (Waudby-Smith and Ramdas 2024), DeLong's for "roc_auc"; "zero_one", "missed", "false_alarm" and
        "rejection" are tested like accuracy, a `MisclassificationCost` and, with `loss_limit`, "log" by bets. "balanced_accuracy" and metrics have no test and need
        ``guarantee="empirical"``. Of regressors "squared", "absolute", "pinball" (or a `PinballLoss`), a loss with attributes `lower` and `upper`, negated, or such a
        metric; gains are in units of the loss, those of "absolute" in units of y.
    loss_limit : float, optional
        Where losses are cut off, as for `PreferenceFrame`. "squared", "absolute", "pinball" and "log" have no largest value, and need it for every
        guarantee but "empirical": the promise is then about the losses that are cut off there.
    prefit : bool
        The classifiers are fitted already, and every row given to `fit` is for choosing. They must not have seen them.
    selection_fraction : float
        Share of the rows of `fit` that is for choosing.
    cross_fit : int, "auto" or None
        Number of folds: every row is for choosing, judged by classifiers that have not seen it, and the classifiers are
        then fitted on all rows. The guarantee then speaks of the average of the fold models, not of those that are
        used, which have more rows. Groups must be the same in every fold, as those of `sensitive_features` are. None is one split by `selection_fraction`. "auto"
        is 5 folds where fits are cheap: not `prefit`, at most 100,000 rows, groups of `sensitive_features`, and no estimator inside that is trained in epochs or
        is a reduction; else one split.
    n_repeats : int
        How often cross-fitting is repeated with other folds. Each person's differences are averaged over the repeats, and tested by bets; rows of
        repeats are never counted as people.
    reassign : bool
        Whether a group may get another group's classifier; then every classifier is asked about every row.
    random_state : int, RandomState or None
        Seeds the split and estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes; regressors have none.
    estimator_ : routed ensemble
        The fitted ensemble that was chosen from.
    pooled_estimator_ : classifier
        The pooled classifier, fitted on all rows (not with `prefit`). Where one split was made it is not the one that candidates were
        compared with, which had the fitting rows alone.
    group_estimators_ : dict
        Classifier that serves each group.
    fallback_groups_ : dict
        Groups that are served by the pooled classifier, and why.
    group_sizes_ : dict
        Number of people in the selection data by group (rows with positive weight).
    selection_table_ : DataFrame
        One row per group: `group`, `n`, `pooled_score`, `own_score`, `chosen_score`, `gain` of the classifier that was judged
        (the chosen one, else the own one), its `lower_bound` (simultaneous) and `p_adjusted`, `choice` ("pooled", "own",
        the group whose classifier it is, or the name of a candidate), `gain_over_refitted` (over the pooled classifier that is fitted on all rows; cross-fitted, not tested) and
        `reason`. Of a list of candidates one row for every pair of a group and a candidate. For "release" also `p_harm`, for "shrunk" `shrunk_gain` and `p_loss`
        in place of the tests, and `protected`, whether a loss of 5 points would have been found with a power of at least 80 %.
    verdict_ : str
        The outcome in words.
    preference_frame_ : PreferenceFrame
        Rationality and envy after the choice, in the selection data; what was chosen on them flatters them.

    Raises
    ------
    ValueError
        If a parameter is out of range, `scoring` has no test and `guarantee` is not "empirical", or, with `cross_fit`, groups
        differ between folds.
    TypeError
        If `estimator` is not a routed ensemble, a pair or a list of names and classifiers, or has classifiers beside regressors.

    Notes
    -----
    A mitigated model that decides at random draws anew in every call; the guarantee is then about the average of draws.
    The guarantee is about the groups by which classifiers are assigned; others are audited by `preference_frame`. It is
    about gains over the pooled classifier: a choice can create envy, so envy is measured afterwards
    (`preference_frame_`, `verdict_`). The overall score is the mean of the groups' scores weighted by their sizes.

    References
    ----------
    Tan et al., "Selective Demographic Experts", AAAI 2026, arXiv 2511.06293 (selection of experts without
    guarantee). Tests: Tango 1998; Waudby-Smith and Ramdas 2024; DeLong et al. 1988; Westfall and Young 1993.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> from fairlearn_fwh.decoupling import DecoupledClassifier
    >>> from fairlearn_fwh.postprocessing import NoHarmSelector
    >>> bunch = make_intersectional(4000, random_state=0)
    >>> X, X_test, y, y_test, s, s_test = train_test_split(
    ...     bunch.data, bunch.target, bunch.sensitive_features, random_state=0)
    >>> model = NoHarmSelector(DecoupledClassifier(), random_state=0).fit(X, y, sensitive_features=s)
    >>> model.selection_table_["choice"].tolist()
    ['own', 'own', 'own', 'own']
    >>> round(model.score(X_test, y_test, sensitive_features=s_test), 2)
    0.98
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "estimator": [FitsAndPredicts(), tuple, list, None],
        "strategy": [StrOptions(set(STRATEGIES))],
        "guarantee": [StrOptions(set(GUARANTEES))],
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "harm_margin": [Interval(Real, 0, None, closed="left")],
        "harm_alpha": [Interval(Real, 0, 1, closed="neither")],
        "scoring": [str, callable, None],
        "loss_limit": [Interval(Real, 0, None, closed="neither"), None],
        "prefit": ["boolean"],
        "selection_fraction": [Interval(Real, 0, 1, closed="neither")],
        "cross_fit": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"}), None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "reassign": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        strategy: str = "max_min",
        guarantee: str = "certified",
        tolerance: float = 0.0,
        alpha: float = 0.05,
        harm_margin: float = 0.0,
        harm_alpha: float = 0.2,
        scoring: str | Callable[..., float] | None = None,
        loss_limit: float | None = None,
        prefit: bool = False,
        selection_fraction: float = 0.25,
        cross_fit: int | str | None = "auto",
        n_repeats: int = 1,
        reassign: bool = False,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.strategy = strategy
        self.guarantee = guarantee
        self.tolerance = tolerance
        self.alpha = alpha
        self.harm_margin = harm_margin
        self.harm_alpha = harm_alpha
        self.scoring = scoring
        self.loss_limit = loss_limit
        self.prefit = prefit
        self.selection_fraction = selection_fraction
        self.cross_fit = cross_fit
        self.n_repeats = n_repeats
        self.reassign = reassign
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
        """Fit the classifiers (unless `prefit`) and choose between them.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.
        y : array-like, shape (n,)
            Labels, or amounts.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            What the ensemble routes by, if it does.
        sample_weight : array-like, shape (n,), optional
            Weights, for the fits and for the scores.
        units : array-like, shape (n,), optional
            Whose rows belong together, such as the visits of a patient: no unit is divided between fitting and choosing, or between folds, and
            tests count units. The ensemble gets them too if it takes them. Certificates of "roc_auc" do not take units.

        Returns
        -------
        NoHarmSelector
            The fitted estimator.

        Raises
        ------
        ValueError
            See the class; also if lengths differ, y has one class, or weights are negative or all zero.

        Warns
        -----
        GroupFallbackWarning
            If a group cannot be judged because it, or one of its classes, is not in the selection data.
        """
        check_settings(self)
        score = self._score()
        sample = self._check_fit_input(X, y, sample_weight)
        sample = replace(sample, units=read_units(units, len(sample)))
        guarantee = Guarantee(self.guarantee, self.tolerance, self.alpha, self.harm_margin, self.harm_alpha)
        classes = getattr(self, "classes_", None)
        score.check(guarantee, classes, sample)
        seed = check_random_state(self.random_state)
        features = None if sensitive_features is None else as_frame(sensitive_features, len(sample))
        routed = route_to_candidates(self, sensitive_features, sample_weight)
        make = partial(self._ensemble, seed, routed)
        unfitted = self._ensemble(check_random_state(0), None) if not self.prefit else None
        n_folds = number_of_folds(self.cross_fit, unfitted, self._task.strata(sample.y), sample.units)
        fits = Fits(make, self._task, sample, features, seed)
        if self.prefit:
            ensemble, repeats = fits.prefit()
        elif n_folds is None:
            ensemble, repeats = fits.split(self.selection_fraction)
        else:
            ensemble, repeats = fits.cross_fit(n_folds, self.n_repeats)
        if classes is not None:
            classes = check_classes(ensemble, classes)
            score.check(guarantee, classes, sample)
        selection = select(repeats, ensemble, score, classes, guarantee, self.strategy, self.reassign)
        if not self.prefit:
            selection = selection.with_gains() if n_folds else fits.refit_pooled(selection)
        self.estimator_ = selection.ensemble
        if classes is not None:
            self.classes_ = classes
        self._adopt(selection)
        self.preference_frame_ = selection.preference_frame()
        self.verdict_ = in_words(
            selection, guarantee, n_folds, self.preference_frame_, self._task.estimator_type
        )
        self._warn_of_unjudged(selection)
        return self

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        predictions: Any,
        *,
        sensitive_features: Any,
        sample_weight: Any = None,
        units: Any = None,
        **settings: Any,
    ) -> NoHarmSelector:
        """Choose between columns of answers, without models.

        Parameters
        ----------
        y_true : array-like, shape (n,)
            True labels of people who took no part in fitting what answered.
        predictions : dict or DataFrame, shape (n, C)
            Answers about them, the pooled model's first: labels, probabilities of the second class where `scoring` compares these, or amounts where it
            is a loss of regressors.
        sensitive_features : array-like, shape (n,), DataFrame or dict
            Their groups.
        sample_weight, units : array-like, shape (n,), optional
            As for `fit`.
        **settings
            Other parameters of the class.

        Returns
        -------
        NoHarmSelector
            Fitted; its `predict` takes a dict or frame with the same columns about other people, and gives each the answer that was chosen for
            the group.

        Raises
        ------
        ValueError
            As for `fit`; if `predictions` are not at least two columns with names.

        Examples
        --------
        >>> from fairlearn_fwh.postprocessing import NoHarmSelector
        >>> answers = {"old": [0, 1] * 100, "new": [1] * 200}
        >>> selector = NoHarmSelector.from_predictions([1] * 150 + [1, 0] * 25, answers, sensitive_features=["a"] * 100 + ["b"] * 100)
        >>> selector.selection_table_[["group", "candidate", "gain", "choice"]].round(2).values.tolist()
        [['a', 'new', 0.5, 'new'], ['b', 'new', 0.5, 'new']]
        """
        table = read_predictions(predictions)
        selector = cls(columns_as_models(table, y_true, settings), prefit=True, **settings)
        return selector.fit(
            table, y_true, sensitive_features=sensitive_features, sample_weight=sample_weight, units=units
        )

    def get_metadata_routing(self) -> MetadataRouter:
        """Say which metadata of `fit` are routed to the estimators inside.

        Returns
        -------
        MetadataRouter
        """
        return router_of(self)

    @property
    def _task(self) -> Task:
        """That of the pooled model."""
        return task_of(self._first_inside())

    def _check_predict_input(self, X: Any) -> Any:
        """Check X; columns may be a dict, as in `from_predictions`."""
        is_columns = isinstance(X, Mapping) and not issparse(X)  # some sparse matrices are dicts
        return super()._check_predict_input(pd.DataFrame(X) if is_columns else X)

    def _first_inside(self) -> Any:
        """The ensemble, or the first of several models."""
        if is_list_of_candidates(self.estimator):
            return self.estimator[0][1]
        if isinstance(self.estimator, tuple | list):
            return self.estimator[0] if self.estimator else None
        return DecoupledClassifier() if self.estimator is None else self.estimator

    def _score(self) -> Score:
        return resolve_score(self.scoring, self._task, self.loss_limit)

    def _loss(self) -> Any:
        """That of the score; errors where the score is not about labels."""
        loss = self._score().loss
        if loss.concerns is not None:
            return replace(loss, pos_label=self.classes_.tolist()[1])
        return loss if self._task is REGRESSION or loss.predicts == "labels" else self._task.loss

    def _ensemble(self, seed: np.random.RandomState, routed: Mapping[str, set[str]] | None) -> Any:
        """Make the ensemble to fit, or take the fitted one."""
        if is_list_of_candidates(self.estimator):
            return CandidateTable(
                self.estimator,
                prefit=self.prefit,
                task=self._task.estimator_type,
                random_state=seed,
                metadata=routed,
            )
        if isinstance(self.estimator, tuple | list):
            return ModelTable(
                *self.estimator, prefit=self.prefit, task=self._task.estimator_type, random_state=seed
            )
        if self.prefit:
            check_is_fitted(self.estimator)
            return self.estimator
        ensemble = clone_seeded(DecoupledClassifier() if self.estimator is None else self.estimator, seed)
        return ensemble if routed is None else AskedEnsemble(ensemble, routed["estimator"])

    def _adopt(self, selection: Selection) -> None:
        served = selection.group_estimators()
        self.pooled_estimator_ = selection.pooled_estimator()
        self.group_estimators_ = served
        self.fallback_groups_ = selection.fallback_groups()
        self.selection_table_ = selection.shown_table(self.guarantee)
        sizes = selection.table.drop_duplicates("group")["n"].tolist()
        self.group_sizes_ = dict(zip(selection.labels, sizes, strict=True))

    def _warn_of_unjudged(self, selection: Selection) -> None:
        failed = {
            label: reason for label, reason in self.fallback_groups_.items() if reason.startswith(FIT_FAILED)
        }
        if unjudged := selection.unjudged() | failed:
            more = f" and {len(unjudged) - 5} more" if len(unjudged) > 5 else ""
            warnings.warn(
                f"{len(unjudged)} group(s) cannot be judged and get the pooled {self._task.estimator_type}: "
                + "; ".join(f"{label!r}: {reason}" for label, reason in list(unjudged.items())[:5])
                + more,
                GroupFallbackWarning,
                stacklevel=3,
            )

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        groups = encode_groups(self.estimator_.predict_group(X, sensitive_features=sensitive_features))
        return find_groups(groups, self.groups_), list(self.group_estimators_.items())

    @property
    def missing_group(self) -> str:
        """How the ensemble reads missing sensitive features."""
        return getattr(getattr(self, "estimator_", self.estimator), "missing_group", "error")

    def plot_selection(self, ax: Any = None) -> Any:
        """Plot every group's score with the pooled and with its own classifier, and which was chosen.

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
        return plot_selection(self.selection_table_, self._score().name, ax)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._first_inside()).input_tags.sparse
        return tags
