"""Units, whose rows belong together, and how rows are divided by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...base._splits import hold_out_units
from ...metrics._core._groups import encode_groups, group_columns
from ...metrics._core._values import to_numpy


def read_units(units: Any, n_rows: int) -> np.ndarray:
    """Number the units of the rows; without any every row is one.

    Raises
    ------
    ValueError
        If lengths differ or a unit is missing.
    """
    if units is None:
        return np.arange(n_rows)
    columns = [to_numpy(column) for column in group_columns(units, "units").values()]
    if any(pd.isna(column).any() for column in columns):
        raise ValueError(
            "units has missing values; every row needs one (of its own, if nothing belongs together with it)."
        )
    return encode_groups(units, "units", n_rows=n_rows).codes


def first_rows(rows: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The first of some rows of every unit: tests count independent people."""
    return rows[np.unique(units[rows], return_index=True)[1]]


def split_by_units(
    classes: np.ndarray,
    codes: np.ndarray,
    units: np.ndarray,
    *,
    selection_fraction: float,
    validation_fraction: float,
    seed: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows for fitting, for the best epoch, and for choosing (of each unit the first).

    Parameters
    ----------
    classes, codes, units : ndarray of int, shape (n,)
        Class, group and unit of each row.
    selection_fraction, validation_fraction : float
        With a selection fraction of 0 there are no rows for choosing.
    seed : RandomState

    Returns
    -------
    fitting, validation, selecting : ndarray of int

    Raises
    ------
    ValueError
        If the rows for choosing have fewer than two classes.
    """
    learning, selecting = np.arange(len(classes)), np.array([], dtype=int)
    if selection_fraction:
        learning, selecting = hold_out_units(classes, codes, units, selection_fraction, seed)
        selecting = first_rows(selecting, units)
        if len(np.unique(classes[selecting])) < 2:
            n_units = len(np.unique(units))
            of_units = f" in {n_units:,} units" if n_units < len(units) else ""
            raise ValueError(
                f"selection_fraction={selection_fraction} of {len(classes):,} rows{of_units} leaves {len(selecting)} to choose on, which need "
                f"at least 2 classes; raise it{', or give smaller units' if of_units else ''}."
            )
    fitting, validation = hold_out_units(
        classes[learning], codes[learning], units[learning], validation_fraction, seed
    )
    return learning[fitting], learning[validation if len(validation) else fitting], np.sort(selecting)
