"""How many people a certificate needs, and how small a tolerance a group could be certified for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real

import numpy as np
import pandas as pd
from scipy import stats

from .._core._bisection import bisect
from .._core._losses import Loss
from ._betting import is_enough
from ._checks import check_alpha, check_has_test
from ._claims import Claims
from ._rare_events import size_with_heavy
from ._sample_size import size_needed, tolerance_without_discordance


def power_table(
    claims: Claims,
    loss: Loss,
    tolerance: float,
    alpha: float,
    discordance: float | None,
    power: float,
    n_claims: int | None = None,
) -> pd.DataFrame:
    """Sizes that certificates need; see `PreferenceFrame.power`. A family may have more claims (`n_claims`) than these.

    For 0-1 losses the size is searched for with the power of the very test that `certify` uses at that size (`_sample_size`), at level
    alpha over the number of claims. For real-valued losses a person's difference has a variance q: bets win enough with that probability, or,
    of weighted people, the size is ``(z_{1 - alpha / m} + z_power)^2 q / tolerance^2``. Weighted people are as many as have together the effective size that is needed,
    and more where the heaviest may be missing.
    """
    _check(tolerance, alpha, discordance, power, loss)
    d, identical = claims.differences, claims.table["identical"].to_numpy()
    n = d.n
    if discordance is None:
        spread = d.variance * n + d.gain**2  # variance of one person's difference around a gain of 0
    else:
        spread = np.full(len(n), float(discordance))
    n_claims = max(int(claims.tested().sum()) if n_claims is None else n_claims, 1)
    level = alpha / n_claims
    z = stats.norm.isf(level) + stats.norm.ppf(power)
    people = claims.table["n"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        smallest = z * np.sqrt(spread / n)
        if loss.is_binary:
            smallest = np.maximum(smallest, tolerance_without_discordance(n, level))
            each, together = (_sizes(spread, tolerance, level, p) for p in (power, power ** (1 / n_claims)))
        elif d.draws is not None:
            wins = partial(is_enough, variance=spread, span=d.draws.span, level=level)
            smallest = _first(
                lambda x: wins(n, tolerance=x, power=power), n.shape, d.draws.span * 1e-6, d.draws.span
            )
            limits = np.full(n.shape, float(tolerance))
            each, together = (
                _first(partial(wins, tolerance=limits, power=p), n.shape, 1.0, 1e12)
                for p in (power, power ** (1 / n_claims))
            )
        else:
            each = z**2 * spread / tolerance**2
            together = (
                (stats.norm.isf(level) + stats.norm.ppf(power ** (1 / n_claims))) ** 2 * spread / tolerance**2
            )
        # Weights make many people count like fewer.
        each, together = (size * people / n for size in (each, together))
        if d.heavy is not None:
            smallest = np.maximum(smallest, np.log(1 / level) / d.heavy)
            each, together = (
                size_with_heavy(size, tolerance, level, d.heavy / people) for size in (each, together)
            )
        each, together = np.ceil(each), np.ceil(together)
    limit = np.inf if loss.upper is None else loss.upper
    each, together, smallest = (
        np.where(identical, 0.0, np.where(people > 0, x, np.nan))
        for x in (each, together, np.minimum(smallest, limit))
    )
    return claims.table[["n"]].assign(
        discordance=np.where(people > 0, spread, np.nan),
        n_needed=each,
        n_needed_together=together,
        smallest_tolerance=smallest,
        enough=(people >= each) & ~d.rests_on_few(tolerance),
    )


def _first(
    is_past: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], low: float, high: float
) -> np.ndarray:
    """Smallest values from which a condition holds, found on a logarithmic scale; `high` if there is none."""
    ends = (np.full(shape, np.log(end)) for end in (low, high))
    _, found = bisect(lambda x: is_past(np.exp(x)), *ends, steps=60)
    return np.exp(found)


def _sizes(discordance: np.ndarray, tolerance: float, level: float, power: float) -> np.ndarray:
    """Sizes that are needed, once for groups whose shares of discordant people have the same three digits."""
    rounded = [float(f"{share:.3g}") if np.isfinite(share) else 0.0 for share in discordance]
    return np.array([size_needed(min(share, 1.0), tolerance, level, power) for share in rounded])


def _check(tolerance: float, alpha: float, discordance: float | None, power: float, loss: Loss) -> None:
    check_has_test(loss)
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
        raise ValueError(
            f"discordance needs a loss of 0 and 1: 'zero_one', 'rejection', 'missed' or 'false_alarm'; the loss is {loss.name!r}."
        )
    if not isinstance(discordance, Real) or not 0 <= discordance <= 1:
        raise ValueError(f"discordance must be from 0 to 1; got {discordance!r}.")
