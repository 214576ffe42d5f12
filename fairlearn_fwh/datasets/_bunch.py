"""The form in which every data set is returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sklearn.utils import Bunch


def as_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of text into categories."""
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    return frame.astype(dict.fromkeys(text, "category"))


def make_bunch(
    raw: pd.DataFrame,
    *,
    features: Sequence[str],
    target: pd.Series,
    target_names: Sequence[str],
    sensitive_features: Mapping[str, pd.Series],
    description: str,
    return_X_y: bool,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    """Assemble features, labels and sensitive features of a raw table.

    Parameters
    ----------
    raw : DataFrame, shape (n, m)
    features : sequence of str
        Columns of `raw` that are features.
    target : Series of 0 and 1, shape (n,)
    target_names : sequence of str
        What 0 and 1 mean.
    sensitive_features : mapping from name to Series
    description : str
        Source, licence, counts, what was left out and why.
    return_X_y : bool
        Return features and labels only.

    Returns
    -------
    Bunch or (DataFrame, Series)
    """
    data = as_categories(raw[list(features)])
    labels = target.astype("int64")
    if return_X_y:
        return data, labels
    return Bunch(
        data=data,
        target=labels,
        sensitive_features=as_categories(pd.DataFrame(dict(sensitive_features))),
        feature_names=list(features),
        target_names=list(target_names),
        DESCR=description,
    )


def bands(values: pd.Series, edges: Sequence[float], labels: Sequence[str]) -> pd.Series:
    """Cut numbers into ordered bands; a band holds its lower edge and not its upper one."""
    limits = [-float("inf"), *edges, float("inf")]
    cut: Any = pd.cut(values, limits, right=False, labels=list(labels), ordered=True)
    return cut.rename("age_group")
