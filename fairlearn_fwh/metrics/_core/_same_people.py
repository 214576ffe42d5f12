"""Whether two samples are the same people, in another order or another file."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping

import numpy as np
from scipy.special import ive

from ...exceptions import UnitsWarning
from ._measurement import Measurement
from ._names import group_name

#: Digits of sums that do not depend on the order in which rows are added up.
_DIGITS = 9

#: A sample with the sums of an earlier one is refused, or warned of, if other people would have those of any earlier one with a probability below these.
_SURELY_THE_SAME, _PERHAPS_THE_SAME = 1e-6, 1e-2


def check_other_people(new: Measurement, earlier: Mapping[str, str], label: str) -> None:
    """Look whether people were added before, in another order or from another file.

    Parameters
    ----------
    new : Measurement
        Of audit groups.
    earlier : mapping from str to str
        Labels of earlier samples by their fingerprints.
    label : str
        Of this sample.

    Raises
    ------
    ValueError
        If the sums are those of an earlier sample, and other people would hardly have them.
    """
    twin = earlier.get(fingerprint(new))
    if twin is None:
        return
    chance = min(len(earlier) * chance_of_same(new), 1.0)
    same = f"{label!r} has the same counts in every group as {twin!r}"
    if chance < _SURELY_THE_SAME:
        raise ValueError(
            f"{same}, so these are the same people, perhaps in another order or another file. A look counts once; leave it out."
        )
    if chance < _PERHAPS_THE_SAME:
        warnings.warn(
            f"{same}. Other people would have those of an earlier look about once in {1 / chance:,.0f} times. If they are the same people, start again without {label!r}.",
            UnitsWarning,
            stacklevel=6,
        )


def fingerprint(measured: Measurement) -> str:
    """Return a digest of the sums of every group, which is the same in any order of rows and groups."""
    sums = measured.levels.audit
    columns = np.column_stack([sums.weight, sums.value[:, :2], sums.apart[:, 1]]) + 0.0
    figures = [" ".join(f"{number:.{_DIGITS}g}" for number in row) for row in columns]
    groups = sorted(
        f"{group_name(label)!r} {n} {figure}"
        for label, n, figure in zip(measured.layout.audit, sums.n.tolist(), figures, strict=True)
    )
    return hashlib.sha256("\n".join(groups).encode()).hexdigest()


def chance_of_same(measured: Measurement) -> float:
    """Return about how probable it is that other people of the same population, as many of every group, have the same sums.

    Counts of who is right and wrong under both classifiers are Poisson numbers given their total; two such numbers of mean m are the same with probability
    exp(-2 m) I_0(2 m) (Skellam 1946). With the counts in place of their means this is rather too large where they are few. Sums of real-valued losses
    coincide more rarely than the four equal counts that stand for them here.
    """
    sums = measured.levels.audit
    own, pooled, apart = sums.value[:, 0], sums.value[:, 1], sums.apart[:, 1]
    if measured.loss.is_binary:
        worse, better = (apart + own - pooled) / 2, (apart - own + pooled) / 2
        cells = np.stack([worse, better, own - worse, sums.weight - own - better]).clip(min=0.0)
        shares = cells / np.where(sums.weight > 0, sums.weight, 1.0)
    else:
        shares = np.full((4, len(own)), 0.25)
    return float(np.prod(np.prod(ive(0, 2 * shares * sums.n), axis=0) / ive(0, 2 * sums.n)))
