"""What tests may be asked for, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from .._core._losses import Loss
from ._step_down import CORRECTIONS
from ._tests import METHODS

CLAIMS = ("rationality", "envy", "all")


def check_claims(claims: str, *, has_envy: bool, strict: bool) -> tuple[bool, bool]:
    """Say whether rationality and envy are asked for.

    Raises
    ------
    ValueError
        If `claims` is unknown, or envy is asked for (`strict`) and cannot be measured.
    """
    if claims not in CLAIMS:
        raise ValueError(f"claims must be one of {list(CLAIMS)}; got {claims!r}.")
    if not has_envy and (claims == "envy" or (strict and claims == "all")):
        raise ValueError(
            f"claims={claims!r} needs y_pred_by_group: envy compares with every group's classifier."
        )
    return claims != "envy", has_envy and claims != "rationality"


def check_alpha(alpha: float) -> None:
    """Raise ValueError unless alpha lies between 0 and 1."""
    if not isinstance(alpha, Real) or not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1 (both excluded); got {alpha!r}.")


def check_correction(correction: str | None) -> None:
    """Raise ValueError unless `correction` is known."""
    if correction not in CORRECTIONS:
        raise ValueError(f"correction must be one of {list(CORRECTIONS)}; got {correction!r}.")


def check_alpha_weights(
    alpha_weights: Mapping[Any, float] | None, claims: str, groups: list[Any]
) -> np.ndarray | None:
    """Check the shares of alpha, and put them in the order of the groups.

    Raises
    ------
    ValueError
        If they are for other claims or groups, not above 0, or do not sum to 1.
    """
    if alpha_weights is None:
        return None
    if claims != "rationality":
        raise ValueError(
            f"alpha_weights needs claims='rationality', one claim per group; got claims={claims!r}."
        )
    if not isinstance(alpha_weights, Mapping) or set(alpha_weights) != set(groups):
        given = list(alpha_weights) if isinstance(alpha_weights, Mapping) else alpha_weights
        raise ValueError(f"alpha_weights must have a share for each of the groups {groups!r}; got {given!r}.")
    shares = [alpha_weights[group] for group in groups]
    if not all(isinstance(share, Real) and 0 < share <= 1 for share in shares):
        raise ValueError(f"alpha_weights must be above 0 and at most 1; got {shares!r}.")
    if abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"alpha_weights must sum to 1; they sum to {sum(shares):g}.")
    return np.array(shares, dtype=float)


def check_margin(margin: float, loss: Loss, argument: str = "margin") -> None:
    """Check a loss that does not count as harm, under the name that it was given by."""
    limit = np.inf if loss.upper is None else loss.upper
    if not isinstance(margin, float | int | np.number):
        raise ValueError(f"{argument} must be a number; got {margin!r}.")
    if not 0 <= margin < limit:
        bounded = "" if loss.upper is None else f" and below {loss.upper}, the largest loss"
        raise ValueError(f"{argument} must be at least 0{bounded}; got {margin!r}.")


def check_test(
    tolerance: float, alpha: float, method: str, correction: str | None, loss: Loss, weighted: bool
) -> None:
    """Check what `certify` was asked for before anything is computed."""
    check_alpha(alpha)
    if not isinstance(tolerance, float | int | np.number):
        raise ValueError(f"tolerance must be a number; got {tolerance!r}.")
    if not np.isfinite(tolerance) or tolerance < 0 or (loss.upper is not None and tolerance >= loss.upper):
        limit = "" if loss.upper is None else f" and below {loss.upper}, the largest loss"
        raise ValueError(f"tolerance must be at least 0{limit}; got {tolerance!r}.")
    if method not in METHODS:
        raise ValueError(f"method must be one of {list(METHODS)}; got {method!r}.")
    check_correction(correction)
    check_has_test(loss)
    if weighted and method != "tango":
        raise ValueError(f"method={method!r} does not apply to weighted rows or units; use method='tango'.")
    if method == "exact" and not loss.is_binary:
        raise ValueError(
            f"method='exact' needs a loss of 0 and 1: 'zero_one', 'rejection', 'missed' or 'false_alarm'; the loss is {loss.name!r}."
        )


def check_has_test(loss: Loss) -> None:
    """Raise ValueError if losses have no limits: no test of their means keeps its level then, however large the sample."""
    if loss.span is None:
        raise ValueError(
            f"loss={loss.name!r} has no largest value, so no test of it keeps its level: a rare large loss may not be in the sample. "
            "Cut losses off with loss_limit=...; what is then tested, harm and certificates, is the loss that is cut off. (A function of "
            "yours has limits if it has attributes `lower` and `upper`.)"
        )
