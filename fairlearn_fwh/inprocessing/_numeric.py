"""Torch methods take numbers; categories are the user's to encode."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np


def text_columns(X: Any) -> list[Any]:
    """Columns of a frame or an array of objects that hold something else than numbers."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return [
            name for name, dtype in frame.schema.items() if not (dtype.is_numeric() or dtype == nw.Boolean)
        ]
    array = np.asarray(X) if isinstance(X, np.ndarray | list) else np.empty((0, 0))
    if array.ndim != 2 or array.dtype.kind not in "OUS" or not len(array):
        return []
    return [i for i, value in enumerate(array[0]) if isinstance(value, str | bytes)]


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
