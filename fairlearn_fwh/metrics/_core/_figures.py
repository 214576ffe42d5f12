"""Figures of groups and of the whole sample, as functions of sums; leading dimensions are replicates of a bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ._cells import DERIVED
from ._layout import Layout
from ._sums import Totals

#: Positions of the own and of the pooled classifier among the statistics; group classifiers follow.
OWN, POOLED_COLUMN, FIRST_GROUP = 0, 1, 2

T = TypeVar("T")
S = TypeVar("S", bound=Totals)


@dataclass(frozen=True)
class Levels(Generic[T]):
    """The sums of one sample at its three levels.

    Attributes
    ----------
    audit : sums of the A audit groups
    assigned : sums of the K assigned groups within each of the C control levels, C * K in all
    overall : sums of the C control levels
    """

    audit: T
    assigned: T
    overall: T

    def map(self, change: Callable[[T], T]) -> Levels[T]:
        """Change the sums of every level."""
        return Levels(change(self.audit), change(self.assigned), change(self.overall))

    @classmethod
    def of(
        cls, pairs: S, assigned: np.ndarray, audit: np.ndarray, layout: Layout, n_once: int | None = None
    ) -> Levels[S]:
        """Add up sums over pairs of an assigned (-1 for none) and an audit group; the first `n_once` cover everybody once."""
        rows, controls = rows_of_assigned(assigned, audit, layout), layout.control_of_audit[audit]
        if n_once is not None:
            rows[n_once:] = controls[n_once:] = -1
        return Levels(
            pairs.aggregate(audit, len(layout.audit)),
            pairs.aggregate(rows, len(layout.own_column)),
            pairs.aggregate(controls, len(layout.controls)),
        )


def rows_of_assigned(assigned: np.ndarray, audit: np.ndarray, layout: Layout) -> np.ndarray:
    """Row of the assigned tables of each pair of an assigned and an audit group; -1 for people without an assigned group."""
    control = layout.control_of_audit[audit]
    return np.where(assigned >= 0, control * len(layout.groups) + assigned, -1)


def group_figures(totals: Totals) -> dict[str, np.ndarray]:
    """Figures that groups and the whole sample share, each shape (..., g)."""
    means = totals.mean()
    return {
        "risk": means[..., OWN],
        "pooled_risk": means[..., POOLED_COLUMN],
        "rationality_gain": totals.gain()[..., POOLED_COLUMN],
    } | {name: means[..., i - len(DERIVED)] for i, name in enumerate(DERIVED)}


def risks(assigned: Totals, layout: Layout) -> np.ndarray:
    """Risk of each assigned group under each group's classifier and the pooled one, shape (..., C * K, K + 1)."""
    means = assigned.mean()
    k = len(layout.groups)
    if layout.has_envy:
        by_group = means[..., FIRST_GROUP : FIRST_GROUP + k]
    else:  # nobody knows how a group would do with another's classifier
        by_group = np.where(layout.is_own, means[..., [OWN]], np.nan)
    return np.concatenate([by_group, means[..., [POOLED_COLUMN]]], axis=-1)


def envy_gains(assigned: Totals, layout: Layout) -> np.ndarray:
    """Gain of each assigned group over each group's classifier, shape (..., C * K, K)."""
    if layout.has_envy:
        return assigned.gain()[..., FIRST_GROUP : FIRST_GROUP + len(layout.groups)]
    known = np.where(layout.is_own, 0.0, np.nan)
    return np.broadcast_to(known, (*assigned.weight.shape[:-1], *known.shape))


def others_envy(assigned: Totals, layout: Layout) -> np.ndarray:
    """`envy_gains`, NaN for a group's own classifier; without any columns where no other classifier is known."""
    if not layout.has_envy:
        return np.empty((*assigned.weight.shape, 0))
    return np.where(layout.is_own, np.nan, envy_gains(assigned, layout))


def overall_figures(levels: Levels[S], layout: Layout, *, has_accuracy: bool) -> dict[str, np.ndarray]:
    """Figures of each control level, each shape (..., C)."""
    figures = group_figures(levels.overall)
    shape, k = levels.overall.weight.shape, len(layout.groups)
    gains = levels.assigned.gain()[..., POOLED_COLUMN].reshape(*shape, k)
    envy = others_envy(levels.assigned, layout)
    envy = envy.reshape(*shape, k * envy.shape[-1])
    unknown = np.full(levels.overall.weight.shape, np.nan)
    violations = ((gains < 0).sum(axis=-1) + (envy < 0).sum(axis=-1)).astype(float)
    return {
        "risk": figures.pop("risk"),
        "pooled_risk": (pooled_risk := figures.pop("pooled_risk")),
        "accuracy": 1 - levels.overall.mean()[..., OWN] if has_accuracy else unknown,
        "pooled_accuracy": 1 - pooled_risk if has_accuracy else unknown,
        **figures,
        "n_violations": violations if layout.has_envy else unknown,
        "max_gain": nan_max(gains),
        "min_gain": nan_min(gains),
        "envy_margin": nan_min(envy),
        "disparity_change": _disparity_change(levels.audit, layout),
    }


def _disparity_change(audit: Totals, layout: Layout) -> np.ndarray:
    """Spread of audit groups' risks under the own classifiers minus the spread under the pooled one, (..., C)."""
    means = audit.mean()
    changes = []
    for control in range(len(layout.controls)):
        inside = means[..., layout.control_of_audit == control, :]
        own, pooled = (nan_max(x) - nan_min(x) for x in (inside[..., OWN], inside[..., POOLED_COLUMN]))
        changes.append(own - pooled)
    return np.stack(changes, axis=-1)


def nan_min(values: np.ndarray) -> np.ndarray:
    """Minimum along the last axis of the values that are not NaN; NaN if there is none."""
    return _reduce(np.min, values, np.inf)


def nan_max(values: np.ndarray) -> np.ndarray:
    """Maximum along the last axis of the values that are not NaN; NaN if there is none."""
    return _reduce(np.max, values, -np.inf)


def _reduce(function: Callable[..., np.ndarray], values: np.ndarray, neutral: float) -> np.ndarray:
    known = ~np.isnan(values)
    reduced = function(np.where(known, values, neutral), axis=-1, initial=neutral)
    return np.where(known.any(axis=-1), reduced, np.nan)
