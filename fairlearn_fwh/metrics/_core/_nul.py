"""Texts with a NUL character, of which pandas 2 knows the beginning only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

#: Whether pandas takes texts for one that differ after a NUL character, as pandas 2 does.
_ENDS_AT_NUL = len(pd.unique(np.array(["a\0b", "a\0c"], dtype=object))) < 2


def check_told_apart(values: Any, name: str) -> None:
    """Raise ValueError if a text holds a NUL character and pandas would take it for another."""
    if not _ENDS_AT_NUL:
        return
    for row, text in enumerate(values):
        if isinstance(text, str) and "\0" in text:
            raise ValueError(
                f"{name} has the text {text!r} in row {row}, with a NUL character, at which this version of pandas stops reading. Remove "
                "such characters, or install pandas 3."
            )
