"""What may be said at one of many looks at accumulating data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._alpha_spending import exact_levels, nominal_levels, spent_by
from ._claims import Claims
from ._sequences import log_e_value, sequence_bound
from ._tests import certificate_p_value, gain_lower_bound, harm_p_value

#: Up to so many people about whom classifiers differ, boundaries of planned looks are exact.
_MOST_EXACT = 20_000

DESIGNS = ("anytime", "group_sequential")


@dataclass(frozen=True)
class Look:
    """What is said of m claims, each shape (m,).

    Attributes
    ----------
    lower, upper : ndarray
        Bounds of the gains, one-sided; each holds at all looks together with probability 1 - alpha of the claim.
    harmed, certified : ndarray of bool
    information, discordant : ndarray
        What is known so far, in people, and about how many of them the classifiers differ (NaN for real-valued losses).
    level : ndarray
        Level of the tests at this look; NaN where evidence is not counted in levels.
    """

    lower: np.ndarray
    upper: np.ndarray
    harmed: np.ndarray
    certified: np.ndarray
    information: np.ndarray
    discordant: np.ndarray
    level: np.ndarray


def look_anytime(claims: Claims, alpha: np.ndarray, tolerance: float, margin: float) -> Look:
    """Look at all people so far, as often as anybody likes.

    Parameters
    ----------
    claims : Claims
        About m groups.
    alpha : ndarray, shape (m,)
        Error probability of each claim, for all looks together: once for harm, once for certificates.
    tolerance, margin : float
    """
    d, wanted = claims.differences, np.log(1 / alpha)
    size = np.ones(len(d.n))
    return _look(
        claims,
        lower=sequence_bound(d, alpha),
        upper=-sequence_bound(d.mirrored(), alpha),
        harmed=log_e_value(d.mirrored(), margin * size) >= wanted,
        certified=(log_e_value(d, -tolerance * size) >= wanted) & ~d.rests_on_few(tolerance),
        level=np.full(len(d.n), np.nan),
    )


def look_as_planned(
    claims: Claims,
    alpha: np.ndarray,
    tolerance: float,
    margin: float,
    before: np.ndarray,
    n_looks: int,
) -> Look:
    """Look for the k-th of `n_looks` times.

    Parameters
    ----------
    claims, alpha, tolerance, margin
        As for `look_anytime`.
    before : ndarray, shape (2, k - 1, m)
        Information and discordant people at the looks before.
    n_looks : int
    """
    d = claims.differences
    spent = np.array([spent_by(np.arange(1, before.shape[1] + 2) / n_looks, share) for share in alpha])
    level = _levels_of(np.vstack([before[0], np.nan_to_num(d.n)]), spent, by_bets=d.draws is not None)
    at_zero = level
    if d.worse is not None and d.better is not None and not d.weighted and d.units is None:
        at_zero = _exact_levels_of(np.vstack([before[1], d.worse + d.better]), spent, level)
    is_tested = level > 0
    bounded = np.maximum(level, np.finfo(float).tiny)
    span = 1.0 if d.upper is None else d.upper
    return _look(
        claims,
        lower=np.where(is_tested, gain_lower_bound(d, bounded, "tango"), -span),
        upper=np.where(is_tested, -gain_lower_bound(d.mirrored(), bounded, "tango"), span),
        harmed=harm_p_value(d, margin) <= (level if margin else at_zero),
        certified=certificate_p_value(d, tolerance, "tango") <= (level if tolerance else at_zero),
        level=level,
    )


def _levels_of(course: np.ndarray, spent: np.ndarray, *, by_bets: bool) -> np.ndarray:
    """Level of the last look of each claim; once for claims that are alike.

    How bets at several looks vary together is not known: they have what is spent at the look alone.
    """
    if by_bets:
        return spent[:, -1] - (spent[:, -2] if spent.shape[1] > 1 else 0.0)
    course = np.maximum.accumulate(course, axis=0)
    return _once(course, spent, lambda column, share: nominal_levels(column, share)[-1])


def _exact_levels_of(course: np.ndarray, spent: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """The same for exact McNemar tests; for very many people those of large samples."""
    levels = _once(
        course,
        spent,
        lambda column, share: exact_levels(column, share)[-1] if column[-1] <= _MOST_EXACT else np.nan,
    )
    return np.where(np.isnan(levels), otherwise, levels)


def _once(
    course: np.ndarray, spent: np.ndarray, level: Callable[[np.ndarray, np.ndarray], float]
) -> np.ndarray:
    n_looks = len(course)
    alike, which = np.unique(np.vstack([course, spent.T]), axis=1, return_inverse=True)
    return np.array([level(column[:n_looks], column[n_looks:]) for column in alike.T])[which.ravel()]


def _look(
    claims: Claims,
    *,
    lower: np.ndarray,
    upper: np.ndarray,
    harmed: np.ndarray,
    certified: np.ndarray,
    level: np.ndarray,
) -> Look:
    """Leave out what needs no test, and what cannot be said of labels that never meet."""
    identical = claims.table["identical"].to_numpy()
    hopeless = claims.table["never_right"].to_numpy()
    tested = claims.tested()
    span = 1.0 if claims.differences.upper is None else claims.differences.upper
    d = claims.differences
    unknown = np.full(len(tested), np.nan)
    return Look(
        lower=np.where(identical, 0.0, np.maximum(lower, -span)),
        upper=np.where(identical, 0.0, np.minimum(upper, span)),
        harmed=tested & harmed,
        certified=~hopeless & (identical | (tested & certified)),
        information=np.nan_to_num(d.n),
        discordant=unknown if d.worse is None or d.better is None else np.nan_to_num(d.worse + d.better),
        level=np.where(tested, level, np.nan),
    )
