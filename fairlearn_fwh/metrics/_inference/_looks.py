"""What may be said at one of many looks at accumulating data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._alpha_spending import MOST_EXACT, CountBoundary, NormalBoundary, spent_by
from ._claims import Claims
from ._sequences import is_enough, log_e_value, sequence_bound
from ._tests import certificate_p_value, gain_lower_bound, harm_p_value, heaviest_bound

DESIGNS = ("anytime", "group_sequential")


@dataclass(frozen=True)
class Look:
    """What is said of m claims, each shape (m,).

    Attributes
    ----------
    lower, upper : ndarray
        Bounds of the gains, one-sided; each holds at all looks together with probability 1 - alpha of the claim.
    harmed, certified : ndarray of bool
    information : ndarray
        What is known so far, in people.
    level : ndarray
        Level of the tests at this look; NaN where evidence is not counted in levels.
    """

    lower: np.ndarray
    upper: np.ndarray
    harmed: np.ndarray
    certified: np.ndarray
    information: np.ndarray
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
        lower=np.minimum(sequence_bound(d, alpha), heaviest_bound(d, alpha)),
        upper=-np.minimum(sequence_bound(d.mirrored(), alpha), heaviest_bound(d.mirrored(), alpha)),
        harmed=(log_e_value(d.mirrored(), margin * size) >= wanted)
        & (heaviest_bound(d.mirrored(), alpha) > margin)
        & ~d.rests_on_few(margin),
        certified=(log_e_value(d, -tolerance * size) >= wanted)
        & (heaviest_bound(d, alpha) > -tolerance)
        & ~d.rests_on_few(tolerance),
        level=np.full(len(d.n), np.nan),
    )


@dataclass(frozen=True)
class Boundaries:
    """What a group's statistics must not cross at planned looks.

    Attributes
    ----------
    normal : NormalBoundary
    counts : CountBoundary or None
        While there are few people, who count alike.
    """

    normal: NormalBoundary = field(default_factory=NormalBoundary)
    counts: CountBoundary | None = field(default_factory=CountBoundary)

    def to_plain(self) -> list[Any]:
        """Return what JSON can hold."""
        return [self.normal.to_plain(), None if self.counts is None else self.counts.to_plain()]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Boundaries:
        """Read what `to_plain` wrote."""
        normal, counts = plain
        return cls(
            NormalBoundary.from_plain(normal), None if counts is None else CountBoundary.from_plain(counts)
        )


def look_as_planned(
    claims: Claims,
    alpha: np.ndarray,
    tolerance: float,
    margin: float,
    before: list[Boundaries],
    share: float,
    share_before: float,
) -> tuple[Look, list[Boundaries]]:
    """Look for one of the planned times.

    Parameters
    ----------
    claims, alpha, tolerance, margin
        As for `look_anytime`.
    before : list of Boundaries, length m
        As they were at the last look.
    share, share_before : float
        Share of the looks that is over, with this one and before it.

    Returns
    -------
    Look
    list of Boundaries
    """
    d = claims.differences
    budget = spent_by(share, alpha)
    after = [_next(boundaries, claims, i, float(budget[i])) for i, boundaries in enumerate(before)]
    if d.draws is not None:
        # How bets at several looks vary together is not known: they have what is spent at the look alone.
        level = budget - (spent_by(share_before, alpha) if share_before else 0.0)
    else:
        level = np.array([boundaries.normal.level for boundaries in after])
    at_zero = np.array([
        level[i] if boundaries.counts is None else boundaries.counts.level for i, boundaries in enumerate(after)
    ])  # fmt: skip
    is_tested = (level > 0) & is_enough(d)
    bounded = np.maximum(level, np.finfo(float).tiny)
    span = 1.0 if d.upper is None else d.upper
    look = _look(
        claims,
        lower=np.where(is_tested, gain_lower_bound(d, bounded, "tango"), -span),
        upper=np.where(is_tested, -gain_lower_bound(d.mirrored(), bounded, "tango"), span),
        harmed=is_enough(d) & (harm_p_value(d, margin) <= (level if margin else at_zero)),
        certified=is_enough(d)
        & (certificate_p_value(d, tolerance, "tango") <= (level if tolerance else at_zero)),
        level=level,
    )
    return look, after


def _next(boundaries: Boundaries, claims: Claims, claim: int, budget: float) -> Boundaries:
    """Boundaries of a claim at the next look; those of counts only while there are few people, who count alike."""
    d, counts = claims.differences, boundaries.counts
    n = float(np.nan_to_num(d.n[claim]))
    if (
        counts is not None
        and d.worse is not None
        and d.better is not None
        and not d.weighted
        and d.units is None
    ):
        discordant = int(np.nan_to_num(d.worse[claim] + d.better[claim]))
        counts = counts.look(discordant, budget) if discordant <= MOST_EXACT else None
    else:
        counts = None
    return Boundaries(boundaries.normal.look(n, budget), counts)


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
    return Look(
        lower=np.where(identical, 0.0, np.maximum(lower, -span)),
        upper=np.where(identical, 0.0, np.minimum(upper, span)),
        harmed=tested & harmed,
        certified=~hopeless & (identical | (tested & certified)),
        information=np.nan_to_num(d.n),
        level=np.where(tested, level, np.nan),
    )
