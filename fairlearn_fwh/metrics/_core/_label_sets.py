"""Which labels occur in the truth and in predictions: labels that never meet are a mistake in the data, not harm."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...exceptions import LabelMismatchWarning
from ._spellings import plain
from ._values import kind_of, read_values

#: Labels that a message shows.
_SHOWN = 6

#: Words that many programs write where a value is missing.
MISSING_WORDS = frozenset(
    ["", "na", "n/a", "nan", "nat", "none", "null", "nil", "missing", "<na>", "#n/a", "#na", ".", "?", "-", "--"]
)  # fmt: skip

#: Numbers in any of the spellings that programs write.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")

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

    @property
    def _by_column(self) -> dict[str, frozenset[Any]]:
        return {"y_true": self.truth, **self.predictions}

    def check(self) -> None:
        """Look whether truth and predictions speak of the same labels.

        Raises
        ------
        ValueError
            If two labels differ in blanks, full stops or capitals alone; columns differ in labels of which some are numbers and others not, or in one that
            programs write where a value is missing; the truth and a prediction each have a label that the other lacks, which differ in signs alone; a prediction and the truth have no label in common; each of them has labels that the other lacks
            while the truth has two classes at most; or one of truth and predictions has two labels and the other more, as deciles and mistyped labels have.

        Warns
        -----
        LabelMismatchWarning
            If a prediction has labels that the truth lacks, or no prediction has a label of the truth, among more than two classes.
        """
        if self.stated is not None:
            return
        self._refuse_spellings()
        strange = {name: labels for name, labels in self.predictions.items() if labels - self.truth}
        for name, labels in strange.items():
            self._refuse(name, labels)
        never = self.truth.difference(*self.predictions.values())
        predicted = frozenset[Any]().union(*self.predictions.values())
        if never and len(predicted) == 2 and len(self.truth) > 2:
            raise ValueError(
                f"y_true has {_listed(never)}, which no prediction ever has: {self._found()}. Is it another spelling? {_REMEDY}"
            )
        for name, labels in strange.items():
            self._refuse_look_alikes(name, labels)
            self._warn(name, labels)
        if never and len(predicted) > 2:
            _warn_of(
                f"y_true has {_listed(never)}, which no prediction ever has; such people count as errors of both."
            )

    def check_same(self, other: LabelSets, name: str, other_name: str) -> None:
        """Look whether two samples speak of the same two labels.

        Raises
        ------
        ValueError
            If each of them has two labels at most, and both together have more: they are coded in two ways.
        """
        mine, theirs = self.everything, other.everything
        if (
            self.stated is None
            and other.stated is None
            and max(len(mine), len(theirs)) <= 2 < len(mine | theirs)
        ):
            raise ValueError(
                f"{name} has the labels {_listed(mine)}; in {other_name} they are {_listed(theirs)}: are they coded in two ways? {_REMEDY}"
            )

    def _found(self) -> str:
        return ", ".join(f"{name} has {_listed(labels)}" for name, labels in self._by_column.items())

    def _refuse_spellings(self) -> None:
        """Raise ValueError for labels that are one label in two spellings, as far as anybody can tell."""
        if alike := _written_alike(self.everything):
            one, other = sorted(
                alike, key=lambda label: (self._owner(label) != "y_true", label not in self.truth)
            )
            first = "y_true" if one in self.truth else self._owner(one)
            raise ValueError(
                f"{first} has the label {one!a} and {self._owner(other)} the label {other!a}, which are counted as different. {_REMEDY}"
            )
        if len(set(self._by_column.values())) == 1:
            return
        texts = frozenset(label for label in self.everything if isinstance(label, str))
        words = sorted(label for label in texts if not _NUMBER.fullmatch(label))
        if words and len(words) < len(texts):
            raise ValueError(
                f"{self._owner(words[0])} has the label {words[0]!a} beside numbers, and columns differ in their labels: {self._found()}. {_REMEDY}"
            )
        shared = self.truth.intersection(*self.predictions.values())
        if missing := [
            label for label in words if label not in shared and label.strip().casefold() in MISSING_WORDS
        ]:
            raise ValueError(
                f"{self._owner(missing[0])} has the label {missing[0]!a}, which not all columns have. If it means that the value is missing, leave such rows "
                "out; if it is a label, name it by labels=[...] (--labels)."
            )

    def _owner(self, label: Any) -> str:
        """The first prediction that has a label, or the truth."""
        return next((name for name, labels in self.predictions.items() if label in labels), "y_true")

    def _refuse(self, name: str, labels: frozenset[Any]) -> None:
        lacking, further = self.truth - labels, labels - self.truth
        found = f"y_true has {_listed(self.truth)}, {name} has {_listed(labels)}"
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

    def _refuse_look_alikes(self, name: str, labels: frozenset[Any]) -> None:
        """Raise ValueError for a label of the truth and one of a prediction that differ in signs alone, and that the other does not have."""
        bare = {_without_signs(label): label for label in self.truth - labels if isinstance(label, str)}
        for label in sorted(label for label in labels - self.truth if isinstance(label, str)):
            if (twin := bare.get(_without_signs(label))) is not None and _without_signs(label):
                raise ValueError(
                    f"y_true has the label {twin!a}, which {name} never has, and {name} has {label!a}, which y_true never has; they are counted as different. {_REMEDY}"
                )

    def _warn(self, name: str, labels: frozenset[Any]) -> None:
        lacking, further = self.truth - labels, labels - self.truth
        if len(self.truth | labels) > 2:
            _warn_of(
                f"{name} has {_listed(further)}, which y_true never has"
                + (f"; y_true has {_listed(lacking)}, which {name} never has" if lacking else "")
                + ". Such predictions count as wrong."
            )


def _warn_of(message: str) -> None:
    warnings.warn(f"{message} {_REMEDY}", LabelMismatchWarning, stacklevel=6)


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


def _written_alike(labels: frozenset[Any]) -> tuple[str, str] | None:
    """Two labels that differ in blanks, full stops or capitals alone."""
    seen: dict[str, str] = {}
    for label in sorted(label for label in labels if isinstance(label, str)):
        if (other := seen.setdefault(plain(label), label)) != label:
            return other, label
    return None


def _without_signs(label: str) -> str:
    return "".join(character for character in label if character.isalnum()).casefold()


def _listed(labels: Iterable[Any]) -> str:
    labels = sorted(labels, key=lambda label: (isinstance(label, str), str(label)))
    more = f" and {len(labels) - _SHOWN:,} more" if len(labels) > _SHOWN else ""
    return f"{', '.join(map(repr, labels[:_SHOWN]))}{more}"
