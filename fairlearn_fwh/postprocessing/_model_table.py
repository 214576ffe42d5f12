"""Models that the user has, as a routed ensemble."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from ..base._group_routed import GroupRouted
from ..base._inner_fits import clone_seeded, try_to_fit
from ..base._mitigators import fitting
from ..base._model_of_group import as_they_treat, groups_argument, takes
from ..base._samples import Sample
from ..base._tasks import CLASSIFICATION, TASKS, Task
from ..base._weights import weight_arguments
from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import POOLED, Groups


class ModelTable(GroupRouted):
    """A pooled model and one model per group, or one mitigated model for all groups.

    Parameters
    ----------
    pooled : estimator
    models : dict from group to estimator, or estimator
    prefit : bool
        Whether the models are fitted already; then `fit` only reads the groups.
    task : {"classifier", "regressor"}
        What they are.
    random_state : int, RandomState or None
    """

    def __init__(
        self,
        pooled: Any,
        models: Any,
        *,
        prefit: bool = False,
        task: str = CLASSIFICATION.estimator_type,
        random_state: Any = None,
    ) -> None:
        self.pooled = pooled
        self.models = models
        self.prefit = prefit
        self.task = task
        self.random_state = random_state

    @property
    def _task(self) -> Task:
        return TASKS[self.task]

    handle_unknown = "pooled"
    missing_group = "error"

    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit what is not fitted, and give every group its model."""
        sample, groups, seed = self._read(X, y, sensitive_features, sample_weight)
        self.pooled_estimator_ = self.pooled if self.prefit else sample.fit(clone_seeded(self.pooled, seed))
        if isinstance(self.models, Mapping):
            self.group_estimators_ = self._models_by_group(sample, groups, seed)
        else:
            self.group_estimators_ = self._mitigated(sample, groups, sensitive_features, seed)
        if self.prefit and self._task is CLASSIFICATION:
            given = self.models.values() if isinstance(self.models, Mapping) else [self.models]
            self.classes_ = _known_classes([self.pooled_estimator_, *given], self.classes_)
        return self

    def _read(
        self, X: Any, y: Any, sensitive_features: Any, sample_weight: Any
    ) -> tuple[Sample, Groups, np.random.RandomState]:
        """Check what is given, and count the groups."""
        if sensitive_features is None:
            raise ValueError(
                "sensitive_features is needed in fit: they say which of the models serves each person."
            )
        sample = self._check_fit_input(X, y, sample_weight)
        groups = self._read_groups(sensitive_features, len(sample))
        assert groups is not None
        self.group_sizes_ = dict(
            zip(groups.labels, np.bincount(groups.codes, minlength=len(groups)).tolist(), strict=True)
        )
        self.fallback_groups_: dict[Any, str] = {}
        return sample, groups, check_random_state(self.random_state)

    def _models_by_group(self, sample: Sample, groups: Groups, seed: np.random.RandomState) -> dict[Any, Any]:
        if not set(self.models) & set(groups.labels):
            raise ValueError(
                f"estimator has classifiers for the groups {list(self.models)[:5]!r}, none of which is among those of "
                f"sensitive_features: {groups.labels[:5]!r}."
            )
        without = [label for label in groups.labels if label not in self.models]
        self.fallback_groups_ |= dict.fromkeys(without, "no classifier was given for it")
        others = dict.fromkeys(without, self.pooled_estimator_)
        if self.prefit:
            return {**self.models, **others}
        fitted = {}
        for label, model in self.models.items():
            members = (
                sample.take(groups.codes == groups.labels.index(label)) if label in groups.labels else None
            )
            own, reason = None, "nobody of the group is in the data for fitting"
            if members is not None:
                reason = self._task.why_not_fitted_on(members)
                if not reason:
                    own, reason = try_to_fit(members.fit, clone_seeded(model, seed))
            if own is None:
                self.fallback_groups_[label] = reason
            fitted[label] = self.pooled_estimator_ if own is None else own
        return fitted | others

    def _mitigated(
        self, sample: Sample, groups: Groups, sensitive_features: Any, seed: np.random.RandomState
    ) -> dict[Any, Any]:
        model = self.models
        if not self.prefit:
            model = clone_seeded(model, seed)
            arguments = weight_arguments(model, sample.weights)
            if name := groups_argument(model):
                arguments = {**arguments, name: sensitive_features}
            with fitting(model):
                model.fit(sample.X, sample.y, **arguments)
        return self._with_pooled(as_they_treat(model, groups, seed), groups)

    def _with_pooled(self, models: dict[Any, Any], groups: Groups) -> dict[Any, Any]:
        """Give groups that a model does not know the pooled one."""
        unknown = [label for label in groups.labels if label not in models]
        self.fallback_groups_ |= dict.fromkeys(unknown, "the model was fitted without people of this group")
        return models | dict.fromkeys(unknown, self.pooled_estimator_)


def _known_classes(models: list[Any], seen: np.ndarray) -> np.ndarray:
    """Classes of fitted models, or of the data if they do not say.

    Raises
    ------
    ValueError
        If the models have labels of different types.
    """
    known = [np.asarray(model.classes_) for model in models if hasattr(model, "classes_")]
    if len({classes.dtype.kind in "biuf" for classes in known}) > 1:
        raise ValueError(
            f"The classifiers of estimator predict labels of different types: {[c[:2].tolist() for c in known[:5]]!r}."
        )
    return np.unique(np.concatenate(known)) if known else seen


class CandidateTable(ModelTable):
    """A pooled classifier and several candidates by name, each a classifier, a mitigated model or a routed ensemble.

    Parameters
    ----------
    candidates : list of (str, estimator)
        The pooled one comes first.
    prefit : bool
    task : {"classifier", "regressor"}
        What they are.
    random_state : int, RandomState or None
    metadata : dict from name to set of str, optional
        What each fit is given, where metadata are routed; else what it takes.
    """

    def __init__(
        self,
        candidates: Any,
        *,
        prefit: bool = False,
        task: str = CLASSIFICATION.estimator_type,
        random_state: Any = None,
        metadata: Mapping[str, set[str]] | None = None,
    ) -> None:
        self.candidates = candidates
        self.prefit = prefit
        self.task = task
        self.random_state = random_state
        self.metadata = metadata

    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Fit what is not fitted, and give every group its model of each candidate."""
        sample, groups, seed = self._read(X, y, sensitive_features, sample_weight)
        (pooled_name, pooled), *others = self.candidates
        self.pooled_estimator_ = (
            pooled if self.prefit else self._fit_one(pooled_name, pooled, sample, sensitive_features, seed)
        )
        self.candidates_ = {
            name: self._models_of(name, model, sample, groups, sensitive_features, seed)
            for name, model in others
        }
        self.group_estimators_ = next(iter(self.candidates_.values()))
        if self.prefit and self._task is CLASSIFICATION:
            self.classes_ = _known_classes([model for _, model in self.candidates], self.classes_)
        return self

    def _fit_one(
        self, name: str, model: Any, sample: Sample, sensitive_features: Any, seed: np.random.RandomState
    ) -> Any:
        """Fit a candidate with what it is to be given."""
        model = clone_seeded(model, seed)
        wanted = None if self.metadata is None else self.metadata.get(name, set())
        arguments: dict[str, Any] = {}
        if wanted is None or "sample_weight" in wanted:
            arguments |= weight_arguments(model, sample.weights)
        argument = groups_argument(model)
        if argument and (wanted is None or "sensitive_features" in wanted):
            arguments[argument] = sensitive_features
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            with fitting(model):
                return model.fit(sample.X, sample.y, **arguments)

    def _models_of(
        self,
        name: str,
        model: Any,
        sample: Sample,
        groups: Groups,
        sensitive_features: Any,
        seed: np.random.RandomState,
    ) -> dict[Any, Any]:
        """Model of each group: the group's own of an ensemble that knows it, else the candidate as it treats the group."""
        fitted = model if self.prefit else self._fit_one(name, model, sample, sensitive_features, seed)
        if isinstance(fitted, GroupRouted) and fitted._is_routed_by(groups):
            return {label: fitted.group_estimators_[label] for label in groups.labels}
        return self._with_pooled(as_they_treat(fitted, groups, seed), groups)


def check_pooled(model: Any, name: str) -> None:
    """Raise ValueError for a pooled classifier that has to be told the group: it also serves people of whom none is known."""
    if takes(model, "predict", "sensitive_features"):
        raise ValueError(
            f"estimator has {type(model).__name__} as {name!r}, the pooled classifier, but its predict takes sensitive_features: it serves groups "
            "differently, and would be asked without them. Make it a candidate, after a classifier that is the same for everybody."
        )


def check_candidates(candidates: Any, *, prefit: bool) -> None:
    """Check a list of names and classifiers.

    Raises
    ------
    TypeError
        If an entry is not a pair of a name and a classifier.
    ValueError
        If there are fewer than two, a name comes twice or is empty.
    """
    for entry in candidates:
        if not isinstance(entry, tuple | list) or len(entry) != 2 or not isinstance(entry[0], str):
            raise TypeError(
                f"estimator must be a list of (name, classifier), such as [('pooled', a), ('boosting', b)]; one entry is {entry!r}."
            )
        name, model = entry
        needed = ("predict",) if prefit else ("fit", "predict")
        if isinstance(model, type) or any(not hasattr(model, method) for method in needed):
            raise TypeError(
                f"estimator has {model!r} as {name!r}, which is not a classifier: it needs {' and '.join(needed)}."
            )
    names = [name for name, _ in candidates]
    check_pooled(candidates[0][1], names[0])
    if len(names) < 2:
        raise ValueError(
            f"estimator has one entry, {names[0]!r}: the pooled classifier comes first, and at least one candidate after it."
        )
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"estimator names {repeated[0]!r} twice; every candidate needs a name of its own.")
    if "" in names or POOLED in names[1:]:
        raise ValueError(
            f"estimator has a candidate named {'' if '' in names else POOLED!r}; give it another name."
        )
