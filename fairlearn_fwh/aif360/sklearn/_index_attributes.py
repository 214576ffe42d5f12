"""Protected attributes in the index of a data frame, as `aif360.sklearn` has them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from ...metrics._core._alignment import check_alignment


def index_attributes(X: Any) -> pd.DataFrame | None:
    """Return the named levels of a data frame's index, one column each; None if there are none.

    Raises
    ------
    ValueError
        If two levels have one name.
    """
    names = [name for name in X.index.names if name is not None] if isinstance(X, pd.DataFrame) else []
    if len(set(names)) < len(names):
        raise ValueError(f"The levels of the index of X must have different names; got {names}.")
    if not names:
        return None
    columns = {name: X.index.get_level_values(name) for name in names}
    return pd.DataFrame(columns).set_axis(X.index, axis=0)


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
        If a level is not there, an array has another shape, or two attributes have one name.
    """
    levels = index_attributes(X)
    if prot_attr is None:
        return levels
    known = [] if levels is None else list(levels)
    columns: dict[Any, Any] = {}
    for i, part in enumerate(_parts(prot_attr, known)):
        if _is_label(part, known):
            name, values = part, None if levels is None else levels.get(part)
            if values is None:
                raise ValueError(
                    f"prot_attr={part!r} is not a level of the index of X; its named levels are {known}. (A step before that returns "
                    "arrays drops the index; set_output(transform='pandas') keeps it. Give values as an array, not as a list.)"
                )
        else:
            name = getattr(part, "name", None)
            name = f"prot_attr_{i}" if name is None else name
            check_alignment({"X": X, "prot_attr": part})
            values = _check_values(part, np.shape(X)[0])
        if name in columns:
            raise ValueError(f"prot_attr has two attributes named {name!r}; rename one of them.")
        columns[name] = values.to_numpy() if isinstance(values, pd.Series) else values
    table = pd.DataFrame(columns)
    return table.set_axis(X.index, axis=0) if isinstance(X, pd.DataFrame) else table


def _is_label(part: Any, known: list[Any]) -> bool:
    return np.ndim(part) == 0 or (isinstance(part, Hashable) and part in known)


def _parts(prot_attr: Any, known: list[Any]) -> list[Any]:
    """Take apart what names or holds several attributes; tuples and arrays do if they hold nothing but names of levels."""
    if isinstance(prot_attr, list):
        return prot_attr
    if (
        not _is_label(prot_attr, known)
        and np.ndim(prot_attr) == 1
        and all(name in known for name in prot_attr)
    ):
        return list(prot_attr)
    return [prot_attr]


def _check_values(part: Any, n_rows: int) -> Any:
    values = part if isinstance(part, pd.Categorical) else np.asarray(part)
    if values.ndim != 1 or len(values) != n_rows:
        raise ValueError(
            f"prot_attr has an array of shape {values.shape}, but X has {n_rows} rows; to predict for other people name levels of "
            "the index instead."
        )
    return values


def drop_protected(X: Any, prot_attr: Any) -> Any:
    """Leave out the features that are named like a level of the index or a protected attribute."""
    if not isinstance(X, pd.DataFrame):
        return X
    levels = set(X.index.names) - {None}
    parts = [] if prot_attr is None else _parts(prot_attr, list(levels))
    named = {part if np.ndim(part) == 0 else getattr(part, "name", None) for part in parts} | levels
    left_out = [name for name in X.columns if name in named - {None}]
    if len(left_out) == X.shape[1]:
        raise ValueError(
            "X has no features but its protected attributes; add features, or set keep_protected=True."
        )
    return X.drop(columns=left_out)
