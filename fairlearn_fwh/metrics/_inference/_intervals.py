"""Bounds of every entry of a frame's tables.

Shares of people have mid-P bounds (`_proportions`), gains in 0-1 losses Tango's, means of real-valued losses Student's t.
An entry that is a minimum, a maximum or a spread has the bounds that its parts have together; counts have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy import stats

from .._core._cells import DERIVED
from .._core._figures import (
    FIRST_GROUP,
    OWN,
    POOLED_COLUMN,
    Levels,
    nan_max,
    nan_min,
)
from .._core._heaviest import Heaviest
from .._core._layout import Layout
from .._core._losses import Loss
from .._core._sums import GroupSums
from .._core._unit_sums import ClusteredSums
from ._claims import paired_differences
from ._proportions import rate_lower_bound, rate_upper_bound
from ._spread import RiskBounds, spread_change_bound
from ._tests import effective_size, gain_lower_bound, mean_lower_bound

#: How the bounds of a figure are found.
RATE, GAIN, MEAN, SIMULTANEOUS, NONE = "mid-p", "tango", "t", "simultaneous", ""


def check_quantiles(ci_quantiles: Sequence[float]) -> tuple[float, ...]:
    """Check the quantiles at which bounds are asked for."""
    quantiles = tuple(ci_quantiles) if isinstance(ci_quantiles, Sequence | np.ndarray) else (ci_quantiles,)
    wrong = [q for q in quantiles if not isinstance(q, Real) or not 0 < q < 1]
    if wrong or not quantiles:
        raise ValueError(
            f"ci_quantiles must be numbers between 0 and 1 (both excluded); got {ci_quantiles!r}."
        )
    return tuple(float(q) for q in quantiles)


@dataclass(frozen=True)
class Bounds:
    """Bounds of a frame at any quantile: below 0.5 lower bounds, above it upper ones.

    Attributes
    ----------
    levels : Levels of GroupSums
    layout : Layout
    loss : Loss
    weighted : bool
    heaviest : Heaviest
    audit_is_pooled : ndarray of bool, shape (A,)
        Audit groups served by the pooled classifier by construction.
    row_of_audit : ndarray of int, shape (A,)
        Assigned group with the same members as each audit group, or -1.
    """

    levels: Levels[GroupSums]
    layout: Layout
    loss: Loss
    weighted: bool
    heaviest: Heaviest
    audit_is_pooled: np.ndarray
    row_of_audit: np.ndarray

    def by_group(self, q: float) -> dict[str, np.ndarray]:
        """Bounds of the figures of each audit group."""
        figures = self._figures(self.levels.audit, q, self.audit_is_pooled)
        envy = np.append(self._smallest_envy(q, per_row=True), np.nan)
        figures["envy_gain"] = envy[self.row_of_audit]
        return figures

    def risks(self, q: float) -> np.ndarray:
        """Bounds of the risk matrix, shape (C * K, K + 1)."""
        k = len(self.layout.groups)
        columns = np.arange(FIRST_GROUP, FIRST_GROUP + k) if self.layout.has_envy else np.array([], dtype=int)
        bounds = self._mean_bounds(self.levels.assigned, np.array([*columns, POOLED_COLUMN, OWN]), q)
        pooled, own = bounds[:, -2], bounds[:, -1]
        if self.layout.has_envy:
            return bounds[:, :-1]
        by_group = np.where(self.layout.is_own, own[:, None], np.nan)
        return np.column_stack([by_group, pooled])

    def envy(self, q: float, n_claims: np.ndarray | int = 1) -> np.ndarray:
        """Bounds of the envy matrix, shape (C * K, K); of all that share `n_claims` together."""
        k = len(self.layout.groups)
        own = self.layout.is_own
        if not self.layout.has_envy:
            return np.where(own, 0.0, np.nan)
        columns = FIRST_GROUP + np.arange(k)
        is_pooled = self.layout.assigned_is_pooled()
        identical = own | (is_pooled[:, None] & is_pooled[:k])
        return self._gain_bounds(self.levels.assigned, columns, q, identical, n_claims)

    def overall(self, q: float) -> dict[str, np.ndarray]:
        """Bounds of the figures of each control level."""
        controls = len(self.layout.controls)
        is_pooled = np.array([
            self.audit_is_pooled[self.layout.control_of_audit == control].all() for control in range(controls)
        ])  # fmt: skip
        figures = self._figures(self.levels.overall, q, is_pooled)
        unknown = np.full(controls, np.nan)
        gains = self._simultaneous_gains(q)
        mirrored = self._figures(self.levels.overall, 1 - q, is_pooled)
        accuracies = {
            "accuracy": 1 - mirrored["risk"],
            "pooled_accuracy": 1 - mirrored["pooled_risk"],
        }
        if not self.loss.counts_errors:
            accuracies = dict.fromkeys(accuracies, unknown)
        return {
            **figures,
            **accuracies,
            "n_violations": unknown,
            "max_gain": nan_max(gains),
            "min_gain": nan_min(gains),
            "envy_margin": self._smallest_envy(q, per_row=False),
            "disparity_change": self._disparity_change(q),
        }

    def methods(self) -> dict[str, str]:
        """Say how the bounds of each figure are found."""
        binary = self.loss.is_binary
        risk, gain = (RATE, GAIN) if binary else (MEAN, MEAN)
        return {
            "n": NONE,
            "risk": risk,
            "pooled_risk": risk,
            "accuracy": RATE if self.loss.counts_errors else NONE,
            "pooled_accuracy": RATE if self.loss.counts_errors else NONE,
            "rationality_gain": gain,
            "envy_gain": SIMULTANEOUS,
            **dict.fromkeys(DERIVED, RATE),
            "n_violations": NONE,
            "max_gain": SIMULTANEOUS,
            "min_gain": SIMULTANEOUS,
            "envy_margin": SIMULTANEOUS,
            "disparity_change": SIMULTANEOUS,
            "risk_matrix": risk,
            "envy_matrix": gain,
        }

    def _figures(self, sums: GroupSums, q: float, identical: np.ndarray) -> dict[str, np.ndarray]:
        means = self._mean_bounds(sums, np.array([OWN, POOLED_COLUMN]), q)
        gains = self._gain_bounds(sums, np.array([POOLED_COLUMN]), q, identical[:, None])
        n_statistics = sums.value.shape[1]
        rates = self._rate_bounds(sums, np.arange(n_statistics - len(DERIVED), n_statistics), q)
        return {
            "risk": means[:, 0],
            "pooled_risk": means[:, 1],
            "rationality_gain": gains[:, 0],
        } | {name: rates[:, i] for i, name in enumerate(DERIVED)}

    def _mean_bounds(self, sums: GroupSums, columns: np.ndarray, q: float) -> np.ndarray:
        if self.loss.is_binary:
            return self._rate_bounds(sums, columns, q)
        size = sums.kish_size() if self.weighted else sums.n.astype(float)
        if isinstance(sums, ClusteredSums):
            size = np.minimum(size, sums.units.n)
        n = np.broadcast_to(size[:, None], (len(sums.n), len(columns)))
        means, variances = sums.mean()[:, columns], sums.mean_variance()[:, columns]
        sign = 1 if q < 0.5 else -1
        bounds = sign * mean_lower_bound(n, sign * means, variances, min(q, 1 - q))
        lower, upper = self.loss.lower, self.loss.upper
        return np.clip(bounds, -np.inf if lower is None else lower, np.inf if upper is None else upper)

    def _rate_bounds(self, sums: GroupSums, columns: np.ndarray, q: float) -> np.ndarray:
        shares = sums.mean()[:, columns]
        n = np.broadcast_to(sums.n[:, None].astype(float), shares.shape)
        if self.weighted or isinstance(sums, ClusteredSums):
            variances = sums.mean_variance()[:, columns]
            if isinstance(sums, ClusteredSums):
                variances = variances * sums.correction()[:, None]
            most = sums.kish_size() if self.weighted else sums.n.astype(float)
            n = effective_size(shares * (1 - shares), variances, most[:, None])
        if isinstance(sums, ClusteredSums):
            n = np.where(shares * (1 - shares) > 0, n, np.minimum(n, sums.units.n[:, None]))
            n = n * _normal_to_student(q, sums.units.n)[:, None] ** 2
        if q < 0.5:
            return rate_lower_bound(n, shares, q)
        return rate_upper_bound(n, shares, 1 - q)

    def _gain_bounds(
        self,
        sums: GroupSums,
        columns: np.ndarray,
        q: float,
        identical: np.ndarray,
        n_claims: np.ndarray | int = 1,
    ) -> np.ndarray:
        """Bounds of gains, shape (g, len(columns)); zero where the classifiers are identical by construction."""
        shape = (len(sums.n), len(columns))
        rows, picks = (axis.ravel() for axis in np.indices(shape))
        heaviest = (
            self.heaviest.of(self.layout.audit)
            if sums is self.levels.audit
            else np.full(len(sums.n), self.heaviest.most)
        )
        differences = paired_differences(
            sums, rows, columns[picks], self.loss, self.weighted, heaviest=heaviest
        )
        alpha = np.broadcast_to(min(q, 1 - q) / np.maximum(n_claims, 1), shape).ravel()
        if q < 0.5:
            bounds = gain_lower_bound(differences, alpha, "tango")
        else:
            bounds = -gain_lower_bound(differences.mirrored(), alpha, "tango")
        bounds = np.where(identical, 0.0, bounds.reshape(shape))
        return np.where(sums.n[:, None] > 0, bounds, np.nan)

    def smallest_audit_gain(self, q: float) -> float:
        """Bound of the smallest rationality gain of an audit group, for all of them together."""
        n_claims = ((self.levels.audit.n > 0) & ~self.audit_is_pooled).sum()
        columns, identical = np.array([POOLED_COLUMN]), self.audit_is_pooled[:, None]
        return float(
            nan_min(self._gain_bounds(self.levels.audit, columns, q, identical, int(n_claims)).ravel())
        )

    def _simultaneous_gains(self, q: float) -> np.ndarray:
        """Bounds of the rationality gains of assigned groups, all of one control level together, shape (C, K)."""
        by_control = (len(self.layout.controls), -1)
        identical = self.layout.assigned_is_pooled()
        tested = ((self.levels.assigned.n > 0) & ~identical).reshape(by_control)
        n_claims = np.broadcast_to(tested.sum(axis=1, keepdims=True), tested.shape).reshape(-1, 1)
        bounds = self._gain_bounds(
            self.levels.assigned, np.array([POOLED_COLUMN]), q, identical[:, None], n_claims
        )
        return bounds.reshape(by_control)

    def _smallest_envy(self, q: float, *, per_row: bool) -> np.ndarray:
        """Bounds of the smallest envy gain of each assigned group, or of each control level."""
        if not self.layout.has_envy:
            return np.full(len(self.layout.own_column if per_row else self.layout.controls), np.nan)
        k = len(self.layout.groups)
        own = self.layout.is_own
        is_pooled = self.layout.assigned_is_pooled()
        others = ~own & (self.levels.assigned.n[:, None] > 0)
        tested = others & ~(is_pooled[:, None] & is_pooled[:k])
        shape = (-1, k) if per_row else (len(self.layout.controls), k * k)
        n_claims = tested.reshape(shape).sum(axis=1, keepdims=True)
        n_claims = np.broadcast_to(n_claims, tested.reshape(shape).shape).reshape(own.shape)
        return nan_min(np.where(others, self.envy(q, n_claims), np.nan).reshape(shape))

    def _disparity_change(self, q: float) -> np.ndarray:
        """Bounds of the change of disparity of each control level, shape (C,)."""
        audit, bounds = self.levels.audit, []
        for control in range(len(self.layout.controls)):
            mine = (self.layout.control_of_audit == control) & (audit.n > 0)
            parts = [self._risk_and_bounds(column, mine) for column in (OWN, POOLED_COLUMN)]
            bounds.append(spread_change_bound(parts[0], parts[1], q) if mine.any() else np.nan)
        return np.array(bounds)

    def _risk_and_bounds(self, column: int, groups: np.ndarray) -> tuple[np.ndarray, RiskBounds]:
        """Risks of some audit groups under one classifier, and what bounds them."""
        columns = np.array([column])

        def bounds(sign: int, alpha: float) -> np.ndarray:
            quantile = alpha if sign < 0 else 1 - alpha
            return self._mean_bounds(self.levels.audit, columns, quantile)[groups, 0]

        return self.levels.audit.mean()[groups, column], bounds


def _normal_to_student(q: float, units: np.ndarray) -> np.ndarray:
    """By what the quantile of the normal distribution is shorter than Student's of so many units; 0 of a single one."""
    student = stats.t.ppf(q, np.maximum(units - 1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(units > 1, 1.0 if q == 0.5 else stats.norm.ppf(q) / student, 0.0)
