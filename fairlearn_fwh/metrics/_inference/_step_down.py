"""Adjustment of p-values for their number, step by step from the smallest.

A hypothesis is rejected if the smallest p-value among those that are not yet rejected would be as small by chance with a probability below
alpha. Holm bounds that probability by the sum of the p-values' uniform distributions. p-values of counts take few values only, so that the
sum of their own distributions is smaller, and claims about different people are independent, so that there is no need for a sum
(min-P: Westfall and Young 1993; with distributions of counts: Tarone 1990, Westfall and Troendle 2008).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MIN_P = "min_p"
CORRECTIONS = (MIN_P, "holm", "bonferroni", None)

#: Steps that are taken at a time.
_STEPS = 64

#: p-values that differ by less, relatively, are equal but for rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class NullLaws:
    """How p-values are distributed if their hypotheses are just true: P(p <= x) is the largest attainable value up to x.

    Attributes
    ----------
    of_claim : ndarray of int, shape (m,)
        Position among `attainable` of each claim's law; -1 for the uniform one.
    attainable : list of ndarray
        Values that p-values can take, ascending.
    are_counts : bool
        Whether all are McNemar's, by the number of people who gain.
    """

    of_claim: np.ndarray
    attainable: Sequence[np.ndarray]
    are_counts: bool = False

    @classmethod
    def uniform(cls, n_claims: int) -> NullLaws:
        """Laws of tests that may have any p-value."""
        return cls(np.full(n_claims, -1), [])

    @classmethod
    def joined(cls, parts: Sequence[NullLaws]) -> NullLaws:
        """Put the laws of several families of claims together."""
        codes, attainable = [], list[np.ndarray]()
        for part in parts:
            codes.append(np.where(part.of_claim >= 0, part.of_claim + len(attainable), -1))
            attainable += part.attainable
        return cls(np.concatenate(codes), attainable, all(part.are_counts for part in parts))

    def of(self, claims: np.ndarray) -> NullLaws:
        """Leave some claims."""
        return NullLaws(self.of_claim[claims], self.attainable, self.are_counts)

    def at(self, claims: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Probabilities of p-values up to `x`, shape (len(claims), k) for `x` of that shape."""
        result = np.minimum(x, 1.0)
        laws = self.of_claim[claims]
        for law in np.unique(laws[laws >= 0]):
            mine = np.flatnonzero(laws == law)
            values = np.append(0.0, self.attainable[law])
            result[mine] = values[np.searchsorted(values, result[mine] * (1 + _ROUNDING), side="right") - 1]
        return result


@dataclass(frozen=True)
class SharedPeople:
    """Which claims are about the same people.

    Attributes
    ----------
    group : ndarray of int, shape (m,)
        Claims with one code share people.
    part : ndarray of int, shape (m,)
        Groups of one part have no people in common; those of different parts may.
    """

    group: np.ndarray
    part: np.ndarray

    @classmethod
    def everybody(cls, n_claims: int) -> SharedPeople:
        """Claims that may all share people."""
        return cls(np.zeros(n_claims, dtype=int), np.zeros(n_claims, dtype=int))

    @classmethod
    def joined(cls, parts: Sequence[SharedPeople]) -> SharedPeople:
        """Put claims about the same groups together."""
        return cls(
            np.concatenate([part.group for part in parts]), np.concatenate([part.part for part in parts])
        )

    def of(self, claims: np.ndarray) -> SharedPeople:
        """Leave some claims."""
        return SharedPeople(self.group[claims], self.part[claims])

    @cached_property
    def _groups(self) -> np.ndarray:
        """Number of each pair of a part and a group."""
        return np.unique(np.column_stack([self.part, self.group]), axis=0, return_inverse=True)[1].ravel()

    def probability_of_any(self, claims: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Bound the probability that any of some claims' events happens, shape (k,), by those of each, shape (len(claims), k).

        The sum within groups, independence between groups of one part, the sum over parts.
        """
        of_group, of_part = _add_up(self._groups[claims], probabilities, self.part[claims])
        with np.errstate(divide="ignore"):
            nobody = np.log1p(-np.minimum(of_group, 1.0))
        _, parts = np.unique(of_part, return_inverse=True)
        logs, _ = _add_up(parts, nobody, of_part)
        together = -np.expm1(logs).sum(axis=0)
        return np.minimum(np.minimum(together, probabilities.sum(axis=0)), 1.0)


def _add_up(codes: np.ndarray, values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over rows with one code, and the label of each sum."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=codes[order[0]] - 1))
    return np.add.reduceat(values[order], starts, axis=0), labels[order][starts]


def adjust_p_values(
    p_values: np.ndarray,
    correction: str | None,
    *,
    laws: NullLaws | None = None,
    people: SharedPeople | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Adjust p-values for their number.

    Parameters
    ----------
    p_values : ndarray, shape (m,)
    correction : {"min_p", "holm", "bonferroni", None}
    laws : NullLaws, optional
        For "min_p"; by default uniform ones.
    people : SharedPeople, optional
        For "min_p"; by default all claims may share people.
    weights : ndarray, shape (m,), optional
        Each claim's share of alpha; by default equal ones.

    Returns
    -------
    ndarray, shape (m,)
    """
    m = len(p_values)
    if correction is None or m == 0:
        return p_values
    weights = np.full(m, 1 / m) if weights is None else weights / weights.sum()
    if correction == "bonferroni":
        return np.minimum(p_values / weights, 1.0)
    if correction == "holm" or laws is None:
        laws = NullLaws.uniform(m)
    if correction == "holm" or people is None:
        people = SharedPeople.everybody(m)
    return _step_down(p_values, laws, people, weights)


def _step_down(p_values: np.ndarray, laws: NullLaws, people: SharedPeople, weights: np.ndarray) -> np.ndarray:
    adjusted, largest = np.ones(len(p_values)), 0.0
    for steps, left, levels in _blocks(p_values, weights):
        chances = laws.at(left, levels)
        # What an earlier step of the block has rejected takes no part in the later ones.
        chances[: len(steps)] *= np.tri(len(steps))
        any_of_them = people.probability_of_any(left, chances)
        adjusted[steps] = np.maximum(np.maximum.accumulate(any_of_them), largest)
        largest = adjusted[steps[-1]]
        if largest >= 1:
            break
    return adjusted


def _blocks(p_values: np.ndarray, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Claims from the smallest p-value up, those that are left, and the level of each that is left (rows) at each step (columns)."""
    per_weight = p_values / weights
    order = np.argsort(per_weight, kind="stable")
    equal = np.ptp(weights) <= _ROUNDING * weights.max()
    for start in range(0, len(order), _STEPS):
        steps, left = order[start : start + _STEPS], order[start:]
        levels = p_values[steps] if equal else weights[left][:, None] * per_weight[steps]
        yield steps, left, np.broadcast_to(levels, (len(left), len(steps))).copy()
