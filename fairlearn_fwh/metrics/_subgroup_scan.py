"""Every slice of one or two features at once: who is harmed among all of them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._inference._rare_events import heavy_p_value, of_uneven
from ._inference._tests import mcnemar_p_value

#: Quantile bins of a number; slices are ranges of neighbouring bins.
_BINS = 5

#: Most categories of a feature that are slices by themselves.
_CATEGORIES = 50

#: Draws of signs from which adjusted p-values come.
N_FLIPS = 999

#: Most slices that are reported.
MOST_FOUND = 5

#: Statistics in single precision that differ by less are equal.
_ROUNDING = 1e-4

EVERYBODY = "everybody"


@dataclass(frozen=True)
class Slices:
    """People who have one feature in common.

    Attributes
    ----------
    members : ndarray of float32, shape (n, s)
        1 for those in a slice.
    words : list of str, length s
    feature : ndarray of int, shape (s,)
        Feature that each slice is about; -1 for everybody.
    """

    members: np.ndarray
    words: list[str]
    feature: np.ndarray

    @classmethod
    def of(cls, features: dict[str, pd.Series], n_rows: int) -> Slices:
        """Cut features into ranges and categories, by their own values alone."""
        members, words, feature = [np.ones(n_rows, dtype=bool)], [EVERYBODY], [-1]
        for i, (name, column) in enumerate(features.items()):
            cut = _ranges if pd.api.types.is_numeric_dtype(column) else _categories
            for inside, text in cut(name, column):
                members.append(inside)
                words.append(text)
                feature.append(i)
        return cls(np.column_stack(members).astype(np.float32), words, np.array(feature))

    def pairs(self) -> np.ndarray:
        """Which pairs of slices are looked at, shape (s, s): of two features, and each by itself on the diagonal."""
        other = (self.feature[:, None] != self.feature) & (self.feature >= 0) & (self.feature >= 0)[:, None]
        return np.triu(other) | np.eye(len(self.feature), dtype=bool)

    def describe(self, i: int, j: int) -> str:
        """Write a pair in words."""
        return self.words[i] if i == j else f"{self.words[i]} and {self.words[j]}"


def _ranges(name: str, column: pd.Series) -> Iterator[tuple[np.ndarray, str]]:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    missing = np.isnan(values)
    if missing.any():
        yield missing, f"{name} is missing"
    known = values[~missing]
    if not len(known):
        return
    distinct = np.unique(known)
    are_whole = bool(np.array_equal(known, np.rint(known)))
    if len(distinct) <= _BINS:
        edges = distinct[1:]
    else:
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        edges = np.unique(np.ceil(edges)) if are_whole else edges
        edges = edges[edges > distinct[0]]
    bins = np.where(missing, -1, np.searchsorted(edges, values, side="right"))
    for first in range(len(edges) + 1):
        for last in range(first, len(edges) + 1):
            if (first, last) != (0, len(edges)):
                low = None if first == 0 else edges[first - 1]
                high = None if last == len(edges) else edges[last]
                yield (bins >= first) & (bins <= last), _range_in_words(name, low, high)


def _range_in_words(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{name} < {high:.4g}"
    return f"{name} >= {low:.4g}" if high is None else f"{low:.4g} <= {name} < {high:.4g}"


def _categories(name: str, column: pd.Series) -> Iterator[tuple[np.ndarray, str]]:
    text = column.astype(object).where(column.notna(), "missing").astype(str)
    for category in text.value_counts().index[:_CATEGORIES]:
        yield (text == category).to_numpy(), f"{name} = {category}"


def scan(
    slices: Slices,
    worse: np.ndarray,
    better: np.ndarray,
    *,
    smallest: int,
    alpha: float,
    units: np.ndarray | None,
    rng: np.random.RandomState,
) -> pd.DataFrame:
    """Test all slices of one and two features for harm.

    If nobody is harmed, those about whom the classifiers differ lose or gain by the toss of a coin, which one draw tosses for all slices: the
    largest statistic of a slice is compared with the largest ones of the draws.

    Parameters
    ----------
    slices : Slices
    worse, better : ndarray of bool, shape (n,)
        Who loses, and who gains.
    smallest : int
        Smallest number of people of a slice.
    alpha : float
    units : ndarray of int, shape (n,), or None
        Whose rows belong together, and get one toss.
    rng : RandomState

    Returns
    -------
    DataFrame
        The worst slice, and those whose people who are in none above it lose significantly too: `subgroup`, `n`, `gain`, `negative_flip_rate`,
        `positive_flip_rate`, `p_value`, `p_adjusted`.
    """
    discordant = worse | better
    inside = slices.members[discordant]
    sign = np.where(worse[discordant], 1, -1).astype(np.float32)
    people = slices.members.T @ slices.members
    looked_at = slices.pairs() & (people >= smallest)
    scale = _scale(inside, looked_at)
    statistic = scale * _signed(inside, sign)
    signs = _tosses(sign, None if units is None else units[discordant], rng)
    largest = np.array([(scale * _signed(inside, signs_)).max(initial=0.0) for signs_ in signs])
    rows = []
    for i, j in _not_explained(inside, sign, looked_at, people, float(np.quantile(largest, 1 - alpha))):
        mine = slices.members[:, i] * slices.members[:, j] > 0
        n, lose, gain = int(mine.sum()), int(worse[mine].sum()), int(better[mine].sum())
        heavy = 0.0 if units is None else _heavy_p_value(worse[mine], better[mine], units[mine])
        rows.append(
            {
                "subgroup": slices.describe(i, j),
                "n": n,
                "gain": (gain - lose) / n,
                "negative_flip_rate": lose / n,
                "positive_flip_rate": gain / n,
                "p_value": max(_p_value(inside[:, i] * inside[:, j], sign, signs), heavy)
                if units is not None
                else float(mcnemar_p_value(np.array(float(lose)), np.array(float(gain)))),
                "p_adjusted": max(
                    (1 + int((largest >= statistic[i, j] - _ROUNDING).sum())) / (1 + N_FLIPS), heavy
                ),
            }
        )
    columns = ["subgroup", "n", "gain", "negative_flip_rate", "positive_flip_rate", "p_value", "p_adjusted"]
    return pd.DataFrame(rows, columns=columns).rename_axis("rank")


def _tosses(sign: np.ndarray, units: np.ndarray | None, rng: np.random.RandomState) -> np.ndarray:
    """Signs after tosses of coins, shape (N_FLIPS, d): one coin for all rows of a unit."""
    units = np.arange(len(sign)) if units is None else np.unique(units, return_inverse=True)[1]
    coins = rng.randint(0, 2, (N_FLIPS, int(units.max(initial=-1)) + 1)).astype(np.int8)
    return (2 * coins[:, units] - 1) * sign.astype(np.int8)


def _p_value(members: np.ndarray, sign: np.ndarray, signs: np.ndarray) -> float:
    """Share of the tosses in which the people of one slice lose as much."""
    drawn = signs.astype(np.float32) @ members
    return float((1 + (drawn >= sign @ members - _ROUNDING).sum()) / (1 + len(signs)))


def _heavy_p_value(worse: np.ndarray, better: np.ndarray, units: np.ndarray) -> float:
    """What large units, of which few may be in the sample, allow: they may gain as much as the others lose."""
    _, unit = np.unique(units, return_inverse=True)
    sizes, sums = np.bincount(unit), np.bincount(unit, worse.astype(float) - better)
    n, k = len(unit), len(sizes)
    loss = sums.sum() / n
    error = np.sqrt(((sums - loss * sizes) ** 2).sum() * k / max(k - 1, 1)) / n
    heavy = of_uneven(np.array([n / sizes.max()]), np.array([float(k)]))
    if not np.isfinite(heavy).all():
        return 0.0
    return float(heavy_p_value(np.array([loss]), np.array([error]), np.array([max(k - 1, 1)]), heavy, 0.0)[0])


def _signed(inside: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Sums of signs over the people of every pair of slices."""
    signed: np.ndarray = inside.T @ (sign.astype(np.float32)[:, None] * inside)
    return signed


def _scale(inside: np.ndarray, looked_at: np.ndarray) -> np.ndarray:
    """By what sums of signs are multiplied, so that they have variance 1; 0 for pairs that are not looked at."""
    n_discordant = inside.T @ inside
    with np.errstate(divide="ignore"):
        return np.where(looked_at & (n_discordant > 0), 1 / np.sqrt(n_discordant), 0).astype(np.float32)


def _not_explained(
    inside: np.ndarray, sign: np.ndarray, looked_at: np.ndarray, people: np.ndarray, critical: float
) -> list[tuple[int, int]]:
    """The worst slice, then the worst among the people who are in none that was chosen before, as long as they lose significantly.

    Of slices with the same losses the one with the fewest people is the worst.
    """
    chosen: list[tuple[int, int]] = []
    left = inside
    while len(chosen) < MOST_FOUND:
        statistic = _scale(left, looked_at) * _signed(left, sign)
        if (most := statistic.max()) <= (critical if chosen else 0):
            break
        smallest = np.where(statistic >= most - _ROUNDING, people, np.inf).argmin()
        i, j = (int(k) for k in np.unravel_index(int(smallest), statistic.shape))
        chosen.append((i, j))
        left = left * (1 - inside[:, [i]] * inside[:, [j]])
    return chosen
