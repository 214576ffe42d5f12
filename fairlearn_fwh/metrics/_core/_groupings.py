"""Several groupings of the same people beside each other: margins, such as all women, and intersections."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ._figures import Levels
from ._groups import as_tuple
from ._layout import EVERYBODY, Layout
from ._measurement import Measurement, find_pairs
from ._unit_sums import ClusteredSums, UnitSums


def read_groupings(over: Any, layout: Layout) -> list[tuple[int, ...]]:
    """Read groupings as positions of their columns.

    Parameters
    ----------
    over : sequence of str or of tuples of str
        Names of audit columns; a tuple is an intersection.
    layout : Layout

    Raises
    ------
    ValueError
        If a name is unknown, a grouping comes twice, there are fewer than two audit columns or control features, or a group is called "all".
    """
    names = layout.audit_names
    if layout.control_names:
        raise ValueError("Margins need a frame without control_features.")
    if len(names) < 2:
        raise ValueError(f"Margins need sensitive_features of several columns; there is {names!r}.")
    if isinstance(over, str) or not isinstance(over, Sequence) or not len(over):
        raise ValueError(
            f"over must be a list of columns of sensitive_features, or tuples of them; got {over!r}."
        )
    groupings = []
    for grouping in over:
        columns = as_tuple(grouping)
        unknown = [name for name in columns if name not in names]
        if unknown or not columns or len(set(columns)) < len(columns):
            raise ValueError(f"over must name columns among {names!r}; got {grouping!r}.")
        groupings.append(tuple(sorted(names.index(name) for name in columns)))
    if len(set(groupings)) < len(groupings):
        raise ValueError(f"over has a grouping twice: {over!r}.")
    taken = [name for i, name in enumerate(names) if EVERYBODY in {label[i] for label in layout.audit}]
    if taken:
        raise ValueError(
            f"{taken[0]!r} has a group {EVERYBODY!r}, which stands for all groups of a column in over; rename it."
        )
    return groupings


def all_groupings(names: Sequence[str]) -> list[Any]:
    """Every audit column by itself, and the intersection of all."""
    names = list(names)
    return [*names, tuple(names)] if len(names) > 1 else names


def people_of(measured: Measurement) -> np.ndarray:
    """How many people each audit group has: units where rows belong together, else rows; shape (A,)."""
    audit = measured.levels.audit
    return audit.units.n if isinstance(audit, ClusteredSums) else audit.n


def hidden_groups(measured: Measurement, min_group_size: int, people: np.ndarray | None = None) -> np.ndarray:
    """Audit groups that cannot be shown: of few people, or, where groups overlap, with few people in them whom the rest would tell.

    Parameters
    ----------
    measured : Measurement
    min_group_size : int
    people : ndarray of int, shape (A,), optional
        How many people each group has, if not those of the measurement.

    Returns
    -------
    ndarray of bool, shape (A,)
    """
    small = (people_of(measured) if people is None else people) < min_group_size
    if measured.n_once is None:
        return small
    atoms = np.arange(len(measured.audit)) % measured.n_once
    hidden = small.copy()
    hidden[measured.audit[np.isin(atoms, atoms[small[measured.audit]])]] = True
    return hidden


def hidden_by_losses(parts: Mapping[str, Measurement], min_group_size: int) -> np.ndarray:
    """Audit groups that cannot be shown in several losses of one sample, because they are hidden in one, or by what is between two.

    People whom a loss does not concern are told by those whom it does, beside a loss that concerns everybody.

    Parameters
    ----------
    parts : dict from str to Measurement
    min_group_size : int

    Returns
    -------
    ndarray of bool, shape (A,)
    """
    hidden = [hidden_groups(part, min_group_size) for part in parts.values()]
    of_all = [part for part in parts.values() if part.loss.concerns is None]
    for part in parts.values():
        if of_all and part.loss.concerns is not None:
            others = of_all[0].levels.audit.n - part.levels.audit.n
            hidden.append(hidden_groups(of_all[0], min_group_size, others))
    return np.any(hidden, axis=0)


def why_hidden(measured: Measurement, min_group_size: int) -> str:
    """Say in words which groups `hidden_groups` are."""
    inside = "" if measured.n_once is None else ", or with such a group in them"
    return f"of fewer than {min_group_size} people{inside}"


def regroup(measured: Measurement, over: Any) -> Measurement:
    """Audit several groupings at once.

    Parameters
    ----------
    measured : Measurement
        Its audit groups are intersections of several columns.
    over : sequence of str or of tuples of str

    Returns
    -------
    Measurement
        The audit groups of all groupings; columns that a grouping does not have are "all".
    """
    groupings = read_groupings(over, measured.layout)
    labels: list[Any] = []
    codes: list[np.ndarray] = []
    of_atoms: list[np.ndarray] = []
    for grouping in groupings:
        of_group = [
            tuple(value if i in grouping else EVERYBODY for i, value in enumerate(label))
            for label in measured.layout.audit
        ]
        position = {label: len(labels) + i for i, label in enumerate(dict.fromkeys(of_group))}
        labels += position
        of_atoms.append(np.array([position[label] for label in of_group], dtype=np.intp))
        codes.append(of_atoms[-1][measured.audit])
    n_pairs, times = len(measured.audit), len(groupings)
    repeated = np.tile(np.arange(n_pairs), times)
    return replace(
        measured,
        layout=replace(measured.layout, audit=labels),
        assigned=measured.assigned[repeated],
        audit=np.concatenate(codes),
        sums=measured.sums.take(repeated),
        replicates=None,
        histograms=None if measured.histograms is None else measured.histograms.repeat(times, n_pairs),
        n_once=n_pairs,
        units=None if measured.units is None else _regroup_units(measured.units, of_atoms, len(labels)),
    )


def as_one_group(measured: Measurement) -> Measurement:
    """Put all audit groups together.

    Parameters
    ----------
    measured : Measurement
        Without control features.

    Returns
    -------
    Measurement
        Its only audit group is everybody; without replicates.
    """
    once = np.arange(len(measured.audit) if measured.n_once is None else measured.n_once)
    (assigned, audit), pairs = find_pairs(measured.assigned[once], np.zeros(len(once), dtype=np.intp), 1)
    units, histograms = measured.units, measured.histograms
    return replace(
        measured,
        layout=replace(measured.layout, audit=[EVERYBODY], audit_names=["group"]),
        assigned=assigned,
        audit=audit,
        sums=measured.sums.take(once).aggregate(pairs, len(assigned)),
        replicates=None,
        histograms=None if histograms is None else histograms.first(len(once)).aggregate(pairs),
        n_once=None,
        units=None if units is None else Levels(units.overall, units.assigned, units.overall),
    )


def _regroup_units(units: Levels[UnitSums], codes: list[np.ndarray], n_groups: int) -> Levels[UnitSums]:
    """Sums of units of the groups of all groupings, if no unit has rows in several of the intersections.

    Raises
    ------
    ValueError
        If one has.
    """
    if units.audit.n.sum() != units.overall.n.sum():
        raise ValueError(
            "Margins need units with all of their rows in one group: some unit has rows in several intersections of sensitive_features. Make a "
            "frame for each grouping, with alpha divided among them."
        )
    parts = [units.audit.aggregate(code, n_groups) for code in codes]
    return Levels(functools.reduce(operator.add, parts), units.assigned, units.overall)
