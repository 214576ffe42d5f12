"""Units, whose rows belong together, in estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..metrics._core._groups import encode_groups, group_columns
from ..metrics._core._values import to_numpy


def read_units(units: Any, n_rows: int) -> np.ndarray | None:
    """Number the units of the rows; None where every row is one.

    Raises
    ------
    ValueError
        If lengths differ or a unit is missing.
    """
    if units is None:
        return None
    columns = [to_numpy(column) for column in group_columns(units, "units").values()]
    if any(pd.isna(column).any() for column in columns):
        raise ValueError(
            "units has missing values; every row needs one (of its own, if nothing belongs together with it)."
        )
    return encode_groups(units, "units", n_rows=n_rows).codes


def first_rows(rows: np.ndarray, units: np.ndarray | None) -> np.ndarray:
    """The first of some rows of every unit: independent people."""
    return rows if units is None else rows[np.unique(units[rows], return_index=True)[1]]
