"""Histograms of gains: what bounds that bet on one person after the other need of a sample, and what adds up over samples.

A bin keeps how many people are in it and the sum of their gains. Bins are narrow near 0, where the gains of similar classifiers lie.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ._cells import LossCells

#: Bins on each side of 0; the k-th ends at (k / 512)^2 of the largest gain.
BINS = 512

#: Up to so many possible bins people are counted in all of them; of more the non-empty ones are found by sorting.
_MOST_COUNTED = 1 << 20


@dataclass(frozen=True)
class GainHistograms:
    """Non-empty bins of the gains of groups over classifiers, sorted by group, column and bin.

    Attributes
    ----------
    group, column, bin : ndarray of int, shape (b,)
        Group, statistic (column of the sums) whose loss is compared with the own one, and bin: from 0 for gains of 0 and more, from -1
        downwards for losses.
    n : ndarray of int, shape (b,)
        People in the bin.
    total : ndarray, shape (b,)
        Sum of their gains.
    """

    group: np.ndarray
    column: np.ndarray
    bin: np.ndarray
    n: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, cells: LossCells, groups: np.ndarray, span: float) -> GainHistograms:
        """Count the cells of each group, whose gains lie within `span` on both sides of 0."""
        own, others = cells.losses[:, 0], cells.losses[:, 1:].T
        gains = np.concatenate([other - own for other in others])
        columns = np.repeat(np.arange(1, 1 + len(others)), len(own))
        n = np.tile(cells.n, len(others))
        codes = np.tile(groups, len(others))
        bins = bin_of(gains, span)
        shape = (int(groups.max(initial=0)) + 1, 1 + len(others), 2 * BINS)
        if np.prod(shape, dtype=float) > _MOST_COUNTED:
            return cls(codes, columns, bins, n, gains * n).merged()
        keys = np.ravel_multi_index((codes, columns, bins + BINS), shape)
        size = int(np.prod(shape))
        people, totals = np.bincount(keys, n, size), np.bincount(keys, gains * n, size)
        used = np.flatnonzero(people)
        group, column, bin_ = np.unravel_index(used, shape)
        return cls(group, column, bin_ - BINS, people[used].astype(np.int64), totals[used])

    def aggregate(self, codes: np.ndarray) -> GainHistograms:
        """Add up groups with equal codes, shape (g,); groups of code -1 are left out."""
        kept = codes[self.group] >= 0
        columns = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        return GainHistograms(**(columns | {"group": codes[self.group[kept]]})).merged()

    def concatenate(self, other: GainHistograms, n_groups: int) -> GainHistograms:
        """Put the groups of another sample after the `n_groups` of this one."""
        columns = {
            field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
            for field in fields(self)
        }
        columns["group"][len(self.group) :] += n_groups
        return GainHistograms(**columns)

    def first(self, n_groups: int) -> GainHistograms:
        """Keep the first groups."""
        kept = self.group < n_groups
        return GainHistograms(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})

    def repeat(self, times: int, n_groups: int) -> GainHistograms:
        """Put copies of the `n_groups` groups after one another."""
        columns = {field.name: np.tile(getattr(self, field.name), times) for field in fields(self)}
        columns["group"] += np.repeat(np.arange(times) * n_groups, len(self.group))
        return GainHistograms(**columns)

    def reorder(self, columns: np.ndarray) -> GainHistograms:
        """Put the statistics in another order: `columns[i]` is the old position of statistic i."""
        position = np.empty(len(columns), dtype=self.column.dtype)
        position[columns] = np.arange(len(columns))
        moved = {field.name: getattr(self, field.name) for field in fields(self)}
        return GainHistograms(**(moved | {"column": position[self.column]})).merged()

    def only(self, column: int) -> GainHistograms:
        """Keep the gains over one classifier."""
        kept = self.column == column
        return GainHistograms(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})

    def of_claim(self, group: int, column: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bins, numbers of people and sums of the gains of a group over a classifier."""
        first, last = np.searchsorted(self.group, [group, group + 1])
        start, end = first + np.searchsorted(self.column[first:last], [column, column + 1])
        return self.bin[start:end], self.n[start:end], self.total[start:end]

    def merged(self) -> GainHistograms:
        """Sort, and add up bins that are equal."""
        if not len(self.group):
            return self
        order = np.lexsort([self.bin, self.column, self.group])
        keys = [key[order] for key in (self.group, self.column, self.bin)]
        new = np.append(True, np.any([np.diff(key) != 0 for key in keys], axis=0))
        starts = np.flatnonzero(new)
        n, total = (np.add.reduceat(values[order], starts) for values in (self.n, self.total))
        group, column, bins = (key[starts] for key in keys)
        return GainHistograms(group, column, bins, n, total)


def bin_of(gains: np.ndarray, span: float) -> np.ndarray:
    """Bin of each gain."""
    root = np.abs(gains)
    root /= span
    np.sqrt(root, out=root)
    root *= BINS
    np.floor(np.copysign(root, gains, out=root), out=root)
    return np.clip(root, -BINS, BINS - 1, out=root).astype(np.int64)


def edges_of(bins: np.ndarray, span: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of each bin."""
    near = np.where(bins >= 0, bins, -1 - bins)
    inner, outer = span * (near / BINS) ** 2, span * ((near + 1) / BINS) ** 2
    return np.where(bins >= 0, inner, -outer), np.where(bins >= 0, outer, -inner)
