"""How many people a certificate needs, and how small a tolerance a group could be certified for."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from scipy import stats

from ._claims import Claims, check_alpha
from ._losses import Loss


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
    discordance is certified, ``z^2 (1 - tolerance) / tolerance`` from Tango's bound ``-z^2 / (n + z^2)``.
    """
    _check(tolerance, alpha, discordance, power, loss)
    d, identical = claims.differences, claims.table["identical"].to_numpy()
    n = d.n
    if discordance is None:
        spread = d.variance * n + d.gain**2  # variance of one person's difference around a gain of 0
    else:
        spread = np.full(len(n), float(discordance))
    z_alpha = stats.norm.isf(alpha / max(int(claims.tested().sum()), 1))
    z = z_alpha + stats.norm.ppf(power)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = z**2 * spread / tolerance**2
        smallest = z * np.sqrt(spread / n)
        if loss.is_binary:
            needed = np.maximum(needed, z_alpha**2 * (1 - tolerance) / tolerance)
            smallest = np.maximum(smallest, z_alpha**2 / (n + z_alpha**2))
    needed, smallest = (
        np.where(identical, 0.0, np.where(n > 0, x, np.nan)) for x in (np.ceil(needed), smallest)
    )
    return claims.table[["n"]].assign(
        discordance=np.where(n > 0, spread, np.nan),
        n_needed=needed,
        smallest_tolerance=smallest,
        enough=(claims.table["n"].to_numpy() >= needed) & ~np.isnan(needed),
    )


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
        raise ValueError(f"discordance needs loss='zero_one'; the loss is {loss.name!r}.")
    if not isinstance(discordance, Real) or not 0 <= discordance <= 1:
        raise ValueError(f"discordance must be from 0 to 1; got {discordance!r}.")
