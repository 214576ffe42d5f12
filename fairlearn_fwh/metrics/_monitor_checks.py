"""What a monitor is given, checked, and what it has said as a table."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ._core._groups import flat_index
from ._preference_frame import PreferenceFrame


def check_same_people(frame: Any, reference: Any) -> None:
    """Raise ValueError if groups have other sizes in the comparison with the reference."""
    if isinstance(frame, PreferenceFrame) and isinstance(reference, PreferenceFrame):
        sizes = [part.by_group["n"].to_dict() for part in (frame, reference)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                "reference must be about the same people as frame, but groups have other sizes in it."
            )


def as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """What was said of groups at looks, a row each."""
    columns = ["release", "look", "label", "against", "group", "n_new", "left_out", "people", "n", "gain"]
    columns += ["lower", "upper", "harmed", "certified", "information", "level"]
    return pd.DataFrame(rows, columns=columns).assign(group=flat_index([row["group"] for row in rows]))


def check_label(label: Any) -> None:
    """Raise TypeError unless the name of a look is text."""
    if not isinstance(label, str):
        raise TypeError(f"label must be text; got {label!r}.")


def check_numbers(**numbers: Any) -> None:
    """Raise ValueError unless all are numbers of at least 0."""
    for name, value in numbers.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} must be a number of at least 0; got {value!r}.")
