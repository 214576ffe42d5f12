"""What is kept of a sample: sums over pairs of an assigned and an audit group."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, reduce
from typing import Any, Protocol

import numpy as np

from ...exceptions import UnitsWarning
from ._cells import DERIVED, LossCells, LossRows, statistics_of
from ._figures import FIRST_GROUP, POOLED_COLUMN, Levels, rows_of_assigned
from ._heaviest import Heaviest
from ._histograms import GainHistograms
from ._label_sets import LabelSets
from ._layout import Layout, merge_layouts, positions
from ._losses import Loss
from ._sums import GroupSums, Totals, add_replicates
from ._unit_hashes import UnitHashes
from ._unit_sums import ClusteredSums, UnitParts, UnitSums

#: Name of the one assigned group where only audit groups are kept.
OWN_CLASSIFIER = "own"

#: People whose weights make them count like fewer cannot be tested. Up to 2 no test says anything either, but it says so by its p-value.
FEWEST_EFFECTIVE = 1.1


class Bootstrap(Protocol):
    """Draws replicates, if there are to be any."""

    @property
    def n_boot(self) -> int | None:
        """Number of replicates; None for none."""

    def draw(self, cells: LossCells, pairs: np.ndarray, n_pairs: int) -> Totals | None:
        """Draw the sums over pairs of an assigned and an audit group that samples of the same size would have."""

    def draw_units(self, parts: UnitParts, n_pairs: int) -> Totals | None:
        """Draw the sums that samples of as many units would have."""

    def without_replicates(self) -> Bootstrap:
        """Draw none."""


@dataclass(frozen=True)
class Measurement:
    """A sample, added up. Measurements of two samples add up to that of both.

    Attributes
    ----------
    layout : Layout
    loss : Loss
    weighted : bool
        Whether rows have weights.
    assigned, audit : ndarray of int, shape (p,)
        Assigned (-1 for the pooled classifier) and audit group of each pair that occurs.
    sums : GroupSums
        Sums over each pair.
    replicates : Totals or None
        Bootstrap replicates of the sums.
    n_shards : int
        Number of samples that were added up.
    histograms : GainHistograms or None
        Of the gains of each pair; for real-valued losses with limits, without weights.
    n_once : int or None
        How many pairs cover everybody once, if audit groups overlap; the others are further groupings of the same people.
    units : Levels of UnitSums or None
        Sums of units, where rows belong together.
    unit_hashes : UnitHashes or None
        Keyed hashes of the units, by which a unit that is in two samples is found.
    labels : LabelSets or None
        Labels that occur, for losses that compare labels.
    exponent : int
        Power of two by which weights were divided, so that their squares are finite.
    heaviest : Heaviest
        Largest weight of a row by audit group.
    """

    layout: Layout
    loss: Loss
    weighted: bool
    assigned: np.ndarray
    audit: np.ndarray
    sums: GroupSums
    replicates: Totals | None
    n_shards: int = 1
    histograms: GainHistograms | None = None
    n_once: int | None = None
    units: Levels[UnitSums] | None = None
    unit_hashes: UnitHashes | None = None
    labels: LabelSets | None = None
    exponent: int = 0
    heaviest: Heaviest = field(default_factory=Heaviest)

    @classmethod
    def of_rows(cls, rows: LossRows, layout: Layout, loss: Loss, bootstrap: Bootstrap) -> Measurement:
        """Add up rows, and draw replicates if they are asked for."""
        if rows.units is not None:
            alone = cls.of_rows(replace(rows, units=None), layout, loss, bootstrap.without_replicates())
            clustered = alone.clustered(_units_of(rows, layout), rows.unit_hashes)
            return clustered.with_replicates(bootstrap, lambda: _parts_of(rows, layout))
        weighted = rows.weights is not None
        if loss.is_binary or bootstrap.n_boot is not None:
            cells = LossCells.merge(list(rows.chunks()), is_binary=loss.is_binary)
            return cls.of_cells(cells, layout, loss, weighted, bootstrap)
        parts = (cls.of_cells(cells, layout, loss, weighted, bootstrap) for cells in rows.chunks())
        return replace(reduce(operator.add, parts), n_shards=1)

    def __post_init__(self) -> None:
        n_losses = self.sums.value.shape[1] - len(DERIVED)
        for sums in (self.sums.square, self.sums.square_2):
            if not np.isfinite(sums[:, :n_losses]).all():
                raise ValueError(
                    f"Losses ({self.loss.name!r}) are so large that their squares overflow; give values in another unit."
                )

    def check_weights(self) -> None:
        """Raise ValueError if one of several people has so much of the weight that nothing can be said of the others."""
        n, weight, squared = self._of_everybody
        if self.weighted and n > 1 and weight**2 < FEWEST_EFFECTIVE * squared:
            raise ValueError(
                f"sample_weight makes {n:,} rows count like {weight**2 / squared:.2f} (Kish's effective size): one row has nearly all "
                "of the weight. Nothing can be tested; check the column, or trim the weights."
            )

    @property
    def _of_everybody(self) -> tuple[int, float, float]:
        once = slice(0, self.n_once)
        sums = self.sums
        return int(sums.n[once].sum()), float(sums.weight[once].sum()), float(sums.weight_squared[once].sum())

    def clustered(self, units: Levels[UnitSums], hashes: UnitHashes | None) -> Measurement:
        """Say which rows belong together; what is for independent rows is left out."""
        return replace(self, units=units, unit_hashes=hashes, histograms=None)

    def with_replicates(self, bootstrap: Bootstrap, parts: Callable[[], UnitParts]) -> Measurement:
        """Draw replicates of units, if they are asked for."""
        if bootstrap.n_boot is None:
            return self
        return replace(self, replicates=bootstrap.draw_units(parts(), len(self.assigned)))

    def with_audit_groups(self, labels: list[Any]) -> Measurement:
        """Name groups of which nobody is in the sample, too: those whom a loss does not concern."""
        if set(labels) <= set(self.layout.audit):
            return self
        layout = replace(self.layout, audit=labels)
        audit = positions(self.layout.audit, labels)[self.audit]
        units = None if self.units is None else _units_in_order(self.units, self.layout, layout)
        return replace(self, layout=layout, audit=audit, units=units)

    def about(self, labels: LabelSets | None, exponent: int, heaviest: Heaviest) -> Measurement:
        """Say which labels occurred, by which power of two weights were divided, and the largest weights."""
        return replace(self, labels=labels, exponent=exponent, heaviest=heaviest)

    @property
    def counts_alike(self) -> bool:
        """Whether all rows have one weight, whatever it is."""
        n, weight, _ = self._of_everybody
        return not self.weighted or bool(np.isclose(weight, n * self.heaviest.most, rtol=1e-12, atol=0))

    @classmethod
    def of_cells(
        cls, cells: LossCells, layout: Layout, loss: Loss, weighted: bool, bootstrap: Bootstrap
    ) -> Measurement:
        """Add up cells, and draw replicates if they are asked for."""
        (assigned, audit), pairs = find_pairs(cells.assigned, cells.audit, len(layout.audit))
        sums = GroupSums.of(cells, pairs, len(assigned))
        replicates = bootstrap.draw(cells, pairs, len(assigned))
        return cls(
            layout=layout,
            loss=loss,
            weighted=weighted,
            assigned=assigned,
            audit=audit,
            sums=sums,
            replicates=replicates,
            histograms=GainHistograms.of(cells, pairs, loss.span)
            if loss.span and can_be_bet_on(loss, weighted)
            else None,
        )

    def __add__(self, other: Measurement) -> Measurement:
        if self.loss != other.loss:
            raise ValueError(
                f"Frames can be added only if they have the same loss; got {self.loss.title!r} and {other.loss.title!r}."
            )
        if self.n_once is not None or other.n_once is not None:
            raise ValueError(
                "Frames of overlapping groups cannot be added; add the frames, and call over afterwards."
            )
        if self.labels is not None and other.labels is not None and self.loss.pos_label is not None:
            # What the positive label means has to be the same.
            self.labels.check_same(other.labels, "one frame", "the other")
        layout = merge_layouts(self.layout, other.layout)
        other = other._in_order_of(layout)
        labels = None if self.labels is None or other.labels is None else self.labels + other.labels
        exponent = max(self.exponent, other.exponent)
        mine, theirs = self._divided_by(exponent), other._divided_by(exponent)
        assigned = [positions(m.layout.groups, layout.groups)[m.assigned] for m in (self, other)]
        audit = [positions(m.layout.audit, layout.audit)[m.audit] for m in (self, other)]
        (assigned_of_pair, audit_of_pair), pairs = find_pairs(
            np.concatenate(assigned), np.concatenate(audit), len(layout.audit)
        )
        n_pairs = len(assigned_of_pair)
        replicates = add_replicates(mine.replicates, theirs.replicates, self.n_shards)
        return Measurement(
            layout=layout,
            loss=self.loss,
            weighted=self.weighted or other.weighted,
            assigned=assigned_of_pair,
            audit=audit_of_pair,
            sums=mine.sums.concatenate(theirs.sums).aggregate(pairs, n_pairs),
            replicates=None if replicates is None else replicates.aggregate(pairs, n_pairs),
            n_shards=self.n_shards + other.n_shards,
            histograms=self._histograms_with(other, pairs),
            units=_add_units(mine, theirs, layout),
            unit_hashes=_add_hashes(mine, theirs),
            labels=labels,
            exponent=exponent,
            heaviest=mine.heaviest.joined(theirs.heaviest),
        )

    def _histograms_with(self, other: Measurement, pairs: np.ndarray) -> GainHistograms | None:
        """Histograms of both; none where one of them has weights."""
        if self.histograms is None or other.histograms is None:
            return None
        return self.histograms.concatenate(other.histograms, len(self.assigned)).aggregate(pairs)

    def _divided_by(self, exponent: int) -> Measurement:
        """Divide weights by a larger power of two."""
        if exponent == self.exponent:
            return self
        if exponent - self.exponent > 300:
            raise ValueError("Frames can be added only if their weights are of comparable sizes.")
        step = self.exponent - exponent
        replicates = None if self.replicates is None else self.replicates.scale(step)
        units = None if self.units is None else self.units.map(lambda part: part.scale(step))
        return replace(
            self,
            sums=self.sums.scale(step),
            replicates=replicates,
            units=units,
            exponent=exponent,
            heaviest=self.heaviest.scaled(step),
        )

    def _in_order_of(self, layout: Layout) -> Measurement:
        """Put the statistics of group classifiers in the order of another layout's groups."""
        if not layout.has_envy or layout.groups == self.layout.groups:
            return self
        columns = np.arange(self.sums.value.shape[-1])
        order = positions(layout.groups, self.layout.groups)[:-1]
        columns[FIRST_GROUP : FIRST_GROUP + len(order)] = FIRST_GROUP + order
        replicates = None if self.replicates is None else self.replicates.reorder(columns)
        histograms = None if self.histograms is None else self.histograms.reorder(columns)
        units = None if self.units is None else self.units.map(lambda part: part.reorder(columns))
        return replace(
            self,
            sums=self.sums.reorder(columns),
            replicates=replicates,
            histograms=histograms,
            units=units,
        )

    def of_audit_groups(self) -> Measurement:
        """Keep what is known of audit groups and of the pooled classifier: no other classifiers, no replicates, one pair per audit group."""
        if self.layout.control_names or self.n_once is not None:
            raise ValueError(
                "The frame has control features or overlapping groups, which a monitor does not take; make it without them."
            )
        n_audit, last = len(self.layout.audit), self.sums.value.shape[1] - len(DERIVED)
        columns = np.r_[:FIRST_GROUP, last : last + len(DERIVED)]
        audit = self.levels.audit
        plain = GroupSums(**{field.name: getattr(audit, field.name) for field in fields(GroupSums)})
        histograms = self.audit_histograms
        units = self.units
        if units is not None:
            nobody = units.overall.take(np.array([-1]))
            units = Levels(units.audit, nobody, units.overall).map(lambda part: part.reorder(columns))
        return replace(
            self,
            layout=Layout([OWN_CLASSIFIER], ["groups"], self.layout.audit, self.layout.audit_names),
            assigned=np.where(self.audit_is_pooled, -1, 0),
            audit=np.arange(n_audit),
            sums=plain.reorder(columns),
            replicates=None,
            n_shards=1,
            histograms=None if histograms is None else histograms.only(POOLED_COLUMN),
            units=units,
        )

    @cached_property
    def levels(self) -> Levels[GroupSums]:
        """Sums of audit groups, assigned groups and control levels."""
        levels = Levels.of(self.sums, self.assigned, self.audit, self.layout, self.n_once)
        if self.units is None:
            return levels
        names = ("audit", "assigned", "overall")
        return Levels(
            **{
                name: ClusteredSums.of_level(getattr(levels, name), getattr(self.units, name))
                for name in names
            }
        )

    @cached_property
    def audit_histograms(self) -> GainHistograms | None:
        """Histograms of audit groups."""
        return None if self.histograms is None else self.histograms.aggregate(self.audit)

    @cached_property
    def assigned_histograms(self) -> GainHistograms | None:
        """Histograms of the rows of the assigned tables."""
        if self.histograms is None:
            return None
        rows = rows_of_assigned(self.assigned, self.audit, self.layout)
        if self.n_once is not None:
            rows[self.n_once :] = -1
        return self.histograms.aggregate(rows)

    @cached_property
    def replicate_levels(self) -> Levels[Totals] | None:
        """Replicates of `levels`."""
        if self.replicates is None:
            return None
        return Levels.of(self.replicates, self.assigned, self.audit, self.layout)

    @cached_property
    def row_of_audit(self) -> np.ndarray:
        """Row of the assigned tables with the same members as each audit group, or -1; shape (A,)."""
        layout = self.layout
        if self.n_once is not None:
            return np.full(len(layout.audit), -1)
        rows = rows_of_assigned(self.assigned, self.audit, layout)
        audit_partners = np.bincount(self.audit, minlength=len(layout.audit))
        row_partners = np.bincount(rows + 1, minlength=len(layout.own_column) + 1)
        same = (rows >= 0) & (audit_partners[self.audit] == 1) & (row_partners[rows + 1] == 1)
        matching = np.full(len(layout.audit), -1)
        matching[self.audit[same]] = rows[same]
        return matching

    @cached_property
    def audit_is_pooled(self) -> np.ndarray:
        """Audit groups all of whose members are served by the pooled classifier by construction; shape (A,)."""
        is_pooled = np.array([group in self.layout.pooled_groups for group in self.layout.groups] + [True])
        others = np.bincount(self.audit, ~is_pooled[self.assigned], minlength=len(self.layout.audit))
        members = np.bincount(self.audit, minlength=len(self.layout.audit))
        return (others == 0) & (members > 0)


def _add_units(a: Measurement, b: Measurement, layout: Layout) -> Levels[UnitSums] | None:
    """Sums of the units of two samples, none of which is in both."""
    if (a.units is None) != (b.units is None):
        raise ValueError("Frames can be added only if both or neither have units.")
    if a.units is None or b.units is None:
        return None
    first, second = (_units_in_order(m.units, m.layout, layout) for m in (a, b) if m.units is not None)
    return Levels(
        first.audit + second.audit, first.assigned + second.assigned, first.overall + second.overall
    )


def _add_hashes(a: Measurement, b: Measurement) -> UnitHashes | None:
    """Hashes of the units of two samples; where one has none it is not known whether they share units.

    Raises
    ------
    ValueError
        If a unit is in both.
    """
    if a.units is None:
        return None
    if a.unit_hashes is None or b.unit_hashes is None:
        warnings.warn(
            "Frames with units were added: it was not checked that no unit is in both of them. Where one is, its rows count as those of two. "
            "Frames that are made with unit_key are checked.",
            UnitsWarning,
            stacklevel=4,
        )
        return None
    if shared := a.unit_hashes.shared_with(b.unit_hashes):
        raise ValueError(
            f"{shared:,} unit(s) are in both frames; their rows would count as those of two. Make the frames from samples that share no unit."
        )
    return a.unit_hashes + b.unit_hashes


def _units_in_order(units: Levels[UnitSums], old: Layout, new: Layout) -> Levels[UnitSums]:
    """Put the groups of a sample in the places that they have in the sum of two."""
    return Levels(
        audit=units.audit.take(positions(new.audit, old.audit)[:-1]),
        assigned=units.assigned.take(positions(new.assigned_labels, old.assigned_labels)[:-1]),
        overall=units.overall.take(positions(new.controls, old.controls)[:-1]),
    )


def _units_of(rows: LossRows, layout: Layout) -> Levels[UnitSums]:
    """Add up the rows of each unit, at each level."""
    assert rows.units is not None
    statistics = statistics_of(np.column_stack(rows.losses), rows.disagrees)
    weight = np.ones(len(rows.audit)) if rows.weights is None else rows.weights
    codes = {
        "audit": (rows.audit, len(layout.audit)),
        "assigned": (rows_of_assigned(rows.assigned, rows.audit, layout), len(layout.own_column)),
        "overall": (layout.control_of_audit[rows.audit], len(layout.controls)),
    }
    return Levels(
        **{name: UnitSums.of_rows(*level, rows.units, statistics, weight) for name, level in codes.items()}
    )


def _parts_of(rows: LossRows, layout: Layout) -> UnitParts:
    """What each unit has in each pair of an assigned and an audit group."""
    assert rows.units is not None
    _, pairs = find_pairs(rows.assigned, rows.audit, len(layout.audit))
    statistics = statistics_of(np.column_stack(rows.losses), rows.disagrees)
    weight = np.ones(len(rows.audit)) if rows.weights is None else rows.weights
    return UnitParts.of_rows(rows.units, pairs, rows.audit, statistics, weight)


def can_be_bet_on(loss: Loss, weighted: bool) -> bool:
    """Whether gains have the bounds of `_betting`: those of real-valued losses with limits, of people who count alike."""
    return not loss.is_binary and loss.span is not None and not weighted


def find_pairs(
    assigned: np.ndarray, audit: np.ndarray, n_audit: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Number the pairs of an assigned and an audit group that occur: the groups of each pair, and pair of each row."""
    found, pairs = np.unique((assigned.astype(np.int64) + 1) * n_audit + audit, return_inverse=True)
    return (found // n_audit - 1, found % n_audit), pairs
