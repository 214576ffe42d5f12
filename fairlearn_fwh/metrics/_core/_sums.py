"""Sums over groups: all that the metrics are made of. Sums of two samples are the sums of both together."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from ._cells import LossCells

#: Relative error that adding up many numbers may leave.
_ROUNDING = 1e-13

#: Share of a sum of squares below which a difference of such sums is noise.
_CANCELLATION = 1e-12

#: Sums in which weights are squared.
_WITH_SQUARED_WEIGHTS = ("weight_squared", "value_2", "square_2", "apart_2")


@dataclass(frozen=True)
class Totals:
    """Weighted sums of m statistics over each of g groups; leading dimensions are replicates of a bootstrap.

    Attributes
    ----------
    weight : ndarray, shape (..., g)
        Sum of weights.
    value : ndarray, shape (..., g, m)
        Weighted sum of each statistic. Statistic 0 is the own loss.
    """

    weight: np.ndarray
    value: np.ndarray

    def mean(self) -> np.ndarray:
        """Weighted mean of each statistic, shape (..., g, m); NaN for an empty group."""
        return divide(self.value, self.weight[..., None])

    def gain(self) -> np.ndarray:
        """Mean of statistic minus own loss, shape (..., g, m): the gain of the own classifier over another."""
        own = self.value[..., :1]
        difference = self.value - own
        # Sums of weights in another order differ by rounding; a tie must stay a tie.
        rounding = _ROUNDING * (np.abs(self.value) + np.abs(own))
        return divide(np.where(np.abs(difference) <= rounding, 0.0, difference), self.weight[..., None])

    def aggregate(self, codes: np.ndarray, n_groups: int) -> Self:
        """Add up groups with equal codes, shape (g,); groups of code -1 are left out."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(
            **{
                name: _add_up(values, codes, n_groups, axis=self.weight.ndim - 1)
                for name, values in columns.items()
            }
        )

    def scale(self, exponent: int) -> Self:
        """Multiply weights by a power of two, which changes no mean."""
        return type(self)(
            **{
                field.name: np.ldexp(
                    getattr(self, field.name), exponent * (2 if field.name in _WITH_SQUARED_WEIGHTS else 1)
                )
                if field.name != "n"
                else getattr(self, field.name)
                for field in fields(self)
            }
        )

    def reorder(self, columns: np.ndarray) -> Self:
        """Put the statistics in another order."""
        n_axes = self.value.ndim
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(**{name: a[..., columns] if a.ndim == n_axes else a for name, a in arrays.items()})

    def take(self, groups: np.ndarray) -> Self:
        """Take some groups, some of them several times."""
        axis = self.weight.ndim - 1
        return type(self)(
            **{field.name: np.take(getattr(self, field.name), groups, axis=axis) for field in fields(self)}
        )

    def concatenate(self, other: Self) -> Self:
        """Put the groups of two samples side by side."""
        axis = self.weight.ndim - 1
        return type(self)(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)], axis=axis)
                for field in fields(self)
            }
        )


@dataclass(frozen=True)
class GroupSums(Totals):
    """Sums over the rows of each of g groups, with what variances need.

    Attributes
    ----------
    n : ndarray of int, shape (g,)
        Number of rows.
    weight_squared : ndarray, shape (g,)
        Sum of squared weights.
    square, apart : ndarray, shape (g, m)
        Weighted sums of the square of a statistic, and of its difference from the own loss. (The difference is squared before it is added
        up: beside a large loss that both classifiers share it would be lost in a difference of sums.)
    value_2, square_2, apart_2 : ndarray, shape (g, m)
        The same with squared weights, for the linearised variance.
    """

    n: np.ndarray
    weight_squared: np.ndarray
    square: np.ndarray
    apart: np.ndarray
    value_2: np.ndarray
    square_2: np.ndarray
    apart_2: np.ndarray

    @classmethod
    def of(cls, cells: LossCells, groups: np.ndarray, n_groups: int) -> GroupSums:
        """Add up the cells of each group, codes from 0 to `n_groups` - 1."""
        x = cells.statistics()

        def totals(values: np.ndarray, by: np.ndarray) -> np.ndarray:
            return np.column_stack([np.bincount(groups, column * by, n_groups) for column in values.T])

        sums = [totals(values, cells.weight) for values in (x, x**2, (x - x[:, :1]) ** 2)]
        # Without weights the sums with squared weights are the same numbers.
        sums_2 = (
            sums
            if cells.weight is cells.weight_squared
            else [totals(values, cells.weight_squared) for values in (x, x**2, (x - x[:, :1]) ** 2)]
        )
        weight, weight_squared = (
            np.bincount(groups, w, n_groups) for w in (cells.weight, cells.weight_squared)
        )
        n = np.bincount(groups, cells.n, n_groups).astype(np.int64)
        return cls(weight, sums[0], n, weight_squared, sums[1], sums[2], *sums_2)

    def mean_variance(self) -> np.ndarray:
        """Linearised variance of `mean`, sum of w^2 (x - mean x)^2 over (sum of w)^2, shape (g, m)."""
        mean = self.mean()
        total = self.square_2 - 2 * mean * self.value_2 + mean**2 * self.weight_squared[:, None]
        return divide(_without_noise(total, self.square_2), self.weight[:, None] ** 2)

    def gain_variance(self) -> np.ndarray:
        """Linearised variance of `gain`, sum of w^2 (d - mean d)^2 over (sum of w)^2, shape (g, m)."""
        gain = self.gain()
        sums = self.value_2 - self.value_2[:, :1]
        total = self.apart_2 - 2 * gain * sums + gain**2 * self.weight_squared[:, None]
        return divide(_without_noise(total, self.apart_2), self.weight[:, None] ** 2)

    def discordance(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of rows where own is worse, and where own is better, for 0-1 losses; shape (g, m) each."""
        difference = self.value - self.value[:, :1]
        worse, better = (self.apart - difference) / 2, (self.apart + difference) / 2
        return divide(worse, self.weight[:, None]), divide(better, self.weight[:, None])

    def kish_size(self) -> np.ndarray:
        """Kish's effective size, (sum of w)^2 / (sum of w^2), shape (g,)."""
        return self.weight**2 / np.maximum(self.weight_squared, np.finfo(float).tiny)

    def discordant_size(self) -> np.ndarray:
        """Kish's effective number of the people about whom the two classifiers differ, for 0-1 losses; shape (g, m)."""
        return divide(self.apart**2, self.apart_2)


def _without_noise(total: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Sums of squared deviations; 0, which means unknown, where they are lost in the rounding of larger sums."""
    return np.where(total > _CANCELLATION * magnitude, total, np.where(np.isnan(total), np.nan, 0.0))


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide; NaN where the denominator is zero."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.full(shape, np.nan), where=denominator > 0)


def _add_up(values: np.ndarray, codes: np.ndarray, n_groups: int, axis: int) -> np.ndarray:
    order = np.argsort(codes, kind="stable")
    order = order[np.searchsorted(codes[order], 0) :]
    present, starts = np.unique(codes[order], return_index=True)
    shape = (*values.shape[:axis], n_groups, *values.shape[axis + 1 :])
    result = np.zeros(shape, dtype=values.dtype)
    if len(order):
        where: Any = (*(slice(None),) * axis, present)
        result[where] = np.add.reduceat(np.take(values, order, axis=axis), starts, axis=axis)
    return result


def add_replicates(a: Totals | None, b: Totals | None, n_shards: int) -> Totals | None:
    """Put the replicates of two samples side by side; those of the second are paired with others of the first.

    Samples whose replicates were drawn with one seed would otherwise vary together.
    """
    if a is None and b is None:
        return None
    if a is None or b is None or len(a.weight) != len(b.weight):
        numbers = [None if totals is None else len(totals.weight) for totals in (a, b)]
        raise ValueError(
            f"Frames can be added only if they have the same n_boot; got {numbers[0]} and {numbers[1]}."
        )
    rolled = Totals(np.roll(b.weight, n_shards, axis=0), np.roll(b.value, n_shards, axis=0))
    return a.concatenate(rolled)
