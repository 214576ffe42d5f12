"""Bootstrap over loss cells: drawing rows is drawing how many rows of each cell there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from .._core._cells import LossCells
from .._core._sums import Totals
from .._core._unit_sums import UnitParts

#: Numbers that are held at a time; a few hundred megabytes.
_CHUNK = 1 << 23


@dataclass(frozen=True)
class BootstrapSettings:
    """How replicates are drawn.

    Attributes
    ----------
    n_boot : int or None
        Number of replicates; none are drawn without.
    stratify : bool
        Whether every audit group keeps its size, so that a small one never vanishes.
    random_state : int, RandomState instance or None
        Seed.
    """

    n_boot: int | None
    stratify: bool
    random_state: Any

    def __post_init__(self) -> None:
        if self.n_boot is not None and (
            isinstance(self.n_boot, bool) or not isinstance(self.n_boot, int | np.integer) or self.n_boot < 1
        ):
            raise ValueError(f"n_boot must be an integer of at least 1, or None; got {self.n_boot!r}.")

    def draw(self, cells: LossCells, pairs: np.ndarray, n_pairs: int) -> Totals | None:
        """Draw the sums that samples of the same size from the empirical distribution would have.

        Rows drawn with replacement are multinomial over the cells, so for 0-1 losses the cost does not grow with the
        number of rows. Rows of one cell may differ in weight: given how many rows of it there are, the sum of their
        weights is drawn from a gamma distribution with its mean and variance.

        Parameters
        ----------
        cells : LossCells
        pairs : ndarray of int, shape (c,)
            Pair of an assigned and an audit group of each cell.
        n_pairs : int

        Returns
        -------
        Totals or None
            Over pairs, with a leading dimension of replicates; None if no replicates are asked for.
        """
        if self.n_boot is None:
            return None
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        statistics = cells.statistics()
        weight = np.zeros((self.n_boot, n_pairs))
        value = np.zeros((self.n_boot, n_pairs, statistics.shape[1]))
        strata = cells.audit if self.stratify else np.zeros_like(cells.audit)
        order = np.lexsort((pairs, strata))
        for stratum in np.split(order, np.flatnonzero(np.diff(strata[order])) + 1):
            first_of_pair = np.flatnonzero(np.diff(pairs[stratum], prepend=-1))
            chunk = max(1, _CHUNK // len(stratum))
            for start in range(0, self.n_boot, chunk):
                rows = slice(start, min(start + chunk, self.n_boot))
                weights = _draw_weights(cells, stratum, rows.stop - rows.start, rng)
                weight[rows, pairs[stratum][first_of_pair]] = np.add.reduceat(weights, first_of_pair, axis=1)
                for part in np.split(np.arange(len(stratum)), first_of_pair[1:]):
                    inside = stratum[part]
                    value[rows, pairs[inside[0]]] = weights[:, part] @ statistics[inside]
        return Totals(weight, value)

    def without_replicates(self) -> BootstrapSettings:
        """Draw none."""
        return replace(self, n_boot=None)

    def draw_units(self, parts: UnitParts, n_pairs: int) -> Totals:
        """Draw units with replacement, each with all of its rows.

        Parameters
        ----------
        parts : UnitParts
        n_pairs : int

        Returns
        -------
        Totals
            Over pairs, with a leading dimension of replicates.
        """
        assert self.n_boot is not None
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        n_units, m = int(parts.unit.max(initial=-1)) + 1, parts.value.shape[1]
        columns = parts.pair[:, None] * (1 + m) + np.arange(1 + m)
        rows = np.broadcast_to(parts.unit[:, None], columns.shape)
        values = np.column_stack([parts.weight, np.nan_to_num(parts.value)])
        sums = sparse.coo_array(
            (values.ravel(), (rows.ravel(), columns.ravel())), (n_units, n_pairs * (1 + m))
        ).tocsc()
        strata = _strata_of_units(parts, stratify=self.stratify)
        totals = np.empty((self.n_boot, n_pairs, 1 + m))
        chunk = max(1, _CHUNK // max(n_units, 1))
        for start in range(0, self.n_boot, chunk):
            stop = min(start + chunk, self.n_boot)
            counts = np.zeros((stop - start, n_units))
            for stratum in strata:
                share = np.full(len(stratum), 1 / len(stratum))
                counts[:, stratum] = rng.multinomial(len(stratum), share, size=stop - start)
            totals[start:stop] = (counts @ sums).reshape(stop - start, n_pairs, 1 + m)
        totals[:, :, 1:][:, :, np.isnan(parts.value).any(axis=0)] = (
            np.nan
        )  # unknown without predictions of all groups
        return Totals(totals[:, :, 0], totals[:, :, 1:])


def _strata_of_units(parts: UnitParts, *, stratify: bool) -> list[np.ndarray]:
    """Units by the first of the audit groups that they have rows in; all together without stratification."""
    units, first = np.unique(parts.unit, return_index=True)
    strata = parts.audit[first] if stratify else np.zeros(len(units), dtype=int)
    return [units[strata == stratum] for stratum in np.unique(strata)]


def _draw_weights(cells: LossCells, stratum: np.ndarray, n_boot: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the sum of weights of each cell of a stratum, shape (n_boot, cells of the stratum)."""
    n = cells.n[stratum]
    counts = rng.multinomial(n.sum(), n / n.sum(), size=n_boot).astype(float)
    mean = cells.weight[stratum] / n
    variance = np.maximum(cells.weight_squared[stratum] / n - mean**2, 0.0)
    varies = variance > 1e-12 * mean**2
    weights = counts * mean
    if varies.any():
        mean, variance = mean[varies], variance[varies]
        weights[:, varies] = rng.gamma(counts[:, varies] * mean**2 / variance, variance / mean)
    return weights
