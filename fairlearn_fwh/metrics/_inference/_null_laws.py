"""Which p-values each claim's test can have if the claim is just not true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ._step_down import NullLaws
from ._tests import UNCONDITIONAL, PairedDifferences, mcnemar_p_value, method_used
from ._unconditional import table_p_values

#: Above this number of discordant people the values lie so close that the law is taken to be uniform.
_MANY = 5000


def laws_of_certificates(differences: PairedDifferences, tolerance: float, method: str) -> NullLaws:
    """Laws of `certificate_p_value`: of McNemar's test given the number of discordant people, of exact unconditional ones given that of people.

    Effective counts of weighted people are not counts; their laws are taken to be uniform, and so are those of all other tests.
    """
    d = differences
    m = len(d.n)
    if d.worse is None or d.better is None or d.weighted or d.units is not None:
        return NullLaws.uniform(m)
    used = method_used(d, method, tolerance)
    if (used == "mcnemar").all():
        return replace(_laws_by(d.worse + d.better, mcnemar_values), are_counts=True)
    sizes = np.where(used == UNCONDITIONAL, d.n, _MANY + 1.0)
    return _laws_by(sizes, lambda n: np.unique(table_p_values(n, float(tolerance))))


def laws_of_harm(differences: PairedDifferences, margin: float) -> NullLaws:
    """Laws of `harm_p_value`."""
    return laws_of_certificates(differences.mirrored(), -margin if margin else 0.0, "tango")


def _laws_by(sizes: np.ndarray, values: Callable[[int], np.ndarray]) -> NullLaws:
    counts = np.rint(np.nan_to_num(sizes)).astype(int)
    known, codes = np.unique(counts, return_inverse=True)
    few = known <= _MANY
    position = np.where(few, np.cumsum(few) - 1, -1)
    return NullLaws(position[codes.ravel()], [values(int(n)) for n in known[few]])


@lru_cache(maxsize=1024)
def mcnemar_values(discordant: int) -> np.ndarray:
    """P-values of McNemar's test of so many discordant people, ascending: of all of them gaining first, of none last."""
    better = np.arange(discordant, -1, -1, dtype=float)
    return mcnemar_p_value(better, discordant - better)
