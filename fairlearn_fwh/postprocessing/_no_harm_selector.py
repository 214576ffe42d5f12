"""Choose for every group the pooled or its own classifier, with a guarantee that no group is harmed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from .._sklearn_compat import FitsAndPredicts, Interval, StrOptions
from ..base._fitting import fit_context
from ..base._inner_fits import FIT_FAILED, clone_seeded
from ..base._routed import RoutedClassifier
from ..base._samples import Sample
from ..base._splits import fold_of_rows, hold_out
from ..base._units import read_units
from ..decoupling import DecoupledClassifier
from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import encode_groups, find_groups, group_columns
from ..metrics._core._values import read_values
from ._answers import Part
from ._candidates import Selection, select
from ._model_table import ModelTable
from ._plot import plot_selection
from ._scores import GUARANTEES, Guarantee, resolve_score
from ._strategies import STRATEGIES


class NoHarmSelector(RoutedClassifier):
    """Keep each group's own classifier only where selection data say that it does no harm.

    Every group gets the pooled classifier or its own one (or, with `reassign`, any group's), so that no group is worse
    off than with the pooled classifier, with a confidence that holds for all groups together.

    Parameters
    ----------
    estimator : routed ensemble, (pooled, {group: classifier}) or (baseline, mitigated model), optional
        What is chosen from; by default `DecoupledClassifier`. A mitigated model, for example one of fairlearn's, is kept or
        replaced by the baseline group by group; it gets `sensitive_features` where its methods take them.
    strategy : {"max_min", "min_gap", "max_overall"}
        Among choices that harm no group take the one with the best score for every group; or with the smallest gap
        between the best and the worst-off group; or with the best score overall (weighted by the groups' sizes) whose gap is
        no larger than all-pooled's. "min_gap" can refuse an improvement of the best-off group. All are solved
        exactly; ties go to the pooled classifier.
    guarantee : {"certified", "empirical"}
        A classifier may replace the pooled one if a test says at level `alpha`, for all groups together (step-down min-P),
        that its gain is above ``-tolerance``; or if its gain in the selection data is.
    tolerance : float
        Largest loss of score that counts as none. At 0 "certified" means significantly better; above 0 it is a test
        of non-inferiority.
    alpha : float
        Probability that a harmful classifier is kept, over all groups; for "certified".
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, loss or callable
        What counts, within each group: a score, a loss of `PreferenceFrame` ("brier", "log" and a `MisclassificationCost` are negated, "missed" is shown as recall and
        "false_alarm" as specificity, with ``classes_[1]`` as the positive label, "zero_one" and
        "rejection" are shown as accuracy and acceptance rate), or a metric ``(y_true, y_pred) -> float`` of labels, greater
        is better. Tests: Tango's score test for accuracy (at tolerance 0 the exact McNemar test, above it below
        100 people the exact unconditional one), bets for "brier" (Waudby-Smith and Ramdas 2024), DeLong's for "roc_auc"; other scores have none and need
        ``guarantee="empirical"``.
    prefit : bool
        The classifiers are fitted already, and every row given to `fit` is for choosing. They must not have seen them.
    selection_fraction : float
        Share of the rows of `fit` that is for choosing.
    cross_fit : int, optional
        Number of folds: every row is for choosing, judged by classifiers that have not seen it, and the classifiers are
        then fitted on all rows. The guarantee then speaks of the average of the fold models, not of those that are
        used. Groups must be the same in every fold, as those of `sensitive_features` are.
    reassign : bool
        Whether a group may get another group's classifier; then every classifier is asked about every row.
    random_state : int, RandomState or None
        Seeds the split and estimators that have no seed of their own.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    estimator_ : routed ensemble
        The fitted ensemble that was chosen from.
    pooled_estimator_ : classifier
        The pooled classifier. If no group keeps another one it is fitted again on all rows (not with `prefit`).
    group_estimators_ : dict
        Classifier that serves each group.
    fallback_groups_ : dict
        Groups that are served by the pooled classifier, and why.
    group_sizes_ : dict
        Number of people in the selection data by group (rows with positive weight).
    selection_table_ : DataFrame
        One row per group: `group`, `n`, `pooled_score`, `own_score`, `chosen_score`, `gain` of the classifier that was judged
        (the chosen one, else the own one), its `lower_bound` (simultaneous) and `p_adjusted`, `choice` ("pooled", "own" or
        the group whose classifier it is) and `reason`.
    verdict_ : str
        The outcome in words.
    preference_frame_ : PreferenceFrame
        Rationality and envy after the choice, in the selection data; what was chosen on them flatters them.

    Raises
    ------
    ValueError
        If a parameter is out of range, `scoring` has no test and ``guarantee="certified"``, or, with `cross_fit`, groups
        differ between folds.
    TypeError
        If `estimator` is not a routed ensemble or a pair.

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
        "scoring": [str, callable],
        "prefit": ["boolean"],
        "selection_fraction": [Interval(Real, 0, 1, closed="neither")],
        "cross_fit": [Interval(Integral, 2, None, closed="left"), None],
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
        scoring: str | Callable[..., float] = "accuracy",
        prefit: bool = False,
        selection_fraction: float = 0.25,
        cross_fit: int | None = None,
        reassign: bool = False,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.strategy = strategy
        self.guarantee = guarantee
        self.tolerance = tolerance
        self.alpha = alpha
        self.scoring = scoring
        self.prefit = prefit
        self.selection_fraction = selection_fraction
        self.cross_fit = cross_fit
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
            Labels.
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
        score = resolve_score(self.scoring)
        self._check_settings()
        sample = self._check_fit_input(X, y, sample_weight)
        sample = replace(sample, units=read_units(units, len(sample)))
        guarantee = Guarantee(self.guarantee, self.tolerance, self.alpha)
        score.check(guarantee, self.classes_, sample)
        seed = check_random_state(self.random_state)
        features = None if sensitive_features is None else _as_frame(sensitive_features, len(sample))
        ensemble, parts = self._fit_parts(sample, features, seed)
        classes = _check_classes(ensemble, self.classes_)
        score.check(guarantee, classes, sample)
        selection = select(parts, ensemble, score, classes, guarantee, self.strategy, self.reassign)
        self.estimator_, self.classes_ = ensemble, classes
        self._adopt(selection)
        if not self.prefit and self.cross_fit is None and not selection.keeps_any():
            self._refit_pooled(sample, seed)
        self.preference_frame_ = selection.preference_frame()
        self.verdict_ = selection.in_words(guarantee, self.cross_fit, self.preference_frame_)
        self._warn_of_unjudged(selection)
        return self

    def _check_settings(self) -> None:
        if self.prefit and self.cross_fit is not None:
            raise ValueError(
                f"cross_fit={self.cross_fit} fits classifiers and prefit=True fits none; choose one of them."
            )
        if isinstance(self.estimator, tuple | list):
            if len(self.estimator) != 2:
                raise TypeError(
                    "estimator must be a routed ensemble, (pooled, {group: classifier}) or (baseline, mitigated model); "
                    f"got {len(self.estimator)} things."
                )
        elif self.estimator is not None and not hasattr(self.estimator, "predict_by_group"):
            raise TypeError(
                f"estimator must have predict_by_group; {type(self.estimator).__name__} has not. Give a routed ensemble (inside "
                "a pipeline put NoHarmSelector around its last step), (pooled, {group: classifier}) or "
                "(baseline, mitigated model)."
            )

    def _ensemble(self, seed: np.random.RandomState) -> Any:
        """Make the ensemble to fit, or take the fitted one."""
        if isinstance(self.estimator, tuple | list):
            return ModelTable(*self.estimator, prefit=self.prefit, random_state=seed)
        if self.prefit:
            check_is_fitted(self.estimator)
            return self.estimator
        return clone_seeded(DecoupledClassifier() if self.estimator is None else self.estimator, seed)

    def _fit_parts(
        self, sample: Sample, features: pd.DataFrame | None, seed: np.random.RandomState
    ) -> tuple[Any, list[Part]]:
        """Fit the ensemble that is used, and pair rows with ensembles that have not seen them."""
        everybody = np.flatnonzero(sample.present())
        if self.prefit:
            ensemble = self._ensemble(seed)
            if isinstance(ensemble, ModelTable):
                ensemble = _fit(ensemble, sample, features, everybody)
            return ensemble, [_part(ensemble, sample, features, everybody)]
        classes, groups = encode_groups(sample.y, "y").codes, _group_codes(features, len(sample))
        if self.cross_fit is None:
            fitting, selecting = hold_out(classes, groups, self.selection_fraction, seed, sample.units)
            selecting = np.intersect1d(selecting, everybody)
            if not len(selecting):
                raise ValueError(
                    f"selection_fraction={self.selection_fraction} of {len(sample)} rows leaves none to choose on."
                )
            ensemble = _fit(self._ensemble(seed), sample, features, fitting)
            return ensemble, [_part(ensemble, sample, features, selecting)]
        folds = np.full(len(sample), -1)
        strata = groups * (classes.max() + 1) + classes
        units = None if sample.units is None else sample.units[everybody]
        folds[everybody] = fold_of_rows(strata[everybody], self.cross_fit, seed, units)
        ensemble = _fit(self._ensemble(seed), sample, features, everybody)
        final = _part(ensemble, sample, features, everybody)
        return ensemble, list(self._fold_parts(folds, final, sample, features, seed))

    def _fold_parts(
        self,
        folds: np.ndarray,
        final: Part,
        sample: Sample,
        features: pd.DataFrame | None,
        seed: np.random.RandomState,
    ) -> Iterator[Part]:
        everybody = np.flatnonzero(folds >= 0)
        for fold in range(int(folds.max()) + 1):
            rest, mine = np.flatnonzero((folds >= 0) & (folds != fold)), np.flatnonzero(folds == fold)
            part = _part(
                _fit(self._ensemble(seed), sample, features, rest), sample, features, mine, final.labels
            )
            codes = final.codes[np.searchsorted(everybody, mine)]
            if ((part.codes != codes) & (part.codes >= 0)).any():
                raise ValueError(
                    f"cross_fit={self.cross_fit} needs groups that are the same in every fold; "
                    f"{type(final.ensemble).__name__} learns other groups in each. Use selection_fraction."
                )
            yield Part(part.ensemble, part.sample, codes, part.labels)

    def _adopt(self, selection: Selection) -> None:
        self.pooled_estimator_ = self.estimator_.pooled_estimator_
        self.group_estimators_ = selection.group_estimators()
        self.fallback_groups_ = selection.fallback_groups()
        self.selection_table_ = selection.table
        self.group_sizes_ = dict(zip(selection.labels, selection.table["n"].tolist(), strict=True))

    def _refit_pooled(self, sample: Sample, seed: np.random.RandomState) -> None:
        """Nobody gets another classifier: then the pooled one may use the selection data, too."""
        self.pooled_estimator_ = sample.fit(clone_seeded(self.estimator_.pooled_estimator_, seed))
        self.group_estimators_ = dict.fromkeys(self.group_estimators_, self.pooled_estimator_)

    def _warn_of_unjudged(self, selection: Selection) -> None:
        failed = {
            label: reason for label, reason in self.fallback_groups_.items() if reason.startswith(FIT_FAILED)
        }
        if unjudged := selection.unjudged() | failed:
            more = f" and {len(unjudged) - 5} more" if len(unjudged) > 5 else ""
            warnings.warn(
                f"{len(unjudged)} group(s) cannot be judged and get the pooled classifier: "
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
        return plot_selection(self.selection_table_, resolve_score(self.scoring).name, ax)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        base = self.estimator[0] if isinstance(self.estimator, tuple | list) else self.estimator
        tags.input_tags.sparse = get_tags(DecoupledClassifier() if base is None else base).input_tags.sparse
        return tags


def _check_classes(ensemble: Any, seen: np.ndarray) -> np.ndarray:
    """Return the classes that the ensemble knows, of which those in y are some.

    Raises
    ------
    ValueError
        If y has others.
    """
    classes = np.asarray(ensemble.classes_)
    if unknown := [label for label in seen.tolist() if label not in classes.tolist()]:
        raise ValueError(
            f"y has labels that the classifiers of estimator do not know: {unknown[:5]!r}; they know "
            f"{classes[:10].tolist()!r}."
        )
    return classes


def _as_frame(sensitive_features: Any, n_rows: int) -> pd.DataFrame:
    """Make a pandas frame of sensitive features, which can be split by rows; the ensemble reads them as it does."""
    columns = group_columns(sensitive_features, "sensitive_features")
    arrays = {name: _as_objects(column, name) for name, column in columns.items()}
    for name, array in arrays.items():
        if len(array) != n_rows:
            raise ValueError(
                f"Column {name!r} of sensitive_features has {len(array)} rows, but {n_rows} are expected."
            )
    return pd.DataFrame(arrays)


def _as_objects(column: Any, name: str) -> np.ndarray:
    """Values of a column as they were read, with None where one is missing."""
    values, missing = read_values(column, f"Column {name!r} of sensitive_features", allow_mixed=True)
    if not missing.any():
        return values
    values = values.astype(object)
    values[missing] = None
    return values


def _group_codes(features: pd.DataFrame | None, n_rows: int) -> np.ndarray:
    """Number the groups of the sensitive features, so that splits keep their shares."""
    if features is None:
        return np.zeros(n_rows, dtype=np.int64)
    return encode_groups(features, missing_group="separate").codes.astype(np.int64)


def _fit(ensemble: Any, sample: Sample, features: pd.DataFrame | None, rows: np.ndarray) -> Any:
    """Fit on some rows; what falls back there is in the selection table."""
    part = sample.take(rows)
    given: dict[str, Any] = {} if part.weights is None else {"sample_weight": part.weights}
    if part.units is not None and has_fit_parameter(ensemble, "units"):
        given["units"] = part.units
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return ensemble.fit(part.X, part.y, sensitive_features=_take(features, rows, part.X), **given)


def _part(
    ensemble: Any,
    sample: Sample,
    features: pd.DataFrame | None,
    rows: np.ndarray,
    labels: list[Any] | None = None,
) -> Part:
    labels = list(ensemble.group_estimators_) if labels is None else labels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        part = sample.take(rows)
        return Part.of(ensemble, part, _take(features, rows, part.X), labels)


def _take(features: pd.DataFrame | None, rows: np.ndarray, X: Any) -> pd.DataFrame | None:
    """Take rows of the sensitive features, with the index of the features, by which a model may join them."""
    if features is None:
        return None
    index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(rows))
    return features.iloc[rows].set_axis(index, axis=0)
