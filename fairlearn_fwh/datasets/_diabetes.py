"""Diabetes progression, shipped with scikit-learn."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.datasets import load_diabetes

from ._bunch import bands, make_bunch

_DESCRIPTION = """Diabetes progression

Source: Efron, Hastie, Johnstone and Tibshirani, "Least Angle Regression" (2004), as shipped with scikit-learn.
Rows: 442, none left out. Target: the measure of disease progression after a year is above its median (221 rows).
Sensitive features: sex ("1" or "2"; the source does not say which is which) and age_group ("under 50", "50 or over").
They are not among the features, and neither is age.
"""


#: What can be predicted.
_TARGETS = ("above_median", "amount")


def load_diabetes_progression(*, target: str = "above_median", return_X_y: bool = False) -> Any:
    """Load diabetes progression: does the disease progress further than in half of the patients, or by how much?

    Real data that needs no download: scikit-learn ships it.

    Parameters
    ----------
    target : {"above_median", "amount"}
        Whether the measure of progression is above its median, or the measure itself, 25 to 346.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (442, 8), `target` (1: above the median; or amounts), `sensitive_features` (sex, age_group), `feature_names`,
        `target_names` (of classes), `DESCR`.

    Raises
    ------
    ValueError
        If `target` is unknown.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> bunch = load_diabetes_progression()
    >>> bunch.data.shape, int(bunch.target.sum())
    ((442, 8), 221)
    """
    if target not in _TARGETS:
        raise ValueError(f"target must be one of {list(_TARGETS)}; got {target!r}.")
    source = load_diabetes(as_frame=True, scaled=False)
    raw = source.frame
    return make_bunch(
        raw,
        features=[column for column in source.feature_names if column not in ("age", "sex")],
        target=_progression(raw["target"], target),
        target_names=["below the median", "above the median"],
        sensitive_features={
            "sex": raw["sex"].astype(int).astype(str),
            "age_group": bands(raw["age"], [50], ["under 50", "50 or over"]),
        },
        description=_DESCRIPTION,
        return_X_y=return_X_y,
    )


def _progression(measure: pd.Series, target: str) -> pd.Series:
    return (measure if target == "amount" else measure > measure.median()).rename("progression")
