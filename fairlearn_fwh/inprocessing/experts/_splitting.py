"""How rows are divided for fitting, for the best epoch and for choosing."""

from __future__ import annotations

import numpy as np

from ...base._splits import hold_out
from ...base._units import first_rows


def split_by_units(
    classes: np.ndarray,
    codes: np.ndarray,
    units: np.ndarray | None,
    *,
    selection_fraction: float,
    validation_fraction: float,
    seed: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows for fitting, for the best epoch, and for choosing; no unit is divided.

    Parameters
    ----------
    classes, codes : ndarray of int, shape (n,)
        Class and group of each row.
    units : ndarray of int, shape (n,), or None
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
        learning, selecting = hold_out(classes, codes, selection_fraction, seed, units)
        if len(np.unique(classes[selecting])) < 2:
            n_units = len(first_rows(np.arange(len(classes)), units))
            of_units = f" in {n_units:,} units" if n_units < len(classes) else ""
            raise ValueError(
                f"selection_fraction={selection_fraction} of {len(classes):,} rows{of_units} leaves {len(selecting)} to choose on, which need "
                f"at least 2 classes; raise it{', or give smaller units' if of_units else ''}."
            )
    of_learning = None if units is None else units[learning]
    fitting, validation = hold_out(classes[learning], codes[learning], validation_fraction, seed, of_learning)
    return learning[fitting], learning[validation if len(validation) else fitting], selecting
