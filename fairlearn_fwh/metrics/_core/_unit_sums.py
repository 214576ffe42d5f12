"""Rows that belong together: people who appear several times, households, images of a lesion.

Rows of one unit vary together, so that variances come from the sums of units (linearisation by ultimate clusters: Kish and Frankel 1974).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ._sums import GroupSums, divide

#: Powers of weights that arrays hold; the others are sums of squares.
_POWERS = {"heaviest": 1}


@dataclass(frozen=True)
class UnitSums:
    """Sums over the units of each of g groups, of squares of sums over the rows that a unit has in the group.

    Attributes
    ----------
    n : ndarray of int, shape (g,)
        Units with rows in the group.
    heaviest : ndarray, shape (g,)
        Largest weight of a unit in the group.
    weight_squared : ndarray, shape (g,)
        Of a unit's weights.
    value_2, square_2, apart_2 : ndarray, shape (g, m)
        Of a unit's weighted sum of a statistic: times its weight, squared, and its difference from that of the own loss squared.
    """

    n: np.ndarray
    heaviest: np.ndarray
    weight_squared: np.ndarray
    value_2: np.ndarray
    square_2: np.ndarray
    apart_2: np.ndarray

    @classmethod
    def of_rows(
        cls, groups: np.ndarray, n_groups: int, units: np.ndarray, statistics: np.ndarray, weight: np.ndarray
    ) -> UnitSums:
        """Add up rows with groups (-1 for none) and units by code."""
        inside = groups >= 0
        keys = groups[inside].astype(np.int64) * (int(units.max(initial=0)) + 1) + units[inside]
        found, unit = np.unique(keys, return_inverse=True)
        of_group = found // (int(units.max(initial=0)) + 1)
        weights = np.bincount(unit, weight[inside], len(found))
        values = np.column_stack(
            [np.bincount(unit, column[inside] * weight[inside], len(found)) for column in statistics.T]
        )
        return cls.of_units(of_group, n_groups, weights, values)

    @classmethod
    def of_units(cls, groups: np.ndarray, n_groups: int, weights: np.ndarray, values: np.ndarray) -> UnitSums:
        """Add up units by group: their weights, shape (u,), and weighted sums of statistics, shape (u, m)."""

        def totals(parts: np.ndarray) -> np.ndarray:
            return np.column_stack([np.bincount(groups, part, n_groups) for part in parts.T])

        heaviest = np.zeros(n_groups)
        np.maximum.at(heaviest, groups, weights)
        return cls(
            n=np.bincount(groups, minlength=n_groups),
            heaviest=heaviest,
            weight_squared=np.bincount(groups, weights**2, n_groups),
            value_2=totals(values * weights[:, None]),
            square_2=totals(values**2),
            apart_2=totals((values - values[:, :1]) ** 2),
        )

    def aggregate(self, codes: np.ndarray, n_groups: int) -> UnitSums:
        """Add up groups with equal codes, shape (g,), that have no unit in common."""
        result = {}
        for field in fields(self):
            values = getattr(self, field.name)
            result[field.name] = np.zeros((n_groups, *values.shape[1:]), dtype=values.dtype)
            add_up = np.maximum if field.name == "heaviest" else np.add
            add_up.at(result[field.name], codes, values)
        return UnitSums(**result)

    def take(self, groups: np.ndarray) -> UnitSums:
        """Take some groups, of which -1 are empty ones."""
        return UnitSums(
            **{
                field.name: np.where(
                    (groups >= 0).reshape(-1, *[1] * (getattr(self, field.name).ndim - 1)),
                    getattr(self, field.name)[groups],
                    0,
                )
                for field in fields(self)
            }
        )

    def reorder(self, columns: np.ndarray) -> UnitSums:
        """Put the statistics in another order."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return UnitSums(**{name: a[:, columns] if a.ndim == 2 else a for name, a in arrays.items()})

    def scale(self, exponent: int) -> UnitSums:
        """Multiply weights by a power of two."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return UnitSums(
            **{
                name: np.ldexp(a, _POWERS.get(name, 2) * exponent)
                for name, a in arrays.items()
                if name != "n"
            },
            n=self.n,
        )

    def __add__(self, other: UnitSums) -> UnitSums:
        """Add the sums of other units of the same groups."""
        sums = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        return UnitSums(**sums | {"heaviest": np.maximum(self.heaviest, other.heaviest)})


@dataclass(frozen=True)
class UnitParts:
    """Sums over the rows that a unit has in a pair of an assigned and an audit group: what a bootstrap draws.

    Attributes
    ----------
    unit, pair : ndarray of int, shape (p,)
    audit : ndarray of int, shape (p,)
        Audit group of the pair.
    weight : ndarray, shape (p,)
    value : ndarray, shape (p, m)
        Weighted sums of statistics.
    """

    unit: np.ndarray
    pair: np.ndarray
    audit: np.ndarray
    weight: np.ndarray
    value: np.ndarray

    @classmethod
    def of_rows(
        cls,
        units: np.ndarray,
        pairs: np.ndarray,
        audit: np.ndarray,
        statistics: np.ndarray,
        weight: np.ndarray,
    ) -> UnitParts:
        """Add up rows."""
        keys = units.astype(np.int64) * (int(pairs.max(initial=0)) + 1) + pairs
        _, first, part = np.unique(keys, return_index=True, return_inverse=True)
        value = np.column_stack([np.bincount(part, column * weight, len(first)) for column in statistics.T])
        return cls(units[first], pairs[first], audit[first], np.bincount(part, weight, len(first)), value)


@dataclass(frozen=True)
class ClusteredSums(GroupSums):
    """Sums of groups whose rows belong to units: variances are those of units.

    Attributes
    ----------
    units : UnitSums
    """

    units: UnitSums

    @classmethod
    def of_level(cls, sums: GroupSums, units: UnitSums) -> ClusteredSums:
        """Put the sums of one level together."""
        return cls(**{field.name: getattr(sums, field.name) for field in fields(sums)}, units=units)

    def correction(self) -> np.ndarray:
        """U / (u - 1) for u units, shape (g,); NaN where a single unit tells nothing of a variance."""
        n = self.units.n.astype(float)
        return divide(n, n - 1)

    def mean_variance(self) -> np.ndarray:
        u, mean = self.units, self.mean()
        total = u.square_2 - 2 * mean * u.value_2 + mean**2 * u.weight_squared[:, None]
        return divide(np.maximum(total, 0.0), self.weight[:, None] ** 2)

    def gain_variance(self) -> np.ndarray:
        u, gain = self.units, self.gain()
        sums = u.value_2 - u.value_2[:, :1]
        total = u.apart_2 - 2 * gain * sums + gain**2 * u.weight_squared[:, None]
        return divide(np.maximum(total, 0.0), self.weight[:, None] ** 2)
