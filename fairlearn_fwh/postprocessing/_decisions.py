"""From what the selection data say of candidates to which of them may take the place of the pooled classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..metrics._core._units import plain_gain
from ..metrics._inference._step_down import MIN_P
from ..metrics._rule import decide
from ._guarantees import CERTIFIED, EMPIRICAL, Guarantee
from ._protection import POWER, power_against_harm
from ._scores import Comparison
from ._shrinkage import PartialPooling

#: Columns of a decision beside those of a comparison.
FIGURES = ("lower_bound", "p_adjusted", "p_harm", "shrunk_gain", "p_loss")


@dataclass(frozen=True)
class Decision:
    """Which claims hold.

    Attributes
    ----------
    table : DataFrame
        One row per claim: those of `Comparison.table`, `FIGURES` (NaN where they are not of this guarantee), `keep`, `protected`
        (whether a harm of five points would have been seen with a power of at least .8), and `reason`.
    """

    table: pd.DataFrame


def decide_by_group(compared: Comparison, guarantee: Guarantee) -> Decision:
    """Decide on every claim by itself: certified, empirical, or shrunk.

    Parameters
    ----------
    compared : Comparison
    guarantee : Guarantee
    """
    table = _blank(compared)
    if guarantee.kind == EMPIRICAL:
        known = table["gain"].notna()
        rule = table[known].assign(certified=False, identical=False)
        _set(table, known.to_numpy(), decide(rule, EMPIRICAL, guarantee.tolerance))
        return Decision(table)
    if compared.claims is None:
        return Decision(table)
    if guarantee.kind == CERTIFIED:
        certificate = compared.claims.certify(guarantee.tolerance, guarantee.alpha, "tango", MIN_P)
        certificate = certificate.set_index("group")
        _set(table, compared.tested, decide(certificate, CERTIFIED, guarantee.tolerance))
        return Decision(table)
    return Decision(_shrink(table, compared, guarantee))


def _blank(compared: Comparison) -> pd.DataFrame:
    unknown = dict.fromkeys(FIGURES, np.nan)
    return compared.table.assign(**unknown, keep=False, protected=True)


def _set(table: pd.DataFrame, rows: np.ndarray, decided: pd.DataFrame) -> None:
    """Write what was decided on some claims; why nothing was compared stays."""
    positions = np.flatnonzero(rows) if rows.dtype == bool else rows
    for name in ("lower_bound", "p_adjusted", "keep", "reason"):
        if name in decided:
            new = decided[name].to_numpy()
            if name == "reason":
                old = table["reason"].to_numpy()[positions]
                new = np.where(old == "", new, old)
            _write(table, positions, {name: new})


def _write(table: pd.DataFrame, rows: np.ndarray, columns: Mapping[str, Any]) -> None:
    """Write values into some rows."""
    for name, values in columns.items():
        column = table[name].to_numpy(copy=True)
        column[rows] = values
        table[name] = column


def _shrink(table: pd.DataFrame, compared: Comparison, guarantee: Guarantee) -> pd.DataFrame:
    """Keep where the posterior probability of a loss is below alpha; groups of one candidate borrow from each other."""
    assert compared.claims is not None
    claims = compared.claims
    d, tested = claims.differences, claims.tested()
    rows = compared.tested[tested]
    if not len(rows):
        return table
    gain, variance = d.gain[tested], _variance(compared)[tested]
    pooling = PartialPooling.of(gain, variance, compared.span)
    p_loss = pooling.probability_of_loss(guarantee.tolerance)
    limit = f"below {plain_gain(-guarantee.tolerance)}" if guarantee.tolerance else "below 0"
    seen = pooling.chance_to_refuse(0.05 * compared.span, guarantee.tolerance, guarantee.alpha)
    columns = {
        "shrunk_gain": pooling.shrunk,
        "p_loss": p_loss,
        "keep": p_loss < guarantee.alpha,
        "protected": seen >= POWER,
        "reason": [
            f"gain {plain_gain(g)} of {n:,} people, {plain_gain(s)} shrunk towards the mean; probability of a gain {limit}: {p:.2g}"
            for g, s, n, p in zip(gain, pooling.shrunk, table["n"].to_numpy()[rows], p_loss, strict=True)
        ],
    }
    _write(table, rows, columns)
    return table


def _variance(compared: Comparison) -> np.ndarray:
    """Variance of each gain; at least that which one more discordant person would make, so that nobody is sure of what was not seen."""
    assert compared.claims is not None
    d = compared.claims.differences
    n = np.maximum(d.n, 1.0)
    return np.maximum(np.nan_to_num(d.variance), 0.0) + compared.span**2 / n**2


def decide_release(
    by_group: Comparison, overall: Comparison, candidate: int, guarantee: Guarantee
) -> Decision:
    """Decide on one candidate for everybody: better overall (or not worse), and no group significantly harmed.

    Parameters
    ----------
    by_group : Comparison
        Of the candidate, one claim per group.
    overall : Comparison
        Of all candidates, one claim for each, about everybody.
    candidate : int
        Position of the claim about this one.
    guarantee : Guarantee

    Returns
    -------
    Decision
        About all groups alike.
    """
    table = _blank(by_group)
    if by_group.claims is None or overall.claims is None or candidate not in overall.tested:
        return Decision(table)
    certificate = overall.claims.certify(guarantee.tolerance, guarantee.alpha, "tango", MIN_P)
    whole = certificate.iloc[int(np.flatnonzero(overall.tested == candidate)[0])]
    tests = by_group.claims.test_harm(MIN_P, guarantee.harm_margin)
    tested = by_group.claims.tested()
    rows = by_group.tested
    p_harm = tests["p_adjusted"].to_numpy()
    harmed = tested & (np.nan_to_num(p_harm, nan=1.0) < guarantee.harm_alpha)
    level = guarantee.harm_alpha / max(int(tested.sum()), 1)
    power = power_against_harm(by_group.claims.differences, by_group.span, level, guarantee.harm_margin)
    keep = bool(whole["certified"]) and not harmed.any()
    limit = f"above {plain_gain(-guarantee.tolerance)}" if guarantee.tolerance else "above 0"
    of_all = f"overall gain {plain_gain(whole['gain'])}, p-value of a gain {limit}: {whole['p_adjusted']:.2g}"
    stopped = f"; {int(harmed.sum())} group(s) seem to be harmed" if harmed.any() else ""
    columns = {
        "p_adjusted": np.full(len(rows), whole["p_adjusted"]),
        "p_harm": p_harm,
        "keep": np.full(len(rows), keep),
        "protected": power >= POWER,
        "reason": [
            f"{of_all}{stopped}; gain of the group {plain_gain(g)}" for g in by_group.claims.table["gain"]
        ],
    }
    _write(table, rows, columns)
    return Decision(table)
