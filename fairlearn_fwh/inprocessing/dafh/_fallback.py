"""Which classifier serves a learned group: its head, the user's estimator, or the pooled one, where its own is not shown to be no worse."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from scipy import special
from sklearn.utils.validation import check_is_fitted

from ...base._fitting import unchanged_on_error
from ...base._samples import Sample
from ...base._units import read_units
from ...exceptions import GroupCollapseWarning
from ...metrics import keep_own_classifier
from ._calibration import best_temperature
from ._decision_costs import DecisionCosts
from ._heads import cool
from ._linear import is_logistic
from ._parts import LearnsGroups

#: A group that holds a larger share than this has swallowed the others.
_LARGEST_SHARE = 0.9

T = TypeVar("T", bound=LearnsGroups)


class FallsBack:
    """Chooses each group's classifier on rows that did not train it."""

    certificates_: dict[Any, str]
    fallback_groups_: dict[Any, str]

    def decide_fallback(self: T, X: Any, y: Any, *, sample_weight: Any = None, units: Any = None) -> T:
        """Decide anew which groups keep their classifier, as `fallback` says.

        Needed after `partial_fit`, which sets no rows aside, or when new labelled rows have come. Groups that are too small stay
        with the pooled classifier.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            Labels.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            Whose rows belong together; tests count units.

        Returns
        -------
        DAFHClassifier

        Raises
        ------
        ValueError
            If `fallback` is None, there is one group only, lengths differ, or y has other labels than in the fit; nothing
            changes then.
        """
        check_is_fitted(self)
        sample = self._check_rows(X, y, sample_weight, reset=False)
        sample = replace(sample, units=read_units(units, len(sample)))
        if (strange := ~np.isin(sample.y, self.classes_)).any():
            raise ValueError(
                f"y has the label {sample.y[strange].tolist()[0]!r}; classes are {self.classes_.tolist()}."
            )
        if self.fallback is None:
            raise ValueError("fallback must be 'certified' or 'empirical' to decide on; got None.")
        if self.router_ is None:
            raise ValueError("There is one group only, which the pooled classifier serves.")
        with unchanged_on_error(self):
            self.fallback_groups_ = dict(self._small_groups)
            self.certificates_ = {}
            self._assign_classifiers()
            self._decide_fallback(sample)
        self._warn_of_fallback()
        return self

    def _choose_classifiers(
        self: LearnsGroups,
        sample: Sample,
        groups: np.ndarray,
        rows: tuple[np.ndarray, np.ndarray, np.ndarray],
        seed: np.random.RandomState,
    ) -> None:
        """Choose each group's classifier on validation rows: its head, the estimator, or the pooled classifier.

        `rows` are those for fitting, for validation, and both together.
        """
        learning = sample.take(rows[2])
        fitting_of, judges_of, learning_of = (
            [sample.take(part[groups[part] == k]) for k in range(self.n_groups_)] for part in rows
        )
        refit = (
            self.heads is None and not is_logistic(self.pooled_estimator_)
            if self.refit is None
            else self.refit
        )

        def risk_of(classifier: Any, judges: Sample) -> float:
            labels = self._answers(classifier, judges.X) if len(judges) else np.zeros(0)
            return self._costs.risk(judges, labels)

        for k, head in dict(self._own_estimators).items():
            if k in self.fallback_groups_:  # too small
                continue
            members, judges = fitting_of[k], judges_of[k]
            risk = risk_of(head, judges)
            self.temperatures_[k] = calibrate(head, judges, self._costs)
            if refit and members.has_several_classes():
                refitted = self._fit_classifier(members, seed)
                if risk_of(refitted, judges) <= risk:
                    risk, self.temperatures_[k] = risk_of(refitted, judges), np.nan
                    self._own_estimators[k] = self._fit_classifier(learning_of[k], seed)
            pooled_risk = risk_of(self.pooled_estimator_, judges)
            if self.fallback is not None and risk > pooled_risk:
                self.fallback_groups_[k] = (
                    f"loses {risk - pooled_risk:.4f} against the pooled classifier on the {len(judges):,} validation rows"
                )
        self.pooled_estimator_ = self._fit_classifier(learning, seed)
        self._assign_classifiers()

    def _smallest_group(self: LearnsGroups, n_rows: int) -> int:
        return self.min_group_size or max(50, int(0.05 * n_rows))

    def _drop_small_groups(self: LearnsGroups, groups: np.ndarray) -> None:
        """Give groups that are too small to the pooled classifier, and warn if the partition is not a partition."""
        sizes = np.bincount(groups, minlength=self.n_groups_)
        self.group_sizes_ = {k: int(size) for k, size in enumerate(sizes)}
        small = self._find_small_groups(self._smallest_group(len(groups)))
        self.fallback_groups_ = dict(self._small_groups)
        self._assign_classifiers()
        shares = sizes / sizes.sum()
        spread = np.exp(special.entr(shares).sum())
        if small or shares.max() > _LARGEST_SHARE or spread < self.n_groups_ - 0.5:
            warnings.warn(
                f"The learned groups are uneven or too few: sizes {sizes.tolist()}, {self.n_groups_effective_} of "
                f"{self.n_groups_} large enough"
                + (", so the pooled classifier serves everybody" if self.collapsed_ else "")
                + ". Try a larger balance, a smaller router_learning_rate, more n_init or fewer n_groups.",
                GroupCollapseWarning,
                stacklevel=4,
            )

    def _find_small_groups(self: LearnsGroups, smallest: int) -> int:
        """Find groups that can have no classifier because of their sizes; return how many are small themselves."""
        self._small_groups = {
            k: f"{size:,} people, fewer than min_group_size={smallest:,}"
            for k, size in self.group_sizes_.items()
            if size < smallest
        }
        small = len(self._small_groups)
        self.n_groups_effective_ = self.n_groups_ - small
        self.collapsed_ = self.n_groups_effective_ < 2
        if self.collapsed_:
            for k in self.groups_:
                self._small_groups.setdefault(k, "the other groups are too small: there is nothing to choose")
        return small

    def _decide_fallback(self: LearnsGroups, certifying: Sample) -> None:
        """Give groups back to the pooled classifier unless the held-out rows speak for their own."""
        if self.fallback is None or len(self.fallback_groups_) == self.n_groups_:
            return
        if not len(certifying):
            reason = f"not {self.fallback}: no rows are left to decide on"
            self.fallback_groups_ = dict.fromkeys(self.groups_, reason)
            self._assign_classifiers()
            return
        frame = self.preference_frame(
            certifying.X, certifying.y, sample_weight=certifying.weights, units=certifying.units
        )
        table = keep_own_classifier(frame, rule=self.fallback, tolerance=self.tolerance, alpha=self.alpha)
        for k in self.groups_:
            if k in self.fallback_groups_:
                continue
            kept = k in table.index and bool(table.loc[k, "keep"])
            self.certificates_[k] = (
                str(table.loc[k, "reason"]) if k in table.index else "nobody of the group is in the sample"
            )
            if not kept:
                self.fallback_groups_[k] = f"not {self.fallback}: {self.certificates_[k]}"
        self._assign_classifiers()


def calibrate(head: Any, sample: Sample, costs: DecisionCosts) -> float:
    """Divide a head's scores by the temperature that is best on some rows; NaN if they do not tell, or errors cost differently."""
    if costs.given is not None or not len(sample):
        return float("nan")
    codes = np.searchsorted(costs.classes, sample.y)
    temperature = best_temperature(head.predict_proba(sample.X), codes, sample.weights)
    if np.isfinite(temperature):
        cool(head, temperature)
    return temperature
