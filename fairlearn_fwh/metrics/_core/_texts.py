"""Numbering texts: each gets the position of its label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._nul import check_told_apart
from ._values import read_values

#: Rows among which Arrow looks for labels first.
_FIRST = 10_000


def in_order(codes: np.ndarray, order: list[int]) -> np.ndarray:
    """Renumber codes so that the labels of `order` come first to last; -1 stays."""
    rank = np.append(np.argsort(order), -1).astype(np.int32)
    return rank[codes]


def factorize_text(column: pd.Series | np.ndarray, name: str) -> tuple[np.ndarray, list[Any]] | None:
    """Number text where it is held, often as Arrow, without looking at each row in Python; None if something is no text."""
    if isinstance(column.dtype, pd.StringDtype):
        codes, uniques = _encode_text(column.array)
    elif column.dtype == object and column.ndim == 1:
        try:
            codes, uniques = pd.factorize(np.asarray(column))
        except TypeError:  # lists and the like, which `read_values` refuses
            return None
    else:
        return None
    # What equals a text is a text, so that those that differ speak for all rows.
    if not all(isinstance(label, str) for label in uniques):
        return None
    check_told_apart(column, name)
    labels = read_values(pd.Series(uniques, dtype=object), name)[0].tolist()
    order = sorted(range(len(labels)), key=labels.__getitem__)
    if order == list(range(len(labels))):
        return codes.astype(np.int32, copy=False), labels
    return in_order(codes, order), [labels[i] for i in order]


def _encode_text(array: Any) -> tuple[np.ndarray, Any]:
    """Number the distinct texts of an array, -1 where one is missing; where Arrow holds them, it is quicker than pandas."""
    if not hasattr(array, "__arrow_array__"):
        return pd.factorize(array)
    try:
        import pyarrow as pa
        import pyarrow.compute as pc
    except ImportError:
        return pd.factorize(array)
    held = pa.array(array)
    if isinstance(held, pa.ChunkedArray):
        held = held.combine_chunks()
    # Texts that are known are found faster than new ones, and most are among the first rows.
    first = held[:_FIRST].unique().drop_null()
    known = first.take(pc.sort_indices(first))
    found = pc.index_in(held, value_set=known)
    if found.null_count == held.null_count:
        return _numbers(found), known.to_pylist()
    encoded = held.dictionary_encode()
    return _numbers(encoded.indices), encoded.dictionary.to_pylist()


def _numbers(positions: Any) -> np.ndarray:
    """Positions of Arrow as an array, -1 where there is none."""
    filled = positions.fill_null(-1) if positions.null_count else positions
    return filled.to_numpy(zero_copy_only=False)
