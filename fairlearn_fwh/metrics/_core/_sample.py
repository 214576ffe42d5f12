"""A sample of rows as it was read, before anything is asked of it: from here on several losses go their own ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ._alike import MOST_ALIKE, AlikeRows, code_labels, count_kinds
from ._cells import LossRows
from ._heaviest import Heaviest
from ._label_sets import LabelSets
from ._layout import Layout
from ._losses import Loss, losses_of_concerned, with_pos_label
from ._unit_hashes import UnitHashes


@dataclass(frozen=True)
class Sample:
    """Rows that count, checked.

    Attributes
    ----------
    y : ndarray, shape (n,)
        The truth.
    predictions : dict from str to ndarray, shape (n,)
        Of the own classifier, of the pooled one, and of all group classifiers if they are known, by the names of the arguments.
    disagrees : ndarray of bool, shape (n,)
        Whether the own prediction differs from the pooled one.
    assigned, audit : ndarray of int, shape (n,)
        Assigned group (-1 for none) and audit group.
    weights : ndarray, shape (n,), or None
    units : ndarray of int, shape (n,), or None
        Whose rows belong together.
    unit_hashes : UnitHashes or None
    layout : Layout
    sets : LabelSets or None
        Labels that occur, where labels are compared.
    exponent : int
        Power of two by which weights were divided.
    """

    y: np.ndarray
    predictions: dict[str, np.ndarray]
    disagrees: np.ndarray
    assigned: np.ndarray
    audit: np.ndarray
    weights: np.ndarray | None
    units: np.ndarray | None
    unit_hashes: UnitHashes | None
    layout: Layout
    sets: LabelSets | None
    exponent: int

    @property
    def heaviest(self) -> Heaviest:
        """Largest weight of a row by audit group."""
        return Heaviest.of_rows(self.layout.audit, self.audit, self.weights)

    def complete(self, loss: Loss) -> Loss:
        """Find the positive label of a loss that has one."""
        return loss if self.sets is None else with_pos_label(loss, self.sets.everything)

    def rows(self, loss: Loss) -> LossRows:
        """Losses of the people whom a loss concerns.

        Raises
        ------
        ValueError
            If it concerns nobody, or predictions are not of the kind that it compares.
        """
        concerned, losses = losses_of_concerned(loss, self.y, self.predictions)
        weights, units = (None if part is None else part[concerned] for part in (self.weights, self.units))
        return LossRows(
            losses,
            self.disagrees[concerned],
            self.assigned[concerned],
            self.audit[concerned],
            weights,
            loss.is_binary,
            units,
            self.unit_hashes,
        )

    def alike(self, losses: Iterable[Loss], most: int = MOST_ALIKE) -> AlikeRows | None:
        """Add up rows with equal groups and labels, from which every loss of labels can be read; None where that would not help.

        Parameters
        ----------
        losses : iterable of Loss
        most : int
            Most combinations of groups and labels that are looked for.
        """
        if self.units is not None or any(loss.predicts not in ("labels", "decisions") for loss in losses):
            return None
        labels: list[np.ndarray] = []
        # Who is assigned to no group has the code -1.
        first = int(self.assigned.min(initial=0))
        codes = [self.assigned - first if first else self.assigned, self.audit]
        bases = [int(self.assigned.max(initial=-1)) - first + 1, len(self.layout.audit)]
        found = {} if self.sets is None else {"y_true": self.sets.truth, **self.sets.predictions}
        for name, column in {"y_true": self.y, **self.predictions}.items():
            column_codes, column_labels = code_labels(column, found.get(name))
            codes.append(column_codes)
            labels.append(column_labels)
        bases += [len(column_labels) for column_labels in labels]
        if not 0 < np.prod(bases, dtype=float) <= most:
            return None
        (assigned, audit, *kinds), n, weight, weight_squared = count_kinds(codes, bases, self.weights)
        y, *predictions = (column_labels[kind] for column_labels, kind in zip(labels, kinds, strict=True))
        return AlikeRows(
            y=y,
            predictions=dict(zip(self.predictions, predictions, strict=True)),
            disagrees=np.asarray(predictions[0] != predictions[1], dtype=bool),
            assigned=assigned + first,
            audit=audit,
            n=n,
            weight=weight,
            weight_squared=weight_squared,
        )
