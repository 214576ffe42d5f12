"""Loss cells: a sample of any size as a small table of who lost what.

All preference metrics are functions of the sums that `GroupSums` holds, so the rows themselves need not be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Above this many possible cells they are found by sorting instead of by counting.
_MAX_COUNTED_CELLS = 1 << 22

#: Relative error that adding up many numbers may leave.
_ROUNDING = 1e-13

#: Columns of derived statistics, after the losses.
DERIVED = (
    "fairness_without_harm_rate",
    "strict_preference_rate",
    "negative_flip_rate",
    "positive_flip_rate",
    "disagreement_rate",
)


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
    def from_rows(
        cls,
        losses: list[np.ndarray],
        disagrees: np.ndarray,
        assigned: np.ndarray,
        audit: np.ndarray,
        weights: np.ndarray | None,
        *,
        is_binary: bool,
    ) -> LossCells:
        """Add up rows with equal groups and losses; real-valued losses stay a cell per row."""
        if not is_binary:
            n = np.ones(len(audit), dtype=np.int64)
            weight = n.astype(float) if weights is None else weights
            weight_squared = weight if weights is None else weights**2
            return cls(assigned, audit, np.column_stack(losses), disagrees, n, weight, weight_squared)
        cell_of_row, first_row, n = _find_cells(assigned, audit, [*losses, disagrees])
        if weights is None:
            weight = weight_squared = n.astype(float)
        else:
            weight = np.bincount(cell_of_row, weights, len(n))
            weight_squared = np.bincount(cell_of_row, weights**2, len(n))
        cell_losses = np.column_stack([loss[first_row] for loss in losses]).astype(float)
        return cls(
            assigned[first_row],
            audit[first_row],
            cell_losses,
            disagrees[first_row],
            n,
            weight,
            weight_squared,
        )

    def statistics(self) -> np.ndarray:
        """Losses and derived statistics of each cell, shape (c, 2 (+ K) + 5).

        Without predictions of all group classifiers the first two derived statistics are NaN.
        """
        own, pooled, others = self.losses[:, 0], self.losses[:, 1], self.losses[:, 1:]
        if others.shape[1] > 1:
            # Own classifier no worse than pooled and than every group's: spec section 0, Pr-FWH (ties count).
            without_harm = own <= others.min(axis=1)
            strict = without_harm & (own < others.max(axis=1))
        else:
            without_harm = strict = np.full(len(own), np.nan)
        derived = [without_harm, strict, own > pooled, own < pooled, self.disagrees]
        return np.column_stack([self.losses, *derived]).astype(float)


def _find_cells(
    assigned: np.ndarray, audit: np.ndarray, bits: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the distinct combinations of groups and bits: cell of each row, a row of each cell, sizes."""
    n_audit = int(audit.max()) + 1
    groups = (assigned + np.int64(1)) * n_audit + audit
    n_groups = int(groups.max()) + 1
    if n_groups.bit_length() + len(bits) > 62:
        groups, bits = _pack_many_bits(groups, bits)
        n_groups = int(groups.max()) + 1
    key = groups
    for bit in bits:
        key = key * 2 + bit
    n_keys = n_groups << len(bits)
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


def matching_groups(cells: LossCells, n_audit: int, n_assigned: int) -> np.ndarray:
    """Give each audit group the assigned group that has the same members, or -1."""
    pairs = np.unique(np.column_stack([cells.audit, cells.assigned]), axis=0)
    audit_partners = np.bincount(pairs[:, 0], minlength=n_audit)
    assigned_partners = np.bincount(pairs[:, 1] + 1, minlength=n_assigned + 1)
    matching = np.full(n_audit, -1)
    same = (pairs[:, 1] >= 0) & (audit_partners[pairs[:, 0]] == 1) & (assigned_partners[pairs[:, 1] + 1] == 1)
    matching[pairs[same, 0]] = pairs[same, 1]
    return matching


def served_by_pooled(cells: LossCells, n_audit: int, group_is_pooled: list[bool]) -> np.ndarray:
    """Audit groups all of whose members are served by the pooled classifier by construction."""
    is_pooled = np.array([*group_is_pooled, True])[cells.assigned]  # code -1 is the pooled classifier itself
    others = np.bincount(cells.audit, weights=~is_pooled, minlength=n_audit)
    members = np.bincount(cells.audit, minlength=n_audit)
    return (others == 0) & (members > 0)


@dataclass(frozen=True)
class GroupSums:
    """Sums over the rows of each of g groups, of m statistics of which column 0 is the own loss.

    Attributes
    ----------
    n : ndarray of int, shape (g,)
    weight, weight_squared : ndarray, shape (g,)
        Sums of weights and of their squares.
    value, square, with_own : ndarray, shape (g, m)
        Weighted sums of a statistic, its square, its product with the own loss.
    value_2, square_2, with_own_2 : ndarray, shape (g, m)
        The same with squared weights, for the linearised variance.
    """

    n: np.ndarray
    weight: np.ndarray
    weight_squared: np.ndarray
    value: np.ndarray
    square: np.ndarray
    with_own: np.ndarray
    value_2: np.ndarray
    square_2: np.ndarray
    with_own_2: np.ndarray

    @classmethod
    def of(cls, cells: LossCells, groups: np.ndarray, n_groups: int) -> GroupSums:
        """Add up the cells of each group; cells of group -1 are left out."""
        inside = groups >= 0
        codes = groups[inside]
        x = cells.statistics()[inside]
        weight, weight_squared = cells.weight[inside], cells.weight_squared[inside]

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(codes, values, n_groups)

        def totals(values: np.ndarray, by: np.ndarray) -> np.ndarray:
            return np.column_stack([total(column * by) for column in values.T])

        sums = [totals(values, weight) for values in (x, x**2, x * x[:, :1])]
        # Without weights the sums with squared weights are the same numbers.
        sums_2 = (
            sums
            if cells.weight is cells.weight_squared
            else [totals(values, weight_squared) for values in (x, x**2, x * x[:, :1])]
        )
        n = total(cells.n[inside].astype(float)).astype(np.int64)
        return cls(n, total(weight), total(weight_squared), *sums, *sums_2)

    def mean(self) -> np.ndarray:
        """Weighted mean of each statistic, shape (g, m); NaN for an empty group."""
        return _divide(self.value, self.weight[:, None])

    def gain(self) -> np.ndarray:
        """Mean of statistic minus own loss, shape (g, m): the gain of the own classifier over another."""
        difference = self.value - self.value[:, :1]
        # Sums of weights in another order differ by rounding; a tie must stay a tie.
        rounding = _ROUNDING * (np.abs(self.value) + np.abs(self.value[:, :1]))
        return _divide(np.where(np.abs(difference) <= rounding, 0.0, difference), self.weight[:, None])

    def gain_variance(self) -> np.ndarray:
        """Linearised variance of `gain`, sum of w^2 (d - mean d)^2 over (sum of w)^2, shape (g, m)."""
        gain = self.gain()
        squares = self.square_2 - 2 * self.with_own_2 + self.square_2[:, :1]
        sums = self.value_2 - self.value_2[:, :1]
        total = squares - 2 * gain * sums + gain**2 * self.weight_squared[:, None]
        return np.maximum(_divide(total, self.weight[:, None] ** 2), 0.0)

    def discordance(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of rows where own is worse, and where own is better, for 0-1 losses; shape (g, m) each."""
        worse = self.value[:, :1] - self.with_own
        better = self.value - self.with_own
        return _divide(worse, self.weight[:, None]), _divide(better, self.weight[:, None])


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)
