"""Gains of groups whose members are known by probabilities only: what is certain of them (Kallus, Mao and Zhou 2022).

Who of the people with one probability is in a group, those who lose or those who gain, the data do not tell. The mean of ``d 1{in the group}`` over people with
probability q lies between the mean of the lowest and of the highest share q of their gains d (Frechet bounds). For any threshold t

    d 1{in the group} >= t 1{in the group} - max(t - d, 0),

whose mean, ``t q - mean of max(t - d, 0)``, is the lower bound where t is the q-quantile of d, and is below it otherwise: thresholds may be wrong and what is said stays
right. Here they are chosen by the people who came before, so that gamblers may bet on the people one after the other.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from scipy import optimize

#: Level at which stakes are the best ones, and the largest share of the capital that can be lost to one person.
_LEVEL, _LARGEST_LOSS = 0.01, 0.75

#: What the mean square of a gain is taken to be before anybody has been seen, as if of one person, in squares of the span.
_FIRST_SQUARE = 0.1

#: Fewest people of a cell, within which gains are sorted.
SMALLEST_CELL = 50

#: Parts that people come in; thresholds are chosen anew before each.
_PARTS = 16


@dataclass(frozen=True)
class UncertainGroup:
    """The gains of people who are in a group with some probability.

    Attributes
    ----------
    gains : ndarray, shape (n,)
    probabilities : ndarray, shape (n,)
        Of being in the group.
    span : float
        Gains lie within it on both sides of 0.
    """

    gains: np.ndarray
    probabilities: np.ndarray
    span: float

    def mirrored(self) -> UncertainGroup:
        """Return the same people with the gains of the other classifier."""
        return UncertainGroup(-self.gains, self.probabilities, self.span)

    def lowest_gain(self) -> float:
        """Return the lowest mean gain that the group can have, if the sample were everybody."""
        cells = cells_of(self.probabilities)
        total = 0.0
        for cell in range(int(cells.max(initial=-1)) + 1):
            mine = cells == cell
            total += _sum_of_lowest(np.sort(self.gains[mine]), float(self.probabilities[mine].sum()))
        return total / float(self.probabilities.sum())

    def evidence(self) -> Evidence:
        """Return what gamblers bet on: people in random order, each with a variable whose mean is at most that of the gains in the group."""
        seed = zlib.crc32(np.ascontiguousarray(np.column_stack([self.gains, self.probabilities])).tobytes())
        order = np.random.default_rng(seed).permutation(len(self.gains))
        gains, q, cells = (a[order] for a in (self.gains, self.probabilities, cells_of(self.probabilities)))
        known = np.full(len(q), np.nan)
        first, *others = np.array_split(np.arange(len(q)), _PARTS)
        for part in (part for part in others if len(part)):
            known[part] = _thresholds(
                gains[: part[0]], q[: part[0]], cells[: part[0]], cells[part], self.span
            )
        guess = np.where(q < 0.5, -self.span, self.span)
        threshold = np.where(np.isnan(known), guess, known)
        # The first people are there to learn from: nobody bets on them.
        gains, q, threshold = (a[len(first) :] for a in (gains, q, threshold))
        return Evidence(
            values=threshold * q - np.maximum(threshold - gains, 0.0),
            lowest=threshold * q - (threshold + self.span),
            probabilities=q,
            span=self.span,
        )


@dataclass(frozen=True)
class Evidence:
    """Variables of people in random order, whose mean over the mean of `probabilities` is at most the group's gain.

    Attributes
    ----------
    values, lowest, probabilities : ndarray, shape (n,)
        The variable, the lowest value that it could have had, and the probability of being in the group.
    span : float
    """

    values: np.ndarray
    lowest: np.ndarray
    probabilities: np.ndarray
    span: float

    def p_value(self, gain: float) -> float:
        """P-value of H0: the group's gain is at most `gain`."""
        return float(np.exp(-self._won(gain)))

    def lower_bound(self, alpha: float) -> float:
        """Lower 1 - alpha bound of the group's gain."""
        wanted = np.log(1 / alpha)
        if self._won(-self.span) < wanted:
            return -self.span
        found = optimize.brentq(lambda gain: self._won(gain) - wanted, -self.span, self.span, xtol=1e-6)
        return max(float(found) - 2e-6, -self.span)

    def _won(self, gain: float) -> float:
        """Logarithm of the capital won by bets that the mean of ``values - gain probabilities`` is above 0."""
        x, n = self.values - gain * self.probabilities, len(self.values)
        seen = np.arange(n)
        square = (_FIRST_SQUARE * self.span**2 + np.append(0.0, np.cumsum(x**2)[:-1])) / (seen + 1)
        most = _LARGEST_LOSS / np.maximum(gain * self.probabilities - self.lowest, np.finfo(float).tiny)
        stakes = np.minimum(np.sqrt(2 * np.log(1 / _LEVEL) / (n * square)), most)
        return float(np.cumsum(np.log1p(stakes * x)).max(initial=0.0))


def cells_of(probabilities: np.ndarray) -> np.ndarray:
    """Number cells of similar probabilities: equal ones stay together, and neighbours join until a cell has `SMALLEST_CELL` people."""
    _, value, sizes = np.unique(probabilities, return_inverse=True, return_counts=True)
    cell_of_value = np.zeros(len(sizes), dtype=int)
    cell, people = 0, 0
    for i, size in enumerate(sizes.tolist()):
        cell_of_value[i] = cell
        people += size
        if people >= SMALLEST_CELL:
            cell, people = cell + 1, 0
    if 0 < people < SMALLEST_CELL and cell:  # the last people join the cell before
        cell_of_value[cell_of_value == cell] = cell - 1
    return cell_of_value[value]


def _sum_of_lowest(gains: np.ndarray, size: float) -> float:
    """Sum of the lowest `size` of sorted gains, of which the last one may count in part."""
    whole = int(size)
    rest = size - whole
    return float(gains[:whole].sum() + (rest * gains[whole] if rest and whole < len(gains) else 0.0))


def _thresholds(
    gains: np.ndarray, probabilities: np.ndarray, cells: np.ndarray, wanted: np.ndarray, span: float
) -> np.ndarray:
    """Quantile of the gains in each wanted cell at its mean probability; NaN for cells without people."""
    order = np.lexsort((gains, cells))
    gains, probabilities, cells = gains[order], probabilities[order], cells[order]
    present, first, sizes = np.unique(cells, return_index=True, return_counts=True)
    share = np.add.reduceat(probabilities, first) / sizes
    at = first + np.minimum(np.ceil(share * sizes).astype(int), sizes) - 1
    by_cell = np.full(int(max(cells.max(initial=0), wanted.max(initial=0))) + 1, np.nan)
    by_cell[present] = gains[np.maximum(at, first)]
    # Nobody of such people is, or everybody is, in the group.
    by_cell[present[share == 0]] = -span
    by_cell[present[share == 1]] = span
    return by_cell[wanted]
