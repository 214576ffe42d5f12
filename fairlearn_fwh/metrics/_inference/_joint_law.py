"""How the p-values of claims about overlapping groups are distributed together.

People belong to the finest intersections, the atoms; the groups are unions of them. If nobody gains or loses, the people about whom the
classifiers differ gain or lose by the toss of a coin, atom by atom, and every group's count is the sum of its atoms' (Westfall and Young 1993).
Where tests are of other kinds, the atoms' sums are about normal, and the largest of the groups' statistics decides (Hothorn, Bretz and
Westfall 2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ._null_laws import mcnemar_values

#: Draws from the law, and how many are held at a time.
N_DRAWS, _HELD = 9_999, 500

#: p-values that differ by less, relatively, are equal but for rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class JointLaw:
    """What the people of m groups have in common.

    Attributes
    ----------
    members : ndarray of bool, shape (m, atoms)
        Which atoms belong to each group.
    discordant : ndarray of int, shape (atoms,), or None
        People about whom the classifiers differ, if the claims' tests count them; no weights, 0-1 losses.
    variance : ndarray, shape (atoms,)
        Variance of each atom's sum of gains.
    """

    members: np.ndarray
    discordant: np.ndarray | None
    variance: np.ndarray

    def of(self, claims: np.ndarray) -> JointLaw:
        """Leave some claims."""
        return JointLaw(self.members[claims], self.discordant, self.variance)

    def adjust(self, p_values: np.ndarray, by_counts: bool) -> np.ndarray:
        """Step down from the smallest p-value with the law of the smallest of those that are left.

        Parameters
        ----------
        p_values : ndarray, shape (m,)
        by_counts : bool
            Whether they are McNemar's.

        Returns
        -------
        ndarray, shape (m,)
        """
        order = np.argsort(p_values, kind="stable")
        ordered = p_values[order] * (1 + _ROUNDING)
        as_small = np.zeros(len(order))
        draws = self._counted() if by_counts and self.discordant is not None else self._normal()
        for drawn in draws:
            smallest = np.minimum.accumulate(drawn[:, order][:, ::-1], axis=1)[:, ::-1]
            as_small += (smallest <= ordered).sum(axis=0)
        adjusted = np.empty(len(order))
        adjusted[order] = np.maximum.accumulate((1 + as_small) / (1 + N_DRAWS))
        return adjusted

    def _sizes(self) -> Iterator[int]:
        for start in range(0, N_DRAWS, _HELD):
            yield min(_HELD, N_DRAWS - start)

    def _counted(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        assert self.discordant is not None
        members = self.members.astype(float)
        totals = (members @ self.discordant).astype(int)
        values = [mcnemar_values(total)[::-1] for total in totals]  # of 0 and more people who gain
        for size in self._sizes():
            better = rng.binomial(self.discordant, 0.5, (size, len(self.discordant)))
            counts = np.rint(better @ members.T).astype(int)
            yield np.column_stack([values[i][counts[:, i]] for i in range(len(totals))])

    def _normal(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        scale = np.sqrt(self.members @ self.variance)[:, None]
        loadings = self.members * np.sqrt(self.variance) / np.where(scale > 0, scale, 1.0)
        for size in self._sizes():
            yield stats.norm.sf(rng.standard_normal((size, len(self.variance))) @ loadings.T)
