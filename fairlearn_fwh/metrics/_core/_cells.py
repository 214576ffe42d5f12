"""Loss cells: a sample of any size as a small table of who lost what.

Rows with equal groups and losses are alike for every preference metric. The metrics themselves are functions of sums
over the cells (`GroupSums`), so neither rows nor cells need be kept; a bootstrap draws numbers of rows of each cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from ._unit_hashes import UnitHashes

#: Above this many possible cells they are found by sorting instead of by counting.
_MAX_COUNTED_CELLS = 1 << 22

#: Rows that are added up at a time.
_CHUNK = 1 << 16

#: Columns of derived statistics, after the losses.
DERIVED = (
    "fairness_without_harm_rate",
    "strict_preference_rate",
    "negative_flip_rate",
    "positive_flip_rate",
    "disagreement_rate",
)


@dataclass(frozen=True)
class LossRows:
    """Losses of each row.

    Attributes
    ----------
    losses : list of ndarray, shape (n,)
        Of the own classifier, of the pooled one, and of all K group classifiers if they are known.
    disagrees : ndarray of bool, shape (n,)
        Whether the own prediction differs from the pooled one.
    assigned, audit : ndarray of int, shape (n,)
        Assigned group (-1 for none) and audit group.
    weights : ndarray, shape (n,), or None
    is_binary : bool
        Whether the losses are 0 or 1.
    units : ndarray of int, shape (n,), or None
        Whose rows belong together.
    unit_hashes : UnitHashes or None
        Hashes of these units, if a key was given.
    """

    losses: list[np.ndarray]
    disagrees: np.ndarray
    assigned: np.ndarray
    audit: np.ndarray
    weights: np.ndarray | None
    is_binary: bool
    units: np.ndarray | None = None
    unit_hashes: UnitHashes | None = None

    def chunks(self) -> Iterator[LossCells]:
        """Add up some rows at a time, so that little memory is needed."""
        for start in range(0, len(self.audit), _CHUNK):
            yield LossCells.from_rows(self, slice(start, start + _CHUNK))


@dataclass(frozen=True)
class LossCells:
    """Rows that are alike, added up.

    Attributes
    ----------
    assigned, audit : ndarray of int, shape (c,)
        Assigned group (-1 for none) and audit group of each cell.
    losses : ndarray, shape (c, 2) or (c, 2 + K)
        Loss of the own classifier, of the pooled one, and of all K group classifiers.
    disagrees : ndarray of bool, shape (c,)
        Whether the own prediction differs from the pooled one.
    n : ndarray of int, shape (c,)
        Number of rows.
    weight, weight_squared : ndarray, shape (c,)
        Sums of the rows' weights and of their squares.
    """

    assigned: np.ndarray
    audit: np.ndarray
    losses: np.ndarray
    disagrees: np.ndarray
    n: np.ndarray
    weight: np.ndarray
    weight_squared: np.ndarray

    @classmethod
    def from_rows(cls, rows: LossRows, chunk: slice) -> LossCells:
        """Add up rows with equal groups and losses; real-valued losses stay a cell per row."""
        losses = [loss[chunk] for loss in rows.losses]
        disagrees, assigned, audit = rows.disagrees[chunk], rows.assigned[chunk], rows.audit[chunk]
        n = np.ones(len(audit), dtype=np.int64)
        if rows.weights is None:
            weight = weight_squared = n.astype(float)
        else:
            weight, weight_squared = rows.weights[chunk], rows.weights[chunk] ** 2
        if not rows.is_binary:
            return cls(
                assigned=assigned,
                audit=audit,
                losses=np.column_stack(losses),
                disagrees=disagrees,
                n=n,
                weight=weight,
                weight_squared=weight_squared,
            )
        cell_of_row, first_row, n = find_cells(assigned, audit, [*losses, disagrees])
        if rows.weights is None:
            weight = weight_squared = n.astype(float)
        else:
            weight, weight_squared = (np.bincount(cell_of_row, w, len(n)) for w in (weight, weight_squared))
        cell_losses = np.column_stack([loss[first_row] for loss in losses])
        return cls(
            assigned=assigned[first_row],
            audit=audit[first_row],
            losses=cell_losses,
            disagrees=disagrees[first_row],
            n=n,
            weight=weight,
            weight_squared=weight_squared,
        )

    @classmethod
    def merge(cls, parts: list[LossCells], *, is_binary: bool) -> LossCells:
        """Put the cells of several chunks together, and add up those that are equal."""
        columns = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)
        }
        if not is_binary or len(parts) == 1:
            return cls(**columns)
        bits = [*columns["losses"].T, columns["disagrees"]]
        cell_of_part, first, _ = find_cells(columns["assigned"], columns["audit"], bits)
        sums = {
            name: np.bincount(cell_of_part, columns[name], len(first))
            for name in ("n", "weight", "weight_squared")
        }
        sums["n"] = sums["n"].astype(np.int64)
        return cls(**{name: column[first] for name, column in columns.items()} | sums)

    def statistics(self) -> np.ndarray:
        """Losses and derived statistics of each cell, shape (c, 2 (+ K) + 5)."""
        return statistics_of(self.losses, self.disagrees)


def statistics_of(losses: np.ndarray, disagrees: np.ndarray) -> np.ndarray:
    """Losses and derived statistics, shape (c, 2 (+ K) + 5), of losses of shape (c, 2 (+ K)).

    Without predictions of all group classifiers the first two derived statistics are NaN.
    """
    own, pooled, others = losses[:, 0], losses[:, 1], losses[:, 1:]
    if others.shape[1] > 1:
        # Own classifier no worse than pooled and than every group's: spec section 0, Pr-FWH (ties count).
        without_harm = own <= others.min(axis=1)
        strict = without_harm & (own < others.max(axis=1))
    else:
        without_harm = strict = np.full(len(own), np.nan)
    derived = [without_harm, strict, own > pooled, own < pooled, disagrees]
    return np.column_stack([losses, *derived]).astype(float)


def find_cells(
    assigned: np.ndarray, audit: np.ndarray, codes: list[np.ndarray], base: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the distinct combinations of groups and of codes below `base`: cell of each row, a row of each cell, sizes."""
    n_audit = int(audit.max()) + 1
    groups = (assigned.astype(np.int64) + 1) * n_audit + audit
    n_groups = int(groups.max()) + 1
    if n_groups.bit_length() + len(codes) * (base - 1).bit_length() > 62:
        groups, codes = _pack_many_bits(groups, codes)
        n_groups = int(groups.max()) + 1
    key = groups
    for code in codes:
        key = key * base + code
    n_keys = n_groups * base ** len(codes)
    if n_keys > _MAX_COUNTED_CELLS:
        _, first_row, cell_of_row, n = np.unique(
            key, return_index=True, return_inverse=True, return_counts=True
        )
        return cell_of_row, first_row, n
    counts = np.bincount(key, minlength=n_keys)
    used = np.flatnonzero(counts)
    row_of_key = np.empty(n_keys, dtype=np.intp)
    row_of_key[key] = np.arange(len(key))
    cell_of_key = np.empty(n_keys, dtype=np.intp)
    cell_of_key[used] = np.arange(len(used))
    return cell_of_key[key], row_of_key[used], counts[used]


def _pack_many_bits(groups: np.ndarray, bits: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Number the distinct combinations of groups and bits where they do not fit into one integer."""
    packed = np.packbits(np.column_stack(bits), axis=1)
    rows = np.ascontiguousarray(np.column_stack([groups.view(np.uint8).reshape(len(groups), -1), packed]))
    _, codes = np.unique(rows.view([("", f"V{rows.shape[1]}")]).ravel(), return_inverse=True)
    return codes.astype(np.int64), []
