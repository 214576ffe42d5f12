"""Leaving out the rows of units that were seen before."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from .._core._groups import encode_groups
from .._core._unit_hashes import UnitHashes
from ._rows import collect


def without_seen(table: Any, column: str, key: bytes, seen: UnitHashes) -> tuple[Any, int]:
    """Leave out rows of units that were seen before.

    Parameters
    ----------
    table : narwhals DataFrame or LazyFrame
    column : str
        Says whose rows belong together.
    key : bytes
        With which the units were hashed.
    seen : UnitHashes

    Returns
    -------
    narwhals DataFrame or LazyFrame
    int
        Number of rows that were left out.

    Raises
    ------
    ValueError
        If the key is another one, or no row is left.
    """
    seen.check_key(key)
    units = _collected(table.select(nw.col(column)).drop_nulls().unique())[column]
    known = encode_groups({column: units.to_native()}, "units")
    among = seen.among(known.labels, key)[known.codes]
    if not among.any():
        return table, 0
    again = [value for value, is_seen in zip(units.to_list(), among, strict=True) if is_seen]
    # Missing units stay, so that they are refused: they are neither seen nor new.
    is_new = ~nw.col(column).is_in(again)
    n_rows, rows = _length(table), table.filter(nw.col(column).is_null() | is_new)
    n_kept = _length(rows)
    if not n_kept:
        raise ValueError(f"Everybody in these {n_rows:,} rows was seen before; nobody is new.")
    return rows, n_rows - n_kept


def check_units(table: Any, column: str) -> None:
    """Raise ValueError unless units are a column, of a type by which every engine finds rows."""
    if column not in (schema := table.collect_schema()):
        raise ValueError(f"units names column {column!r}, which does not exist.")
    dtype = schema[column]
    is_plain = dtype.is_numeric() or dtype.is_temporal()
    is_plain |= dtype in (nw.String, nw.Boolean, nw.Categorical, nw.Enum)
    if not is_plain and not ("pandas" in str(table.implementation).lower() and dtype == nw.Object):
        raise ValueError(f"units is column {column!r} of type {dtype}; write it as text.")


def _collected(table: Any) -> Any:
    return collect(table) if isinstance(table, nw.LazyFrame) else table


def _length(table: Any) -> int:
    return int(np.asarray(_collected(table.select(n=nw.len()))["n"].to_numpy())[0])
