"""Fitting the ensemble that is chosen from: once, or fold by fold, so that nobody is judged by a classifier that has seen them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from ..base._inner_fits import clone_seeded
from ..base._samples import Sample, take_rows
from ..base._splits import fold_of_rows, hold_out
from ..base._tasks import Task
from ..exceptions import GroupFallbackWarning
from ..metrics._core._groups import encode_groups
from ._answers import Part
from ._candidates import Selection
from ._model_table import ModelTable

#: Folds of the selection rows in which the pooled classifier is fitted again, where one split was made.
_REFITS = 2


class AskedEnsemble:
    """An ensemble that is given what it requests, where metadata are routed.

    Parameters
    ----------
    ensemble : routed ensemble
    wanted : set of str
        Names of the metadata.
    """

    def __init__(self, ensemble: Any, wanted: set[str]) -> None:
        self.ensemble = ensemble
        self.wanted = wanted

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None, units: Any = None
    ) -> Any:
        """Fit the ensemble, and return it."""
        given = {"sensitive_features": sensitive_features, "sample_weight": sample_weight}
        arguments = {name: value for name, value in given.items() if name in self.wanted}
        if units is not None and has_fit_parameter(self.ensemble, "units"):
            arguments["units"] = units
        return self.ensemble.fit(X, y, **arguments)


@dataclass(frozen=True)
class Fits:
    """What is fitted, and on whom.

    Attributes
    ----------
    make : callable () -> ensemble
        Makes the ensemble to fit, seeded anew, or gives the fitted one.
    task : Task
        What is predicted.
    sample : Sample
    features : DataFrame or None
        Sensitive features.
    seed : RandomState
    """

    make: Callable[[], Any]
    task: Task
    sample: Sample
    features: pd.DataFrame | None
    seed: np.random.RandomState

    @property
    def everybody(self) -> np.ndarray:
        """Rows that count."""
        return np.flatnonzero(self.sample.present())

    def prefit(self) -> tuple[Any, list[list[Part]]]:
        """Take the fitted ensemble; every row chooses."""
        ensemble = self.make()
        if isinstance(ensemble, ModelTable):
            ensemble = self._fit(self.everybody)
        return ensemble, [[self._part(ensemble, self.everybody)]]

    def split(self, selection_fraction: float) -> tuple[Any, list[list[Part]]]:
        """Fit on some rows; the others choose.

        Raises
        ------
        ValueError
            If no rows are left to choose on.
        """
        classes = self.task.strata(self.sample.y)
        fitting, selecting = hold_out(
            classes, self._group_codes(), selection_fraction, self.seed, self.sample.units
        )
        selecting = np.intersect1d(selecting, self.everybody)
        if not len(selecting):
            raise ValueError(
                f"selection_fraction={selection_fraction} of n_samples={len(self.sample)} leaves none to choose on."
            )
        ensemble = self._fit(fitting)
        return ensemble, [[self._part(ensemble, selecting)]]

    def cross_fit(self, n_folds: int, n_repeats: int) -> tuple[Any, list[list[Part]]]:
        """Fit on all rows what is used, and fold by fold what judges.

        Raises
        ------
        ValueError
            If groups differ between folds.
        """
        classes, groups = self.task.strata(self.sample.y), self._group_codes()
        everybody, units = self.everybody, self.sample.units
        strata = (groups * (classes.max() + 1) + classes)[everybody]
        of_units = None if units is None else units[everybody]
        # Drawn before anything is fitted: which rows belong together does not hang on what draws numbers inside.
        folds_of_repeats = [fold_of_rows(strata, n_folds, self.seed, of_units) for _ in range(n_repeats)]
        ensemble = self._fit(everybody)
        final = self._part(ensemble, everybody)
        return ensemble, [list(self._fold_parts(folds, final)) for folds in folds_of_repeats]

    def _fold_parts(self, folds: np.ndarray, final: Part) -> Iterator[Part]:
        for fold in range(int(folds.max()) + 1):
            part = self._part(self._fit(final.rows[folds != fold]), final.rows[folds == fold], final.labels)
            codes = final.codes[folds == fold]
            if ((part.codes != codes) & (part.codes >= 0)).any():
                raise ValueError(
                    f"cross_fit={int(folds.max()) + 1} needs groups that are the same in every fold; "
                    f"{type(final.ensemble).__name__} learns other groups in each. Use selection_fraction."
                )
            yield replace(part, codes=codes)

    def refit_pooled(self, selection: Selection) -> Selection:
        """Fit the pooled classifier on all rows, for those whom it serves, and compare the candidates with it."""
        pooled = selection.ensemble.pooled_estimator_
        if not hasattr(pooled, "fit"):  # a part of a network
            return replace(selection, refitted=self._fit(self.everybody).pooled_estimator_)
        sample, rows = self.sample, np.sort(selection.evidence.repeats[0][0].rows)
        units = None if sample.units is None else sample.units[rows]
        folds = fold_of_rows(self.task.strata(sample.y[rows]), _REFITS, self.seed, units)
        answers = []
        for fold in range(_REFITS):
            rest = np.setdiff1d(np.arange(len(sample)), rows[folds == fold])
            model = sample.take(rest).fit(clone_seeded(pooled, self.seed))
            mine = rows[folds == fold]
            if len(mine):
                answers.append((folds == fold, selection.evidence.ask(model, take_rows(sample.X, mine))))
        refitted = np.empty(len(rows), dtype=np.result_type(*(labels for _, labels in answers)))
        for mine_of_fold, labels in answers:
            refitted[mine_of_fold] = labels
        return replace(
            selection.with_gains_over(refitted), refitted=sample.fit(clone_seeded(pooled, self.seed))
        )

    def _group_codes(self) -> np.ndarray:
        """Number the groups of the sensitive features, so that splits keep their shares."""
        if self.features is None:
            return np.zeros(len(self.sample), dtype=np.int64)
        return encode_groups(self.features, missing_group="separate").codes.astype(np.int64)

    def _fit(self, rows: np.ndarray) -> Any:
        """Fit on some rows; what falls back there is in the selection table."""
        ensemble, part = self.make(), self.sample.take(rows)
        given: dict[str, Any] = {} if part.weights is None else {"sample_weight": part.weights}
        if part.units is not None and (
            isinstance(ensemble, AskedEnsemble) or has_fit_parameter(ensemble, "units")
        ):
            given["units"] = part.units
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            return ensemble.fit(part.X, part.y, sensitive_features=self._take(rows, part.X), **given)

    def _part(self, ensemble: Any, rows: np.ndarray, labels: list[Any] | None = None) -> Part:
        labels = list(ensemble.group_estimators_) if labels is None else labels
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            part = self.sample.take(rows)
            return Part.of(ensemble, part, self._take(rows, part.X), labels, rows)

    def _take(self, rows: np.ndarray, X: Any) -> pd.DataFrame | None:
        """Take rows of the sensitive features, with the index of the features, by which a model may join them."""
        if self.features is None:
            return None
        index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(rows))
        return self.features.iloc[rows].set_axis(index, axis=0)
