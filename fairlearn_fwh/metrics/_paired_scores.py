"""Two scores of the same people, by group: what frames of ranking and of calibration read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ._core._alignment import check_alignment
from ._core._groups import Groups, encode_groups, labels_index
from ._core._names import group_name
from ._core._positive import positive_label
from ._core._values import as_column

#: Groups that a sentence names.
_MOST_NAMED = 10


@dataclass(frozen=True)
class PairedScores:
    """Scores of people whose class is known.

    Attributes
    ----------
    positive : ndarray of bool, shape (n,)
        Who belongs to the positive class.
    own, other : ndarray of float, shape (n,)
        Their scores, and those that they are compared with.
    unit : ndarray of int, shape (n,), or None
        Whose rows belong together.
    groups : Groups
    """

    positive: np.ndarray
    own: np.ndarray
    other: np.ndarray
    unit: np.ndarray | None
    groups: Groups

    @classmethod
    def read(
        cls,
        names: tuple[str, str],
        y_true: Any,
        own: Any,
        other: Any,
        sensitive_features: Any,
        units: Any,
        pos_label: Any,
    ) -> PairedScores:
        """Read what a user gives; `names` are those of the two scores, for messages.

        Raises
        ------
        ValueError
            If lengths differ, a value is missing or no number where there must be one, there are not two classes, `pos_label` does not occur, scores are
            constant, or a unit has rows in several groups.
        """
        given = {"y_true": y_true, names[0]: own, names[1]: other}
        check_alignment({**given, "sensitive_features": sensitive_features, "units": units})
        y = as_column(y_true, "y_true")
        pos_label = positive_label(pd.unique(y).tolist(), pos_label)
        positive = np.asarray(np.equal(y, pos_label), dtype=bool)
        first, second = (
            _scores(values, name, len(y)) for values, name in zip((own, other), names, strict=True)
        )
        groups = (
            Groups(np.zeros(len(y), dtype=np.intp), ["all"], ["group"])
            if sensitive_features is None
            else encode_groups(sensitive_features, n_rows=len(y))
        )
        unit = None if units is None else encode_groups(units, "units", n_rows=len(y)).codes
        _check_units(unit, groups)
        return cls(positive, first, second, unit, groups)

    @cached_property
    def parts(self) -> list[np.ndarray]:
        """Rows of every group."""
        codes = self.groups.codes
        order = np.argsort(codes, kind="stable")
        return np.split(order, np.searchsorted(codes[order], np.arange(1, len(self.groups))))

    @property
    def everybody(self) -> np.ndarray:
        """All rows."""
        return np.arange(len(self.positive))

    @property
    def index(self) -> pd.Index:
        """Labels of the groups, as tables have them."""
        return labels_index(self.groups.labels, self.groups.names)

    def units_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Whose rows belong together, among some rows."""
        return None if self.unit is None else self.unit[rows]

    def sizes(self, rows: np.ndarray) -> dict[str, int]:
        """Numbers of people, of positives among them, and of units if there are any."""
        units = {} if self.unit is None else {"n_units": len(np.unique(self.unit[rows]))}
        return {"n": len(rows), "n_positive": int(self.positive[rows].sum()), **units}


def _scores(values: Any, name: str, n_rows: int) -> np.ndarray:
    column = as_column(values, name, n_rows)
    if column.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be numbers; it has values such as {column[0]!r}.")
    scores = column.astype(float)
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{name} must be finite; row {int(np.argmin(np.isfinite(scores)))} is {scores[~np.isfinite(scores)][0]}."
        )
    return scores


def _check_units(unit: np.ndarray | None, groups: Groups) -> None:
    if unit is None:
        return
    pairs = np.unique(np.column_stack([unit, groups.codes]), axis=0)
    if n_more := len(pairs) - len(np.unique(unit)):
        raise ValueError(
            f"units: {n_more:,} units have rows in several groups. A group's test needs whole units; make a frame for each group, with alpha divided among them."
        )


def named(table: pd.DataFrame, min_group_size: int) -> str:
    """Name groups with their gains, the worst first; small ones are counted."""
    shown = table[table["n"] >= min_group_size].sort_values("gain", kind="stable")
    parts = []
    for group, gain, n in zip(shown["group"], shown["gain"].to_numpy(dtype=float), shown["n"], strict=True):
        said = "one class" if np.isnan(gain) else f"{gain:+.3f}"
        parts.append(f"{group_name(group)} ({said}, {n:,} people)")
    more = len(parts) - _MOST_NAMED
    parts = parts[:_MOST_NAMED]
    if more > 0:
        parts.append(f"{more:,} more")
    if small := len(table) - len(shown):
        parts.append(f"{small} group{'s' if small > 1 else ''} of fewer than {min_group_size} people")
    return ", ".join(parts)


def check_share(name: str, value: Any, unit: str) -> None:
    """Raise ValueError unless a margin or tolerance is at least 0 and below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, a difference of {unit}; got {value!r}.")
