"""Which labels occur in the truth and in predictions: labels that never meet are a mistake in the data, not harm."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...exceptions import LabelMismatchWarning
from ._values import kind_of, read_values

#: Labels that a message shows.
_SHOWN = 6

_REMEDY = "Give both in one spelling, or say by labels=[...] (--labels) which labels there are."


@dataclass(frozen=True)
class LabelSets:
    """Labels that occur in a sample. Those of two samples add up to those of both.

    Attributes
    ----------
    truth : frozenset
        Labels of the truth.
    predictions : dict from str to frozenset
        Labels of each prediction, by the name of its argument.
    stated : frozenset or None
        All labels that there are, if the user said so.
    """

    truth: frozenset[Any]
    predictions: dict[str, frozenset[Any]] = field(default_factory=dict)
    stated: frozenset[Any] | None = None

    @classmethod
    def of_columns(
        cls, truth: np.ndarray, predictions: Mapping[str, np.ndarray], stated: frozenset[Any] | None
    ) -> LabelSets:
        """Collect the labels of columns that were read."""
        return cls.of_labels(
            distinct(truth), {name: distinct(column) for name, column in predictions.items()}, stated
        )

    @classmethod
    def of_labels(
        cls,
        truth: Iterable[Any],
        predictions: Mapping[str, Iterable[Any]],
        stated: frozenset[Any] | None,
    ) -> LabelSets:
        """Check labels against those that were stated.

        Raises
        ------
        ValueError
            If a label is none of those that the user stated.
        """
        sets = cls(
            frozenset(truth), {name: frozenset(labels) for name, labels in predictions.items()}, stated
        )
        for name, labels in {"y_true": sets.truth, **sets.predictions}.items():
            if stated is not None and (others := labels - stated):
                raise ValueError(
                    f"{name} has {_listed(others)}, which labels does not name; labels has {_listed(stated)}."
                )
        return sets

    def __add__(self, other: LabelSets) -> LabelSets:
        if self.stated != other.stated:
            raise ValueError(
                f"Frames can be added only if they have the same labels; got {self.stated} and {other.stated}."
            )
        everything = self.truth.union(other.truth, *self.predictions.values(), *other.predictions.values())
        if (
            len(kinds := {kind_of(as_objects([label])).replace("boolean", "number") for label in everything})
            > 1
        ):
            raise ValueError(f"Frames can be added only if their labels have one type; got {sorted(kinds)}.")
        names = {**self.predictions, **other.predictions}
        nothing: frozenset[Any] = frozenset()
        predictions = {
            name: self.predictions.get(name, nothing) | other.predictions.get(name, nothing) for name in names
        }
        return LabelSets(self.truth | other.truth, predictions, self.stated)

    @property
    def everything(self) -> frozenset[Any]:
        """Labels of truth and predictions together."""
        return self.truth.union(*self.predictions.values(), self.stated or ())

    def check(self) -> None:
        """Look whether truth and predictions speak of the same labels.

        Raises
        ------
        ValueError
            If a prediction and the truth have no label in common, each of them has labels that the other lacks while the truth has two
            classes at most, the truth has two and the prediction at least four, or labels differ in blanks, full stops or capitals alone.

        Warns
        -----
        LabelMismatchWarning
            If a prediction has labels that the truth lacks, among more than two classes.
        """
        if self.stated is not None:
            return
        strange = {name: labels for name, labels in self.predictions.items() if labels - self.truth}
        for name, labels in strange.items():
            self._refuse(name, labels)
        for name, labels in strange.items():
            self._warn(name, labels)

    def _refuse(self, name: str, labels: frozenset[Any]) -> None:
        lacking, further = self.truth - labels, labels - self.truth
        found = f"y_true has {_listed(self.truth)}, {name} has {_listed(labels)}"
        if alike := _written_alike(lacking, further):
            raise ValueError(
                f"y_true has the label {alike[0]!a} and {name} the label {alike[1]!a}, which are counted as different. {_REMEDY}"
            )
        if not self.truth & labels:
            raise ValueError(
                f"y_true and {name} have no label in common, so every prediction counts as wrong: {found}. {_REMEDY}"
            )
        if len(self.truth) > 2:
            return
        if lacking:
            raise ValueError(f"y_true and {name} each have labels that the other lacks: {found}. {_REMEDY}")
        if len(self.truth) == 2 and len(further) > 1:
            raise ValueError(
                f"{name} has more labels than y_true, as scores or deciles have: {found}. {_REMEDY}"
            )

    def _warn(self, name: str, labels: frozenset[Any]) -> None:
        lacking, further = self.truth - labels, labels - self.truth
        if len(self.truth | labels) > 2:
            warnings.warn(
                f"{name} has {_listed(further)}, which y_true never has"
                + (f"; y_true has {_listed(lacking)}, which {name} never has" if lacking else "")
                + f". Such predictions count as wrong. {_REMEDY}",
                LabelMismatchWarning,
                stacklevel=5,
            )


def distinct(column: np.ndarray) -> frozenset[Any]:
    """Distinct values of a column that was read."""
    if column.dtype.kind == "b":
        return frozenset(value for value in (False, True) if (column == value).any())
    low, high = (
        (int(column.min()), int(column.max())) if column.dtype.kind in "iu" and len(column) else (0, 1001)
    )
    if high - low <= 1:
        return frozenset((low, high))
    if high - low <= 1000:
        counts = np.bincount(column.astype(np.int64) - low)
        return frozenset((np.flatnonzero(counts) + low).tolist())
    return frozenset(pd.unique(column).tolist())


def all_labels(*columns: Any) -> list[Any]:
    """Labels of columns whose agreement was looked at elsewhere, as in a fit, which knows its classes.

    Parameters
    ----------
    *columns : array-like, shape (n,)

    Returns
    -------
    list
        For `PreferenceFrame(labels=...)`.
    """
    return list(frozenset[Any]().union(*(distinct(np.asarray(column)) for column in columns)))


def read_stated(labels: Any) -> frozenset[Any] | None:
    """Read the labels that the user says there are.

    Raises
    ------
    ValueError
        If `labels` is one text, or empty.
    """
    if labels is None:
        return None
    if isinstance(labels, str | bytes):
        raise ValueError(f"labels must be a list of labels; got {labels!r}.")
    values, missing = read_values(list(labels), "labels")
    if not len(values) or missing.any():
        raise ValueError("labels must name at least one label, and none may be missing.")
    return distinct(values)


def check_kinds(stated: frozenset[Any] | None, column: np.ndarray) -> None:
    """Raise ValueError unless the stated labels are of the type of the labels in the data."""
    if stated is None:
        return
    kinds = [
        kind.replace("boolean", "number") for kind in (kind_of(as_objects(list(stated))), kind_of(column))
    ]
    if kinds[0] != kinds[1]:
        example = column[0].item() if isinstance(column[0], np.generic) else column[0]
        raise ValueError(
            f"labels has {_listed(stated)} of another type than the labels of the data, such as {example!r}."
        )


def as_objects(labels: list[Any]) -> np.ndarray:
    """Labels as an array in which each keeps its type."""
    values = np.empty(len(labels), dtype=object)
    values[:] = labels
    return values


def _written_alike(lacking: frozenset[Any], further: frozenset[Any]) -> tuple[str, str] | None:
    """Two labels that differ in blanks, full stops or capitals alone."""
    plain = {_plain(label): label for label in lacking if isinstance(label, str)}
    for label in sorted(label for label in further if isinstance(label, str)):
        if _plain(label) in plain:
            return plain[_plain(label)], label
    return None


def _plain(label: str) -> str:
    """A label without what a reader does not see or overlooks: blanks, marks without width, full stops, capitals, forms of accents."""
    visible = "".join(
        character
        for character in unicodedata.normalize("NFKC", label)
        if not character.isspace() and unicodedata.category(character) != "Cf"
    )
    return visible.strip(".").casefold()


def _listed(labels: Iterable[Any]) -> str:
    labels = sorted(labels, key=lambda label: (isinstance(label, str), str(label)))
    more = f" and {len(labels) - _SHOWN:,} more" if len(labels) > _SHOWN else ""
    return f"{', '.join(map(repr, labels[:_SHOWN]))}{more}"
