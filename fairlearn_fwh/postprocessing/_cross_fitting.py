"""When every row chooses: cross-fitting where fits are cheap."""

from __future__ import annotations

from typing import Any

import numpy as np
from fairlearn.reductions import ExponentiatedGradient, GridSearch

from ..base._group_routed import GroupRouted
from ..decoupling import GroupStackingClassifier, PreferenceTreeClassifier
from ..reductions import NoHarmReduction

#: Folds of ``cross_fit="auto"``.
N_FOLDS = 5

#: Most rows of fits that are called cheap.
MOST_ROWS = 100_000

#: Parameters of what is trained in epochs.
_OF_NETWORKS = ("max_epochs", "device", "module")

#: What fits many classifiers, or fold by fold, to make one.
_MANY_FITS = (ExponentiatedGradient, GridSearch, GroupStackingClassifier, NoHarmReduction)


def number_of_folds(
    cross_fit: int | str | None, ensemble: Any, strata: np.ndarray, units: np.ndarray | None
) -> int | None:
    """Number of folds, None for one split.

    Parameters
    ----------
    cross_fit : int, "auto" or None
    ensemble : routed ensemble or None
        Before its fit; None if it is fitted already.
    strata : ndarray of int, shape (n,)
        Class of each row; of amounts there is one.
    units : ndarray, shape (n,), or None

    Returns
    -------
    int or None
        "auto" is five folds where fits are cheap: at most 100,000 rows, groups of `sensitive_features` (which are the same in every fold),
        and nothing inside that is trained in epochs or makes one model of many; of classes with fewer people than that as many folds as the
        rarest has.

    Raises
    ------
    ValueError
        If there are more folds than rows, or than units.
    """
    if cross_fit is None:
        return None
    if cross_fit != "auto":
        rows = "rows; there are n_samples =" if units is None else "units; there are"
        n = len(strata) if units is None else len(np.unique(units))
        if n < int(cross_fit):
            raise ValueError(f"cross_fit={cross_fit} needs at least {cross_fit} {rows} {n}.")
        return int(cross_fit)
    if ensemble is None or len(strata) > MOST_ROWS or not _keeps_groups(ensemble) or not _is_cheap(ensemble):
        return None
    of_units = strata if units is None else strata[np.unique(units, return_index=True)[1]]
    smallest = int(np.unique(of_units, return_counts=True)[1].min())
    n_folds = min(N_FOLDS, smallest)
    return n_folds if n_folds >= 2 and len(np.unique(of_units)) == len(np.unique(strata)) else None


def _keeps_groups(ensemble: Any) -> bool:
    """Whether groups are those of `sensitive_features`, in every fold the same."""
    by_features = getattr(ensemble, "partition", "sensitive_features") == "sensitive_features"
    return (
        isinstance(ensemble, GroupRouted)
        and by_features
        and not isinstance(ensemble, PreferenceTreeClassifier)
    )


def _is_cheap(ensemble: Any) -> bool:
    inside = [ensemble, *_nested(ensemble)]
    return not any(
        isinstance(part, _MANY_FITS) or any(hasattr(part, name) for name in _OF_NETWORKS) for part in inside
    )


def _nested(part: Any) -> list[Any]:
    """Estimators inside an estimator, also in lists, tuples and dicts."""
    if isinstance(part, dict):
        return [found for value in part.values() for found in _nested(value)]
    if isinstance(part, list | tuple):
        return [found for value in part for found in _nested(value)]
    if not hasattr(part, "get_params") or isinstance(part, type):
        return []
    inner = part.get_params(deep=False).values()
    return [part, *(found for value in inner if value is not part for found in _nested(value))]
