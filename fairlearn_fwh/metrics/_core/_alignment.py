"""Rows are paired by position, as in scikit-learn: what an index says against it is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd


def check_alignment(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments whose indexes have the same unique labels in different orders.

    Other differences between indexes are as in scikit-learn: rows are paired by position. It costs something only where two indexes differ.

    Parameters
    ----------
    arguments : mapping from name to what the user gave
        Series, DataFrames and dictionaries of Series are looked at; all else has no index.

    Raises
    ------
    ValueError
        If pairing rows by position would contradict the labels of their indexes.
    """
    seen: list[tuple[str, pd.Index]] = []
    for name, index in _indexes(arguments):
        if any(index is other or index.equals(other) for _, other in seen):
            continue
        for other_name, other in seen:
            if _is_reordered(index, other):
                raise ValueError(
                    f"{name} has the index labels of {other_name} in another order, but rows are paired by position. Bring them into one "
                    f"order, as by {name}.loc[{other_name}.index], or, if their rows already are the same, give {name} without its "
                    "index, as by .to_numpy()."
                )
        seen.append((name, index))


def _indexes(arguments: Mapping[str, Any]) -> Iterator[tuple[str, pd.Index]]:
    for name, values in arguments.items():
        if isinstance(values, pd.Series | pd.DataFrame):
            yield name, values.index
        elif isinstance(values, Mapping):
            for key, column in values.items():
                if isinstance(column, pd.Series):
                    yield f"{name}[{key!r}]", column.index


def _is_reordered(a: pd.Index, b: pd.Index) -> bool:
    if len(a) != len(b) or a.nlevels != b.nlevels or not (a.is_unique and b.is_unique):
        return False
    try:
        return bool(a.isin(b).all())
    except (TypeError, ValueError, AssertionError):  # labels of kinds that no two indexes share
        return False
