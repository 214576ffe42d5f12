"""Torch methods take numbers; categories are the user's to encode."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np


def text_columns(X: Any) -> list[Any]:
    """Columns of a frame or an array of objects that hold something else than numbers."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return [name for name, dtype in frame.schema.items() if not _holds_numbers(frame[name], dtype)]
    if isinstance(X, np.ndarray) and (X.ndim != 2 or X.dtype.kind not in "OUS"):
        return []
    first = X[0] if isinstance(X, np.ndarray | list) and len(X) else ()
    return (
        [i for i, value in enumerate(first) if _is_text(value)]
        if isinstance(first, np.ndarray | list)
        else []
    )


def _holds_numbers(column: nw.Series[Any], dtype: Any) -> bool:
    if dtype == nw.Object:  # pandas keeps anything in such columns
        return len(column) > 0 and not _is_text(column[0])
    return bool(dtype.is_numeric() or dtype == nw.Boolean)


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)


def check_numeric(X: Any, estimator: str) -> None:
    """Raise ValueError if X has columns of text.

    The message names them and says what to do.
    """
    if columns := text_columns(X):
        raise ValueError(
            f"{estimator} takes numbers, but X has text or categories in column(s) {columns[:10]!r}. Encode them first, "
            "for instance make_pipeline(fairlearn_fwh.datasets.default_preprocessor(X), "
            f"{estimator}())."
        )
