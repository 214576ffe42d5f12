"""Protected attributes in the index of a data frame, as `aif360.sklearn` has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def index_attributes(X: Any) -> pd.DataFrame | None:
    """Return the named levels of a data frame's index, one column each; None if there are none."""
    names = [name for name in X.index.names if name is not None] if isinstance(X, pd.DataFrame) else []
    if not names:
        return None
    return pd.DataFrame({name: X.index.get_level_values(name) for name in names})


def read_protected_attributes(X: Any, prot_attr: Any) -> pd.DataFrame | None:
    """Return protected attributes by name of index level or as given, one column each.

    Parameters
    ----------
    X : DataFrame or array, shape (n, d)
    prot_attr : label, array of shape (n,), list of these, or None
        None means all named levels of the index.

    Returns
    -------
    DataFrame, shape (n, m), or None
        None if nothing is asked for and the index has no names.

    Raises
    ------
    ValueError
        If a level is not there or an array has another length.
    """
    levels = index_attributes(X)
    if prot_attr is None:
        return levels
    n_rows = np.shape(X)[0]
    parts = prot_attr if isinstance(prot_attr, list) else [prot_attr]
    columns: dict[Any, Any] = {}
    for i, part in enumerate(parts):
        if np.ndim(part) == 0:
            if levels is None or part not in levels:
                raise ValueError(
                    f"prot_attr={part!r} is no level of the index of X; its named levels are "
                    f"{[] if levels is None else list(levels)}. (A step before that returns arrays drops the index; "
                    "set_output(transform='pandas') keeps it.)"
                )
            columns[part] = levels[part]
        else:
            values = part if isinstance(part, pd.Categorical) else np.asarray(part)
            if len(values) != n_rows:
                raise ValueError(
                    f"prot_attr has an array of {len(values)} values, but X has {n_rows} rows; to predict for other people name "
                    "levels of the index instead."
                )
            columns[getattr(part, "name", None) or f"prot_attr_{i}"] = values
    return pd.DataFrame(columns)


def drop_protected(X: Any, prot_attr: Any) -> Any:
    """Leave out the features that are named like a level of the index or a protected attribute."""
    if not isinstance(X, pd.DataFrame):
        return X
    parts = prot_attr if isinstance(prot_attr, list) else [prot_attr]
    named = {part if np.ndim(part) == 0 else getattr(part, "name", None) for part in parts}
    left_out = [name for name in X.columns if name in (named | set(X.index.names)) - {None}]
    if len(left_out) == X.shape[1]:
        raise ValueError(
            "X has no features but its protected attributes; add features, or set keep_protected=True."
        )
    return X.drop(columns=left_out)
