"""How many people a certificate needs, and how small a tolerance a group could be certified for."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real

import numpy as np
import pandas as pd
from scipy import stats

from .._core._losses import Loss
from ._claims import Claims, check_alpha
from ._tests import MIN_SCORE_TEST_SIZE, gain_lower_bound


def power_table(
    claims: Claims,
    loss: Loss,
    tolerance: float,
    alpha: float,
    discordance: float | None,
    power: float,
) -> pd.DataFrame:
    """Sizes that certificates need; see `PreferenceFrame.power`.

    The size is ``(z_{1 - alpha / m} + z_power)^2 q / tolerance^2`` for m claims and a variance q of the difference of
    one person (the discordance, where the true gain is 0), but at least the size at which a sample without any
    discordance is certified, ``z^2 (1 - tolerance) / tolerance`` from Tango's bound ``-z^2 / (n + z^2)`` (exact below 30).
    Weighted people are as many as have together the effective size that is needed.
    """
    _check(tolerance, alpha, discordance, power, loss)
    d, identical = claims.differences, claims.table["identical"].to_numpy()
    n = d.n
    if discordance is None:
        spread = d.variance * n + d.gain**2  # variance of one person's difference around a gain of 0
    else:
        spread = np.full(len(n), float(discordance))
    level = alpha / max(int(claims.tested().sum()), 1)
    z = stats.norm.isf(level) + stats.norm.ppf(power)
    people = claims.table["n"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = z**2 * spread / tolerance**2
        smallest = z * np.sqrt(spread / n)
        if loss.is_binary:
            needed = np.maximum(needed, _size_without_discordance(tolerance, level))
            nobody = replace(d, gain=np.zeros_like(n), worse=np.zeros_like(n), better=np.zeros_like(n))
            smallest = np.maximum(smallest, -gain_lower_bound(nobody, level, "tango"))
        needed = np.ceil(needed * people / n)  # weights make many people count like fewer
    limit = np.inf if loss.upper is None else loss.upper
    needed, smallest = (
        np.where(identical, 0.0, np.where(people > 0, x, np.nan))
        for x in (needed, np.minimum(smallest, limit))
    )
    return claims.table[["n"]].assign(
        discordance=np.where(people > 0, spread, np.nan),
        n_needed=needed,
        smallest_tolerance=smallest,
        enough=(people >= needed) & (smallest <= tolerance),
    )


def _size_without_discordance(tolerance: float, alpha: float) -> float:
    """Size from which a sample in which the classifiers never differ is certified: exactly below 30, by Tango above."""
    exact = np.log(alpha / 2) / np.log1p(-tolerance)
    score = stats.norm.isf(alpha) ** 2 * (1 - tolerance) / tolerance
    return float(max(score, min(exact, MIN_SCORE_TEST_SIZE)))


def _check(tolerance: float, alpha: float, discordance: float | None, power: float, loss: Loss) -> None:
    check_alpha(alpha)
    limit = loss.upper if loss.upper is not None else np.inf
    if not isinstance(tolerance, Real) or not 0 < tolerance < limit:
        bounded = "" if loss.upper is None else f" and below {loss.upper}"
        raise ValueError(f"tolerance must be above 0{bounded}; got {tolerance!r}.")
    if not isinstance(power, Real) or not 0 < power < 1:
        raise ValueError(f"power must be between 0 and 1 (both excluded); got {power!r}.")
    if discordance is None:
        return
    if not loss.is_binary:
        raise ValueError(f"discordance needs loss='zero_one' or 'rejection'; the loss is {loss.name!r}.")
    if not isinstance(discordance, Real) or not 0 <= discordance <= 1:
        raise ValueError(f"discordance must be from 0 to 1; got {discordance!r}.")
